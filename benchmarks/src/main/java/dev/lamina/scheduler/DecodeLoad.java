package dev.lamina.scheduler;

import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Requests in the middle of decode, over an executor that answers at once. */
final class DecodeLoad {
  private static final int PROMPT_TOKENS = 128;

  /** Steps of a benchmark call, enough to drown what the harness itself allocates. */
  static final int STEPS = 2000;

  /** Calls of a run, warm-up included. */
  static final int CALLS = 25;

  private static final int OUTPUT_TOKENS = STEPS * CALLS + 100;
  private static final int BLOCK_SIZE = 16;

  final EngineConfig config;
  final ModelLimits limits = new ModelLimits(32_000, Integer.MAX_VALUE / 2, new int[] {2});
  final List<KvGroup> groups;

  DecodeLoad(int numSeqs) {
    this.config = EngineConfig.DEFAULT.withMaxNumSeqs(numSeqs).withMaxNumBatchedTokens(8192);
    this.groups =
        List.of(
            new KvGroup(
                "kv.0",
                numSeqs * (PROMPT_TOKENS + OUTPUT_TOKENS) / BLOCK_SIZE + numSeqs,
                BLOCK_SIZE,
                new KvGroup.Lifetime.UntilFinished()));
  }

  GenerationRequest request(int i) {
    int[] promptIds = new Random(i).ints(PROMPT_TOKENS, 3, 32_000).toArray();
    SamplingParams sampling =
        SamplingParams.builder().temperature(0).ignoreEos(true).maxTokens(OUTPUT_TOKENS).build();
    return GenerationRequest.of("r" + i, promptIds, sampling);
  }

  /** Room for all that the run will generate, so that growing is not what is measured. */
  void reserve(RequestHandle request) {
    ((Request) request).reserve(PROMPT_TOKENS + OUTPUT_TOKENS);
  }

  /** Samples token 5, always. */
  static final class Instant implements StepExecutor {
    private final SampledTokens sampled;

    Instant(int numSeqs) {
      sampled = new SampledTokens(numSeqs);
      java.util.Arrays.fill(sampled.tokenIds, 5);
    }

    @Override
    public void execute(ScheduledBatch batch) {}

    @Override
    public SampledTokens await() {
      return sampled;
    }

    @Override
    public void adopt(@Nullable AdaptedStep step) {}

    @Override
    public void close() {}
  }
}
