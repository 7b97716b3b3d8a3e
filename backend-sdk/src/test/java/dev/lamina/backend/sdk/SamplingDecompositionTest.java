package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Composite.assertClose;
import static dev.lamina.backend.sdk.Composite.uniform;
import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Value;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Decomposed sampling against the rule in doubles and the generator's published vectors. */
class SamplingDecompositionTest {
  private static final double NONE = Double.NEGATIVE_INFINITY;

  private final Random random = new Random(3);

  /** One row's sampling parameters. */
  record Params(double temperature, int topK, double topP, double minP, long seed, long position) {}

  private static long[] sample(double[] logits, int vocab, Params... rows) {
    Composite c = new Composite();
    int n = rows.length;
    Dim r = Dim.sym("R", 1, 64);
    Value ids =
        c.g.add(
            new CompositeOp.Sample(),
            c.in(Array.f32(logits, n, vocab), r, Dim.of(vocab)),
            c.in(Array.f32(Arrays.stream(rows).mapToDouble(Params::temperature).toArray(), n), r),
            c.in(Array.i32(Arrays.stream(rows).mapToLong(Params::topK).toArray()), r),
            c.in(Array.f32(Arrays.stream(rows).mapToDouble(Params::topP).toArray(), n), r),
            c.in(Array.f32(Arrays.stream(rows).mapToDouble(Params::minP).toArray(), n), r),
            c.in(
                Array.ints(DType.I64, Arrays.stream(rows).mapToLong(Params::seed).toArray(), n), r),
            c.in(
                Array.ints(DType.I64, Arrays.stream(rows).mapToLong(Params::position).toArray(), n),
                r));
    return c.run(ids).getFirst().ints;
  }

  @Test
  void sample_temperatureZeroTakesTheLowestIndexOfATie() {
    Params greedy = new Params(0, 0, 1, 0, 1, 1);
    double[] logits = {1, 5, 5, 0, NONE, NONE, NONE, 2};
    assertThat(sample(logits, 4, greedy, greedy)).containsExactly(1, 3);
  }

  @Test
  void sample_topKOneIsGreedyWithTiesToTheLowestIndex() {
    Params one = new Params(3, 1, 1, 0, 42, 9);
    assertThat(sample(new double[] {0, 2, 2, 1, 2}, 5, one)).containsExactly(1);
  }

  @Test
  void sample_topPZeroKeepsTheFirstAlways() {
    assertThat(sample(new double[] {0, 1, 4, 3}, 4, new Params(5, 0, 0, 0, 7, 7)))
        .containsExactly(2);
  }

  @Test
  void sample_maskedRowStaysInsideTheVocabulary() {
    double[] logits = {NONE, NONE, NONE};
    assertThat(sample(logits, 3, new Params(1, 2, 0.5, 0.1, 7, 7))).containsExactly(0);
  }

  @Test
  void sample_drawsNoTokenThatIsNaN() {
    double[] logits = {Double.NaN, 1, Double.NaN};
    assertThat(sample(logits, 3, new Params(1, 0, 1, 0, 7, 7))).containsExactly(1);
  }

  @Test
  void sample_followsTheRuleForMixedRows() {
    int vocab = 29;
    Params[] rows = new Params[48];
    for (int i = 0; i < rows.length; i++) {
      rows[i] =
          new Params(
              i % 5 == 0 ? 0 : 0.3 + 0.2 * (i % 7),
              new int[] {0, 3, 10, 40}[i % 4],
              new double[] {1, 0.5, 0.9}[i % 3],
              i % 2 == 0 ? 0 : 0.08,
              random.nextLong(),
              i % 6 == 0 ? random.nextLong() : i);
    }
    double[] logits = Reference.map(uniform(random, rows.length * vocab), v -> (float) v);
    long[] expected = new long[rows.length];
    for (int i = 0; i < rows.length; i++) {
      expected[i] = expected(Arrays.copyOfRange(logits, i * vocab, (i + 1) * vocab), rows[i]);
    }
    assertThat(sample(logits, vocab, rows)).containsExactly(expected);
    assertThat(Arrays.stream(expected).distinct().count()).isGreaterThan(8);
  }

  @Test
  void sample_dependsOnSeedAndPositionAndNotOnTheBatch() {
    double[] row = uniform(random, 50);
    Params p = new Params(1, 0, 1, 0, 99, 5);
    long alone = sample(row, 50, p)[0];
    double[] three = new double[150];
    System.arraycopy(row, 0, three, 50, 50);
    Params cut = new Params(2, 5, 0.7, 0, 1, 2);
    assertThat(sample(three, 50, cut, p, cut)[1]).isEqualTo(alone);
  }

