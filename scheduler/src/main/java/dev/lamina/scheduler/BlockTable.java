package dev.lamina.scheduler;

import java.util.Arrays;

/**
 * The KV blocks of one request in one {@link KvGroup}, in token order; append-only while it runs.
 */
final class BlockTable {
  int[] blockIds = new int[16];
  int numBlocks;

  /**
   * Leading blocks that were given back, as no later token reads them; their ids stay, so that a
   * table has a valid page everywhere.
   */
  int numReleased;

  /** Leading blocks that were offered to the prefix cache. */
  int numHashedBlocks;

  /** Prefix id of the last of those. */
  long prefixId = PrefixCache.ROOT;

  void append(int blockId) {
    if (numBlocks == blockIds.length) {
      blockIds = Arrays.copyOf(blockIds, numBlocks * 2);
    }
    blockIds[numBlocks++] = blockId;
  }

  void reserve(int capacity) {
    if (capacity > blockIds.length) {
      blockIds = Arrays.copyOf(blockIds, capacity);
    }
  }

  void clear() {
    numBlocks = 0;
    numReleased = 0;
    numHashedBlocks = 0;
    prefixId = PrefixCache.ROOT;
  }
}
