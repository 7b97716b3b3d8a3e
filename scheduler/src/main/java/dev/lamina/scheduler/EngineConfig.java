package dev.lamina.scheduler;

/**
 * The engine's flags; vLLM's names.
 *
 * @param maxNumSeqs most requests that run at once
 * @param maxNumBatchedTokens most tokens of one step: the chunk budget
 * @param numKvBlocks KV blocks of the pool; 0 lets the loader derive it from memory
 * @param kvMemoryBytes memory for KV; 0 lets the loader choose
 * @param blockSize tokens of a KV block, a multiple of 16
 * @param enablePrefixCaching whether equal prompt beginnings share KV
 * @param maxModelLen longest context, prompt and output; 0 takes the model's
 * @param schedulingPolicy order of admission and preemption
 * @param longPrefillTokenThreshold most prompt tokens one request gets in a step; 0 is no limit
 */
public record EngineConfig(
    int maxNumSeqs,
    int maxNumBatchedTokens,
    int numKvBlocks,
    long kvMemoryBytes,
    int blockSize,
    boolean enablePrefixCaching,
    int maxModelLen,
    SchedulingPolicy schedulingPolicy,
    int longPrefillTokenThreshold) {

  /** vLLM's defaults: 256 sequences, 2048 tokens a step, blocks of 16, prefix caching, FCFS. */
  public static final EngineConfig DEFAULT =
      new EngineConfig(256, 2048, 0, 0, 16, true, 0, SchedulingPolicy.FCFS, 0);

  public EngineConfig {
    atLeast("--max-num-seqs", maxNumSeqs, 1);
    atLeast("--max-num-batched-tokens", maxNumBatchedTokens, 1);
    atLeast("--num-kv-blocks", numKvBlocks, 0);
    atLeast("--kv-memory", kvMemoryBytes, 0);
    atLeast("--max-model-len", maxModelLen, 0);
    atLeast("--long-prefill-token-threshold", longPrefillTokenThreshold, 0);
    if (blockSize < 16 || blockSize % 16 != 0) {
      throw new InvalidRequestException(
          "--block-size", "--block-size: expected a multiple of 16, got " + blockSize);
    }
  }

  public EngineConfig withMaxNumSeqs(int value) {
    return new EngineConfig(
        value,
        maxNumBatchedTokens,
        numKvBlocks,
        kvMemoryBytes,
        blockSize,
        enablePrefixCaching,
        maxModelLen,
        schedulingPolicy,
        longPrefillTokenThreshold);
  }

  public EngineConfig withMaxNumBatchedTokens(int value) {
    return new EngineConfig(
        maxNumSeqs,
        value,
        numKvBlocks,
        kvMemoryBytes,
        blockSize,
        enablePrefixCaching,
        maxModelLen,
        schedulingPolicy,
        longPrefillTokenThreshold);
  }

  public EngineConfig withNumKvBlocks(int value) {
    return new EngineConfig(
        maxNumSeqs,
        maxNumBatchedTokens,
        value,
        kvMemoryBytes,
        blockSize,
        enablePrefixCaching,
        maxModelLen,
        schedulingPolicy,
        longPrefillTokenThreshold);
  }

  public EngineConfig withKvMemoryBytes(long value) {
    return new EngineConfig(
        maxNumSeqs,
        maxNumBatchedTokens,
        numKvBlocks,
        value,
        blockSize,
        enablePrefixCaching,
        maxModelLen,
        schedulingPolicy,
        longPrefillTokenThreshold);
  }

  public EngineConfig withPrefixCaching(boolean value) {
    return new EngineConfig(
        maxNumSeqs,
        maxNumBatchedTokens,
        numKvBlocks,
        kvMemoryBytes,
        blockSize,
        value,
        maxModelLen,
        schedulingPolicy,
        longPrefillTokenThreshold);
  }

  public EngineConfig withMaxModelLen(int value) {
    return new EngineConfig(
        maxNumSeqs,
        maxNumBatchedTokens,
        numKvBlocks,
        kvMemoryBytes,
        blockSize,
        enablePrefixCaching,
        value,
        schedulingPolicy,
        longPrefillTokenThreshold);
  }

  public EngineConfig withSchedulingPolicy(SchedulingPolicy value) {
    return new EngineConfig(
        maxNumSeqs,
        maxNumBatchedTokens,
        numKvBlocks,
        kvMemoryBytes,
        blockSize,
        enablePrefixCaching,
        maxModelLen,
        value,
        longPrefillTokenThreshold);
  }

  public EngineConfig withLongPrefillTokenThreshold(int value) {
    return new EngineConfig(
        maxNumSeqs,
        maxNumBatchedTokens,
        numKvBlocks,
        kvMemoryBytes,
        blockSize,
        enablePrefixCaching,
        maxModelLen,
        schedulingPolicy,
        value);
  }

  private static void atLeast(String flag, long value, long min) {
    if (value < min) {
      throw new InvalidRequestException(
          flag, flag + ": expected at least " + min + ", got " + value);
    }
  }
}
