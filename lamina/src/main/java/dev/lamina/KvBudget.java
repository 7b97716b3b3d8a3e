package dev.lamina;

import dev.lamina.scheduler.EngineConfig;
import dev.lamina.spi.DeviceInfo.MemoryInfo;
import java.util.Locale;

/** How many KV pages a pool gets. */
final class KvBudget {
  /** On memory shared with the host, enough for so many contexts of full length. */
  private static final int SHARED_CONTEXTS = 8;

  /** Checkpoints of recurrent state beside those of running requests. */
  private static final int CHECKPOINTS = 64;

  private KvBudget() {}

  /**
   * Slots of the pool of recurrent state: one that each running request writes, one for its latest
   * checkpoint, and some for checkpoints of requests that are over; fewer where memory is short, so
   * that fewer requests run at once.
   *
   * @param engine what the user asked for
   * @param memory of the device, weights already loaded
   * @param bytesPerSlot state of one sequence
   */
  static int numStateSlots(EngineConfig engine, MemoryInfo memory, long bytesPerSlot) {
    long budget = engine.kvMemoryBytes();
    if (budget == 0) {
      budget = (long) (memory.freeBytes() * (memory.sharedWithHost() ? 0.125 : 0.45));
    }
    long useful = 2L * engine.maxNumSeqs() + CHECKPOINTS;
    long slots = Math.min(useful, budget / bytesPerSlot);
    if (slots < 2) {
      throw new LaminaException(
          "recurrent state: expected memory for at least 2 slots of %d bytes, got %d; raise --kv-memory"
              .formatted(bytesPerSlot, budget));
    }
    return (int) slots;
  }

  /**
   * What is left beside something that will be taken later, at least half of it: the largest step
   * that is allowed may want more than any step that comes.
   *
   * @param memory of the device
   * @param bytes to be kept free
   */
  static MemoryInfo without(MemoryInfo memory, long bytes) {
    long free = Math.max(memory.freeBytes() / 2, memory.freeBytes() - bytes);
    return new MemoryInfo(memory.totalBytes(), free, memory.sharedWithHost());
  }

  /**
   * The plan of a device's memory, in one line.
   *
   * @param memory before the pools were taken
   * @param pools bytes of keys, values and states
   * @param workspace bytes of the largest step
   */
  static String line(MemoryInfo memory, long pools, long workspace) {
    return String.format(
        Locale.ROOT,
        "memory: weights %.1f, KV %.1f, workspace up to %.1f, left %.1f of %.1f GiB; --kv-memory"
            + " and --max-num-batched-tokens change that",
        gib(memory.totalBytes() - memory.freeBytes()),
        gib(pools),
        gib(workspace),
        gib(memory.freeBytes() - pools - workspace),
        gib(memory.totalBytes()));
  }

  private static double gib(long bytes) {
    return bytes / (double) (1L << 30);
  }

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

  /**
   * Pages that a device takes as one pool: a pool is one allocation, which some devices bound well
   * below their memory.
   *
   * @param blocks that the budget has room for
   * @param maxAllocationBytes of the device
   * @param bytesPerPage a page of the pool whose pages are largest
   * @return at most {@code blocks}, at least 1
   */
  static int withinAllocation(int blocks, long maxAllocationBytes, long bytesPerPage) {
    return Math.clamp(maxAllocationBytes / bytesPerPage, 1, blocks);
  }
}
