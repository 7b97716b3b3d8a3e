package dev.lamina.scheduler;

import java.util.function.Consumer;

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
    return with(f -> f.maxNumSeqs = value);
  }

  public EngineConfig withMaxNumBatchedTokens(int value) {
    return with(f -> f.maxNumBatchedTokens = value);
  }

  public EngineConfig withNumKvBlocks(int value) {
    return with(f -> f.numKvBlocks = value);
  }

  public EngineConfig withKvMemoryBytes(long value) {
    return with(f -> f.kvMemoryBytes = value);
  }

  public EngineConfig withPrefixCaching(boolean value) {
    return with(f -> f.enablePrefixCaching = value);
  }

  public EngineConfig withMaxModelLen(int value) {
    return with(f -> f.maxModelLen = value);
  }

  public EngineConfig withSchedulingPolicy(SchedulingPolicy value) {
    return with(f -> f.schedulingPolicy = value);
  }

  public EngineConfig withLongPrefillTokenThreshold(int value) {
    return with(f -> f.longPrefillTokenThreshold = value);
  }

  private static void atLeast(String flag, long value, long min) {
    if (value < min) {
      throw new InvalidRequestException(
          flag, flag + ": expected at least " + min + ", got " + value);
    }
  }

  /** The components, one of which may change. */
  private static final class Fields {
    int maxNumSeqs;
    int maxNumBatchedTokens;
    int numKvBlocks;
    long kvMemoryBytes;
    final int blockSize;
    boolean enablePrefixCaching;
    int maxModelLen;
    SchedulingPolicy schedulingPolicy;
    int longPrefillTokenThreshold;

    Fields(EngineConfig from) {
      maxNumSeqs = from.maxNumSeqs;
      maxNumBatchedTokens = from.maxNumBatchedTokens;
      numKvBlocks = from.numKvBlocks;
      kvMemoryBytes = from.kvMemoryBytes;
      blockSize = from.blockSize;
      enablePrefixCaching = from.enablePrefixCaching;
      maxModelLen = from.maxModelLen;
      schedulingPolicy = from.schedulingPolicy;
      longPrefillTokenThreshold = from.longPrefillTokenThreshold;
    }
  }

  private EngineConfig with(Consumer<Fields> change) {
    Fields f = new Fields(this);
    change.accept(f);
    return new EngineConfig(
        f.maxNumSeqs,
        f.maxNumBatchedTokens,
        f.numKvBlocks,
        f.kvMemoryBytes,
        f.blockSize,
        f.enablePrefixCaching,
        f.maxModelLen,
        f.schedulingPolicy,
        f.longPrefillTokenThreshold);
  }
}
