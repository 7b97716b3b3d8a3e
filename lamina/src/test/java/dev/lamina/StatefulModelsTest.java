package dev.lamina;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.models.Precision;
import dev.lamina.scheduler.EngineConfig;
import dev.lamina.scheduler.EngineObserver;
import dev.lamina.scheduler.EngineStats;
import dev.lamina.scheduler.SamplingParams;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models that keep something else of a sequence than all its keys and values. */
class StatefulModelsTest {
  private static final int VOCABULARY = 320;

  @TempDir private Path folder;

  private static LaminaOptions options(EngineConfig engine) {
    return LaminaOptions.DEFAULT
        .withBackend("cpu-vector")
        .withPrecision(Precision.F32)
        .withThreads(1)
        .withEngine(engine);
  }

  private Lamina open(String model, EngineConfig engine) throws Exception {
    return Lamina.open(Zoo.unzip(model, folder).toString(), options(engine));
  }

  private static int[] prompt(int length, long seed) {
    return new Random(seed).ints(length, 3, VOCABULARY).toArray();
  }

  private static Generation start(Lamina lamina, int[] ids, int maxTokens, AnswerListener to) {
    SamplingParams params =
        SamplingParams.builder().temperature(0).maxTokens(maxTokens).ignoreEos(true).build();
    return lamina.start(Prompt.tokens(ids), GenerationOptions.of(params), to);
  }

  private static Answer answer(Lamina lamina, int[] ids, int maxTokens) {
    return start(lamina, ids, maxTokens, new Listener(() -> {})).answer().join();
  }

  @ParameterizedTest
  @ValueSource(strings = {"kimi-linear", "lfm2", "mamba2", "nemotron-h", "qwen3-next", "qwen3.5"})
  void laterRequests_resumeFromCheckpointsWithTheSameIds(String model) throws Exception {
    int[] first = prompt(80, 1);
    int[] longer = Arrays.copyOf(first, 92);
    System.arraycopy(prompt(12, 2), 0, longer, 80, 12);
    List<int[]> prompts = List.of(first, longer, first);
    List<int[]> expected = new ArrayList<>();
    try (Lamina lamina = open(model, EngineConfig.DEFAULT.withPrefixCaching(false))) {
      for (int[] ids : prompts) {
        expected.add(answer(lamina, ids, 20).tokenIds());
      }
    }
    try (Lamina lamina = open(model, EngineConfig.DEFAULT)) {
      int[] cached = {0, 80, 64};
      for (int i = 0; i < cached.length; i++) {
        Answer answer = answer(lamina, prompts.get(i), 20);
        assertThat(answer.numCachedTokens()).isEqualTo(cached[i]);
        assertThat(answer.tokenIds()).isEqualTo(expected.get(i));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mamba2", "qwen3.5"})
  void abortedRequest_leavesNoStateToTheNext(String model) throws Exception {
    int[] prompt = prompt(37, 3);
    try (Lamina lamina = open(model, EngineConfig.DEFAULT.withMaxNumSeqs(1))) {
      int[] alone = answer(lamina, prompt, 30).tokenIds();
      CountDownLatch running = new CountDownLatch(3);
      Generation aborted = start(lamina, prompt(50, 4), 400, new Listener(running::countDown));
      running.await();
      aborted.abort();
      aborted.answer().exceptionally(e -> null).join();
      assertThat(answer(lamina, prompt, 30).tokenIds()).isEqualTo(alone);
      assertThat(lamina.engineStats().numRunning()).isZero();
    }
  }

  @Test
  void preemptedRequests_computeTheirStateAnew() throws Exception {
    List<int[]> prompts = new ArrayList<>();
    List<int[]> expected = new ArrayList<>();
    try (Lamina lamina = open("qwen3.5", EngineConfig.DEFAULT)) {
      for (int i = 0; i < 5; i++) {
        prompts.add(prompt(30 + 7 * i, 10 + i));
        expected.add(answer(lamina, prompts.get(i), 60).tokenIds());
      }
    }
    try (Lamina lamina = open("qwen3.5", EngineConfig.DEFAULT.withNumKvBlocks(14))) {
      List<CompletableFuture<Answer>> answers = new ArrayList<>();
      for (int[] ids : prompts) {
        answers.add(start(lamina, ids, 60, new Listener(() -> {})).answer());
      }
      for (int i = 0; i < prompts.size(); i++) {
        assertThat(answers.get(i).join().tokenIds()).isEqualTo(expected.get(i));
      }
      assertThat(lamina.engineStats().preemptions()).isPositive();
    }
  }

  /** The group that slides is mistral's only one and gemma3's second, behind one that sees all. */
  @ParameterizedTest
  @CsvSource({"mistral, 0", "gemma3, 1"})
  void slidingLayers_holdNoPageBehindTheWindowAndOneStep(String name, int group) throws Exception {
    int window = 16;
    int stepTokens = 32;
    AtomicReference<Lamina> engine = new AtomicReference<>();
    AtomicInteger most = new AtomicInteger();
    AtomicInteger all = new AtomicInteger();
    EngineObserver observer =
        new EngineObserver() {
          @Override
          public void onStep(int numTokens, int numSeqs) {
            Lamina lamina = engine.get();
            if (lamina != null) {
              EngineStats s = lamina.engineStats();
              int held = s.numKvBlocks() - s.numFreeByGroup().get(group);
              most.accumulateAndGet(held, Math::max);
              all.accumulateAndGet(s.numKvBlocks() - s.numFreeKvBlocks(), Math::max);
            }
          }
        };
    EngineConfig config =
        EngineConfig.DEFAULT.withMaxNumBatchedTokens(stepTokens).withPrefixCaching(false);
    Path model = Zoo.unzip(name, folder);
    try (Lamina lamina = Lamina.open(model.toString(), options(config).withObserver(observer))) {
      engine.set(lamina);
      assertThat(answer(lamina, prompt(350, 5), 50).tokenIds()).hasSize(50);
    }
    // Blocks of 16 that the window and a step's tokens touch, wherever they begin.
    assertThat(most.get()).isBetween(2, (window + stepTokens) / 16 + 1);
    // What sees all holds 400 positions.
    assertThat(all.get()).isEqualTo(group == 0 ? most.get() : 25);
  }

  /** Counts what comes. */
  private record Listener(Runnable onToken) implements AnswerListener {
    @Override
    public void onDelta(Delta delta) {
      onToken.run();
    }

    @Override
    public void onAnswer(Answer answer) {}

    @Override
    public void onError(Throwable error) {}
  }
}
