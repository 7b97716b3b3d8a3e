package dev.lamina;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.models.Checkpoint;
import dev.lamina.models.Precision;
import dev.lamina.scheduler.CompiledModel;
import dev.lamina.scheduler.Engine;
import dev.lamina.scheduler.EngineConfig;
import dev.lamina.scheduler.EngineObserver;
import dev.lamina.scheduler.EngineStats;
import dev.lamina.scheduler.GenerationRequest;
import dev.lamina.scheduler.RequestHandle;
import dev.lamina.scheduler.RequestOutput;
import dev.lamina.scheduler.SamplingParams;
import dev.lamina.scheduler.TokenListener;
import dev.lamina.scheduler.TokenOutput;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.StringJoiner;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * One step ahead, on a device that is late, every request gets what it gets in step: greedy and
 * drawn, with penalties, log-probabilities, fewest tokens, stop ids, ends from outside, and a pool
 * that is too small for all.
 */
class StepAheadTest {
  private static final int VOCABULARY = 320;
  private static final int REQUESTS = 8;

  @TempDir private Path folder;

  /** A request and what it said. */
  private static final class Asked implements TokenListener {
    final GenerationRequest request;
    final StringJoiner said = new StringJoiner(" ");
    private final int lastWord;
    private RequestHandle handle;

    Asked(GenerationRequest request, int lastWord) {
      this.request = request;
      this.lastWord = lastWord;
    }

    @Override
    public void onToken(TokenOutput token) {
      said.add(token.index() + ":" + token.tokenId());
      for (int k = 0; k < token.numTopLogprobs(); k++) {
        said.add(token.topTokenId(k) + "=%.3f".formatted(token.topLogprob(k)));
      }
      if (token.tokenId() % 16 == lastWord) {
        token.stop();
      }
    }

    String answer() {
      RequestOutput output = handle.future().join();
      if (output.error() != null) {
        throw new AssertionError(output.error());
      }
      return said + " " + output.finishReason() + Arrays.toString(output.tokenIds());
    }
  }

  private static List<Asked> requests(long seed) {
    Random random = new Random(seed);
    int[] shared = random.ints(50, 3, VOCABULARY).toArray();
    List<Asked> all = new ArrayList<>();
    for (int i = 0; i < REQUESTS; i++) {
      int[] ids = Arrays.copyOf(shared, 1 + random.nextInt(shared.length));
      ids[ids.length - 1] = 3 + random.nextInt(VOCABULARY - 3);
      int maxTokens = 8 + random.nextInt(20);
      SamplingParams.Builder sampling =
          SamplingParams.builder()
              .seed((long) i)
              .maxTokens(maxTokens)
              .temperature(random.nextInt(3) * 0.6f)
              .minTokens(Math.min(maxTokens, random.nextInt(2) * random.nextInt(6)))
              .stopTokenIds(random.ints(6, 3, VOCABULARY).toArray());
      if (random.nextInt(4) == 0) {
        sampling.presencePenalty(0.7f).repetitionPenalty(1.2f);
      }
      if (random.nextInt(4) == 0) {
        sampling.logprobs(3);
      }
      int lastWord = random.nextInt(3) == 0 ? random.nextInt(16) : -1;
      String id = "r" + i;
      all.add(new Asked(GenerationRequest.of(id, ids, sampling.build()), lastWord));
    }
    return all;
  }

  private static EngineStats run(Engine engine, List<Asked> requests, Random pauses)
      throws Exception {
    engine.start();
    List<RequestHandle> cancelled = new ArrayList<>();
    for (Asked asked : requests) {
      asked.handle = engine.addRequest(asked.request, asked);
      // Some that end at any moment, and whose answers nobody looks at.
      cancelled.add(engine.addRequest(asked.request, TokenListener.NONE));
      LockSupport.parkNanos(pauses.nextInt(300_000));
      cancelled.get(pauses.nextInt(cancelled.size())).abort();
    }
    for (RequestHandle handle : cancelled) {
      handle.future().exceptionally(e -> null).join();
    }
    for (Asked asked : requests) {
      asked.answer();
    }
    return engine.stats();
  }

