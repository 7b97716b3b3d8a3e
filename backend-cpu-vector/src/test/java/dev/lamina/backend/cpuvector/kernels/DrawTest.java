package dev.lamina.backend.cpuvector.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class DrawTest {
  private static final long SEED = 99;

  private static Draw.Settings settings(float t, int k, float p, float minP, long position) {
    return new Draw.Settings(t, k, p, minP, 7, position);
  }

  private static int draw(Draw draw, float[] logits, Draw.Settings how) {
    System.arraycopy(logits, 0, draw.row(logits.length), 0, logits.length);
    return draw.draw(logits.length, how);
  }

  /** What may be drawn, by the definition: min-p, then top-k, then top-p of the rest. */
  private static TreeSet<Integer> kept(float[] logits, Draw.Settings how) {
    Integer[] order = new Integer[logits.length];
    java.util.Arrays.setAll(order, i -> i);
    java.util.Arrays.sort(order, (a, b) -> Float.compare(logits[b], logits[a]));
    double most = logits[order[0]] / how.temperature();
    TreeSet<Integer> kept = new TreeSet<>();
    double total = 0;
    int candidates = 0;
    for (int i : order) {
      double p = Math.exp(logits[i] / how.temperature() - most);
      if (p >= how.minP() && (how.topK() == 0 || candidates < how.topK())) {
        candidates++;
        total += p;
      }
    }
    double before = 0;
    for (int i = 0; i < candidates && (i == 0 || before / total < how.topP()); i++) {
      kept.add(order[i]);
      before += Math.exp(logits[order[i]] / how.temperature() - most);
    }
    return kept;
  }

  @Test
  void draw_takesTheLowestIndexOfEqualLogits_atTemperatureZero() {
    float[] logits = {1, Float.NaN, 3, 3, -2};
    assertThat(draw(new Draw(), logits, settings(0, 0, 1, 0, 1))).isEqualTo(2);
  }

  @Test
  void draw_staysInsideTheKeptTokens_andReachesThemAll() {
    Random random = new Random(SEED);
    float[] logits = new float[40];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) random.nextGaussian();
    }
    Draw draw = new Draw();
    for (int k : new int[] {0, 1, 5, 40}) {
      for (float p : new float[] {1, 0.5f, 0.01f}) {
        for (float minP : new float[] {0, 0.3f}) {
          TreeSet<Integer> drawn = new TreeSet<>();
          for (int position = 0; position < 4000; position++) {
            drawn.add(draw(draw, logits, settings(1.3f, k, p, minP, position)));
          }
          assertThat(drawn)
              .as("topK %d topP %s minP %s seed %d", k, p, minP, SEED)
              .isEqualTo(kept(logits, settings(1.3f, k, p, minP, 0)));
        }
      }
    }
  }

  @Test
  void draw_isTheSameForSeedAndPosition_whateverWasDrawnBefore() {
    Draw draw = new Draw();
    float[] logits = new float[100];
    int first = draw(draw, logits, settings(1, 0, 1, 0, 5));
    draw(draw, logits, settings(1, 3, 0.5f, 0, 6));
    assertThat(draw(draw, logits, settings(1, 0, 1, 0, 5))).isEqualTo(first);
    assertThat(draw(draw, logits, settings(1, 100, 1, 0, 5))).isEqualTo(first);
  }

  @Test
  void philox_givesThePublishedWords() {
    Philox philox = new Philox();
    philox.start(0, 0);
    assertThat(philox.word(0)).isEqualTo(0x6627e8d5);
    assertThat(philox.word(1)).isEqualTo(0xe169c58d);
    assertThat(philox.word(2)).isEqualTo(0xbc57ac4c);
    assertThat(philox.word(3)).isEqualTo(0x9b00dbd8);
  }

  @Test
  void largest_givesTiesLowestFirst_andNaNLast() {
    float[] z = {2, Float.NaN, 5, 2, 5, -1};
    assertThat(LogitsRows.largest(z, 6, 6)).containsExactly(2, 4, 0, 3, 5, 1);
    assertThat(LogitsRows.largest(z, 6, 0)).isEmpty();
  }
}
