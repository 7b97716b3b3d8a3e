package dev.lamina.scheduler;

import java.util.List;

/**
 * A snapshot of the engine's counters, all since its start unless said otherwise.
 *
 * @param steps steps that ran tokens
 * @param maxBatch most requests of one step
 * @param preemptions requests put back to waiting because KV blocks ran out
 * @param prefixQueryTokens prompt tokens looked up in the prefix cache
 * @param prefixHitTokens prompt tokens found there
 * @param promptTokens prompt tokens of the requests that were admitted
 * @param generationTokens tokens sampled
 * @param numRunning requests running now
 * @param numWaiting requests waiting now, those not yet seen by the engine thread included
 * @param numKvBlocks KV blocks of the pool
 * @param numFreeKvBlocks those that no request holds now, of the group that has the fewest
 * @param numFreeByGroup the same for each KV group: layers that see all, layers that slide
 */
public record EngineStats(
    long steps,
    int maxBatch,
    long preemptions,
    long prefixQueryTokens,
    long prefixHitTokens,
    long promptTokens,
    long generationTokens,
    int numRunning,
    int numWaiting,
    int numKvBlocks,
    int numFreeKvBlocks,
    List<Integer> numFreeByGroup) {

  /** Copies the list. */
  public EngineStats {
    numFreeByGroup = List.copyOf(numFreeByGroup);
  }

  /** Share of the KV blocks that requests hold, 0 to 1. */
  public double kvCacheUsage() {
    return numKvBlocks == 0 ? 0 : 1 - (double) numFreeKvBlocks / numKvBlocks;
  }
}
