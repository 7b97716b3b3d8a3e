package dev.lamina;

import dev.lamina.scheduler.EngineConfig;
import dev.lamina.spi.DeviceInfo.MemoryInfo;

/** How many KV pages a pool gets. */
final class KvBudget {
  /** On memory shared with the host, enough for so many contexts of full length. */
  private static final int SHARED_CONTEXTS = 8;

  private KvBudget() {}

  /**
   * Pages of every pool.
   *
   * @param engine what the user asked for
   * @param memory of the device, weights already loaded
   * @param bytesPerPage one page of every pool together
   * @param maxModelLen longest context in tokens
   */
  static int numBlocks(EngineConfig engine, MemoryInfo memory, long bytesPerPage, int maxModelLen) {
    if (engine.numKvBlocks() > 0) {
      return engine.numKvBlocks();
    }
    long budget = engine.kvMemoryBytes();
    if (budget == 0) {
      long contextPages = (maxModelLen + engine.blockSize() - 1L) / engine.blockSize();
      long useful =
          contextPages
              * bytesPerPage
              * (memory.sharedWithHost()
                  ? Math.min(SHARED_CONTEXTS, engine.maxNumSeqs())
                  : engine.maxNumSeqs());
      double share = memory.sharedWithHost() ? 0.25 : 0.9;
      budget = Math.min(useful, (long) (memory.freeBytes() * share));
    }
    long blocks = Math.min(budget / bytesPerPage, Integer.MAX_VALUE / engine.blockSize());
    if (blocks < 1) {
      throw new LaminaException(
          "KV pool: expected memory for at least one block of %d bytes, got %d; raise --kv-memory"
              .formatted(bytesPerPage, budget));
    }
    return (int) blocks;
  }
}