  @ParameterizedTest
  @CsvSource({"qwen3, 1", "gemma3, 2", "lfm2, 3"})
  void aLateDevice_changesNoAnswer(String model, long seed) throws Exception {
    EngineConfig config =
        EngineConfig.DEFAULT.withMaxNumSeqs(6).withMaxNumBatchedTokens(48).withNumKvBlocks(8);
    LaminaOptions options =
        LaminaOptions.DEFAULT
            .withBackend("reference")
            .withPrecision(Precision.F32)
            .withThreads(1)
            .withEngine(config);
    List<Asked> inStep = requests(seed);
    List<Asked> ahead = requests(seed);
    try (Checkpoint checkpoint = Checkpoint.open(Zoo.unzip(model, folder));
        ModelRuntime runtime = ModelRuntime.load(checkpoint, options)) {
      try (Engine engine = Engine.of(runtime.compiled(), config, EngineObserver.NONE)) {
        run(engine, inStep, new Random(seed));
      }
      CompiledModel late = on(LateDevice.of(runtime.device(), seed), runtime.compiled());
      try (Engine engine = Engine.of(late, config, EngineObserver.NONE)) {
        EngineStats stats = run(engine, ahead, new Random(seed));
        assertThat(stats.preemptions()).as("a pool too small for all").isPositive();
        assertThat(stats.numFreeKvBlocks()).isEqualTo(stats.numKvBlocks());
      }
    }
    for (int i = 0; i < REQUESTS; i++) {
      assertThat(ahead.get(i).answer()).as("request %d", i).isEqualTo(inStep.get(i).answer());
    }
  }

  /** What is drawn last counts, which the host learns when the next draw is under way. */
  @Test
  void aRepetitionPenalty_countsTheNewestToken() throws Exception {
    LaminaOptions options =
        LaminaOptions.DEFAULT.withBackend("reference").withPrecision(Precision.F32).withThreads(1);
    SamplingParams.Builder sampling = SamplingParams.builder().temperature(0).maxTokens(24);
    SamplingParams none = sampling.build();
    SamplingParams harsh = sampling.repetitionPenalty(1e6f).build();
    try (Checkpoint checkpoint = Checkpoint.open(Zoo.unzip("llama", folder));
        ModelRuntime runtime = ModelRuntime.load(checkpoint, options)) {
      CompiledModel late = on(LateDevice.of(runtime.device(), 1), runtime.compiled());
      assertThat(answer(late, none)).as("without it").containsSequence(162, 162);
      assertThat(answer(late, harsh)).doesNotHaveDuplicates();
      assertThat(answer(runtime.compiled(), harsh)).isEqualTo(answer(late, harsh));
    }
  }

  private static int[] answer(CompiledModel model, SamplingParams sampling) throws Exception {
    try (Engine engine = Engine.of(model, EngineConfig.DEFAULT, EngineObserver.NONE)) {
      engine.start();
      int[] prompt = {5, 9, 5};
      GenerationRequest request = GenerationRequest.of("r", prompt, sampling);
      return engine.addRequest(request, TokenListener.NONE).future().join().tokenIds();
    }
  }

  @ParameterizedTest
  @CsvSource({"qwen3", "gemma3", "lfm2", "mamba2", "deepseek-v3", "llama-longrope"})
  void workspaceOfTheLargestStep_isKnownAndTakenBeforeItRuns(String model) throws Exception {
    LaminaOptions options =
        LaminaOptions.DEFAULT.withBackend("cpu-vector").withPrecision(Precision.F32).withThreads(1);
    try (Checkpoint checkpoint = Checkpoint.open(Zoo.unzip(model, folder));
        ModelRuntime runtime = ModelRuntime.load(checkpoint, options)) {
      Executable step = runtime.compiled().forward();
      long[] largest = ModelRuntime.largestStep(step, runtime.compiled().slots());
      long before = runtime.device().stats().liveBytes();
      step.reserve(largest);
      assertThat(runtime.device().stats().liveBytes() - before)
          .isEqualTo(step.workspaceBytes(largest))
          .isBetween(1L << 16, 1L << 36);
    }
  }

  private static CompiledModel on(Device device, CompiledModel model) {
    return new CompiledModel(
        device,
        model.forward(),
        model.slots(),
        model.weights(),
        model.groups(),
        model.states(),
        model.recurrent(),
        model.limits());
  }
}