  private static long expected(double[] logits, Params p) {
    int n = logits.length;
    Integer[] order = new Integer[n];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Double.compare(logits[b], logits[a]));
    if (p.temperature() == 0) {
      return order[0];
    }
    double[] e = Reference.map(logits, v -> Math.exp(v / (float) p.temperature()));
    double largest = e[order[0]];
    List<Integer> kept =
        Arrays.stream(order)
            .filter(i -> e[i] >= p.minP() * largest)
            .limit(p.topK() == 0 ? n : p.topK())
            .toList();
    double total = kept.stream().mapToDouble(i -> e[i]).sum();
    double before = 0;
    double best = NONE;
    long id = -1;
    for (int i : kept) {
      if (i != kept.getFirst() && before >= p.topP() * total) {
        break;
      }
      before += e[i];
      double noisy = logits[i] / (float) p.temperature() + gumbel(word(p.seed(), p.position(), i));
      if (noisy > best) {
        best = noisy;
        id = i;
      }
    }
    return id;
  }

  private static double gumbel(int r) {
    return -Math.log(-Math.log(((r >>> 9) + 0.5) * 0x1p-23));
  }

  private static int word(long seed, long position, int v) {
    int[] counter = {(int) position, (int) (position >>> 32), v / 4, 0};
    return philox(counter, (int) seed, (int) (seed >>> 32))[v % 4];
  }

  private static int[] philox(int[] counter, int key0, int key1) {
    int[] c = counter;
    int k0 = key0;
    int k1 = key1;
    for (int round = 0; round < 10; round++) {
      long a = (c[0] & 0xffffffffL) * 0xD2511F53L;
      long b = (c[2] & 0xffffffffL) * 0xCD9E8D57L;
      c = new int[] {(int) (b >>> 32) ^ c[1] ^ k0, (int) b, (int) (a >>> 32) ^ c[3] ^ k1, (int) a};
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    return c;
  }

  @Test
  void philox_ofTheTestsMatchesThePublishedVectors() {
    assertThat(philox(new int[4], 0, 0))
        .containsExactly(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    int[] pi = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
    assertThat(philox(pi, 0xa4093822, 0x299f31d0))
        .containsExactly(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
  }

  @Test
  void penalties_countOutputOnlyAndRepeatOverBoth() {
    Composite c = new Composite();
    double[] logits = {1, -1, 2, -2, 3, 1, -1, 2, -2, 3};
    Dim r = Dim.sym("R", 1, 8);
    // Row 0: prompt 0 1, output 1 3 3. Row 1: no penalty set.
    long[] history = {0, 1, 1, 3, 3, -1, 4, 4, 4, -1, -1, -1};
    Value y =
        c.g.add(
            new CompositeOp.Penalties(),
            c.in(Array.f32(logits, 2, 5), r, Dim.of(5)),
            c.in(Array.ints(DType.I32, history, 2, 6), r, Dim.sym("L", 0, 64)),
            c.in(Array.i32(2, 1), r),
            c.in(Array.f32(new double[] {0.5, 0}, 2), r),
            c.in(Array.f32(new double[] {0.25, 0}, 2), r),
            c.in(Array.f32(new double[] {2, 1}, 2), r));
    assertThat(c.run(y).getFirst().floats)
        .containsExactly(0.5, -2 - 0.25 - 0.5, 2, -4 - 0.5 - 0.5, 3, 1, -1, 2, -2, 3);
  }

  @Test
  void applyBitmask_hidesTokensWhoseBitIsZero() {
    Composite c = new Composite();
    double[] logits = uniform(random, 2 * 37);
    long[] mask = {0x8000_0001L, 0x10, 0xffff_ffffL, 0};
    Value y =
        c.g.add(
            new CompositeOp.ApplyBitmask(),
            c.in(Array.f32(logits, 2, 37)),
            c.in(Array.ints(DType.U32, mask, 2, 2)));
    double[] out = c.run(y).getFirst().floats;
    for (int i = 0; i < out.length; i++) {
      boolean allowed = i >= 37 ? i < 37 + 32 : i == 0 || i == 31 || i == 36;
      assertThat(out[i]).as("token %d", i).isEqualTo(allowed ? (double) (float) logits[i] : NONE);
    }
  }

  @Test
  void logprobs_giveChosenAndLargest() {
    Composite c = new Composite();
    double[] logits = {1, 3, 3, 900, NONE, 0, 1, 2, 3, 4};
    List<Value> y =
        c.g.addAll(
            new CompositeOp.Logprobs(3),
            List.of(c.in(Array.f32(logits, 2, 5)), c.in(Array.i32(3, 1))));
    List<Array> out = c.run(y.toArray(Value[]::new));
    double lse = Math.log(1 + Math.exp(-1) + Math.exp(-2) + Math.exp(-3) + Math.exp(-4)) + 4;
    assertClose(out.getFirst(), new double[] {0, 1 - lse}, 1e-6);
    assertClose(out.get(1), new double[] {0, -897, -897, 4 - lse, 3 - lse, 2 - lse}, 1e-6);
    assertThat(out.get(2).ints).containsExactly(3, 1, 2, 4, 3, 2);
  }

  @Test
  void logprobs_ofNoneListNone() {
    Composite c = new Composite();
    List<Value> y =
        c.g.addAll(
            new CompositeOp.Logprobs(0),
            List.of(c.in(Array.f32(new double[] {0, 0}, 1, 2)), c.in(Array.i32(0))));
    List<Array> out = c.run(y.toArray(Value[]::new));
    assertClose(out.getFirst(), new double[] {Math.log(0.5)}, 1e-6);
    assertThat(out.get(1).sizes).containsExactly(1, 0);
  }
}
