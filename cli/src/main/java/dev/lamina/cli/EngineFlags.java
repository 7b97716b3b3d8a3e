package dev.lamina.cli;

import dev.lamina.scheduler.EngineConfig;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Limits of the engine, by vLLM's names. */
final class EngineFlags {
  @Option(names = "--max-num-seqs", paramLabel = "N", description = "Most requests at once (256).")
  private @Nullable Integer maxNumSeqs;

  @Option(
      names = "--max-num-batched-tokens",
      paramLabel = "N",
      description = "Most tokens a step: the chunk budget.")
  private @Nullable Integer maxNumBatchedTokens;

  @Option(names = "--num-kv-blocks", paramLabel = "N", description = "KV blocks of 16 tokens.")
  private @Nullable Integer numKvBlocks;

  @Option(names = "--kv-memory", paramLabel = "BYTES", description = "Memory for KV.")
  private @Nullable Long kvMemory;

  @Option(names = "--max-model-len", paramLabel = "N", description = "Longest context.")
  private @Nullable Integer maxModelLen;

  @Option(names = "--no-prefix-caching", description = "Equal beginnings share no KV.")
  private boolean noPrefixCaching;

  /** The configuration these flags ask for. */
  EngineConfig config() {
    EngineConfig c = EngineConfig.DEFAULT.withPrefixCaching(!noPrefixCaching);
    if (maxNumSeqs != null) {
      c = c.withMaxNumSeqs(atLeastOne("--max-num-seqs", maxNumSeqs).intValue());
    }
    if (maxNumBatchedTokens != null) {
      c =
          c.withMaxNumBatchedTokens(
              atLeastOne("--max-num-batched-tokens", maxNumBatchedTokens).intValue());
    }
    if (numKvBlocks != null) {
      c = c.withNumKvBlocks(atLeastOne("--num-kv-blocks", numKvBlocks).intValue());
    }
    if (kvMemory != null) {
      c = c.withKvMemoryBytes(atLeastOne("--kv-memory", kvMemory).longValue());
    }
    if (maxModelLen != null) {
      c = c.withMaxModelLen(atLeastOne("--max-model-len", maxModelLen).intValue());
    }
    return c;
  }

  private static Number atLeastOne(String flag, Number value) {
    if (value.longValue() < 1) {
      throw new UsageException(flag + ": expected at least 1, got " + value);
    }
    return value;
  }
}
