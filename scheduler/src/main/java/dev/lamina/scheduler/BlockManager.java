package dev.lamina.scheduler;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Gives requests the KV blocks for their tokens, all groups or none, and finds blocks that an
 * earlier request already filled.
 */
final class BlockManager {
  private final BlockPool[] pools;
  private final int blockSize;
  private final boolean enablePrefixCaching;

  /**
   * @param groups the KV groups; without any, as in a model of recurrent state alone, tokens need
   *     no blocks
   * @param blockSize tokens of a block, of all groups alike
   */
  BlockManager(List<KvGroup> groups, int blockSize, boolean enablePrefixCaching) {
    this(groups, blockSize, enablePrefixCaching, PrefixCache::mix);
  }

  BlockManager(
      List<KvGroup> groups,
      int blockSize,
      boolean enablePrefixCaching,
      PrefixCache.BlockHash blockHash) {
    this.blockSize = blockSize;
    this.enablePrefixCaching = enablePrefixCaching;
    this.pools = new BlockPool[groups.size()];
    for (int g = 0; g < pools.length; g++) {
      KvGroup group = groups.get(g);
      if (group.blockSize() != blockSize) {
        throw new IllegalArgumentException(
            "KV groups: expected blocks of %d tokens, got %d for %s"
                .formatted(blockSize, group.blockSize(), group.name()));
      }
      pools[g] = new BlockPool(group, blockHash);
    }
  }

  int numGroups() {
    return pools.length;
  }

  /** Blocks of the smallest pool, which is what bounds a context. */
  int numBlocks() {
    int n = Integer.MAX_VALUE;
    for (BlockPool pool : pools) {
      n = Math.min(n, pool.group.numBlocks());
    }
    return n;
  }

  int numFreeBlocks() {
    int n = Integer.MAX_VALUE;
    for (BlockPool pool : pools) {
      n = Math.min(n, pool.numFree());
    }
    return n;
  }

  int numFreeBlocks(int group) {
    return pools[group].numFree();
  }

  int blocksFor(int numTokens) {
    return (numTokens + blockSize - 1) / blockSize;
  }

  /** Whether {@code numTokens} tokens would fit if no other request held a block. */
  boolean fitsPool(int numTokens) {
    return blocksFor(numTokens) <= numBlocks();
  }

  /**
   * Fills the request's empty tables with cached blocks that begin it and returns how many tokens
   * they hold. The last token is always left to compute, for its logits. The blocks are not held
   * until {@link #admit} succeeds.
   */
  int findCachedPrefix(Request request) {
    int numBlocks = enablePrefixCaching ? (request.numTokens - 1) / blockSize : 0;
    for (int g = 0; g < pools.length; g++) {
      numBlocks = pools[g].appendCachedPrefix(request, request.blockTables[g], numBlocks);
    }
    keepCachedPrefix(request, numBlocks * blockSize);
    return numBlocks * blockSize;
  }

  /** Shortens what {@link #findCachedPrefix} found to so many tokens, full blocks of them. */
  void keepCachedPrefix(Request request, int numTokens) {
    for (BlockTable table : request.blockTables) {
      table.numBlocks = numTokens / blockSize;
    }
  }

  /**
   * Holds the blocks that {@link #findCachedPrefix} found and allocates the rest of the first
   * {@code numTokens} tokens; where they do not fit, changes nothing but empties the tables again.
   */
  boolean admit(Request request, int numTokens) {
    int needed = blocksFor(numTokens);
    for (int g = 0; g < pools.length; g++) {
      BlockTable table = request.blockTables[g];
      int fresh = needed - table.numBlocks;
      if (fresh + pools[g].numUnheld(table) > pools[g].numFree()) {
        clearTables(request);
        return false;
      }
    }
    for (int g = 0; g < pools.length; g++) {
      pools[g].touch(request.blockTables[g]);
    }
    return allocate(request, numTokens);
  }

  /** Grows the tables to hold the first {@code numTokens} tokens, or changes nothing. */
  boolean allocate(Request request, int numTokens) {
    int needed = blocksFor(numTokens);
    for (int g = 0; g < pools.length; g++) {
      if (needed - request.blockTables[g].numBlocks > pools[g].numFree()) {
        return false;
      }
    }
    for (int g = 0; g < pools.length; g++) {
      BlockTable table = request.blockTables[g];
      while (table.numBlocks < needed) {
        table.append(pools[g].take());
      }
    }
    return true;
  }

  /**
   * Gives back the blocks that left their group's window, before the request's next step. A step
   * still reads what its first token sees, so blocks go when the one after it is put together.
   */
  void releaseBehindWindows(Request request) {
    for (int g = 0; g < pools.length; g++) {
      pools[g].releaseBehindWindow(request.blockTables[g], request.numComputedTokens);
    }
  }

  /** Makes the full blocks among the first {@code numTokens} tokens findable. */
  void commit(Request request, int numTokens) {
    if (!enablePrefixCaching) {
      return;
    }
    for (int g = 0; g < pools.length; g++) {
      pools[g].commit(request, request.blockTables[g], numTokens);
    }
  }

  /** Lets go of every block of the request. */
  void free(Request request) {
    for (int g = 0; g < pools.length; g++) {
      pools[g].release(request.blockTables[g]);
    }
  }

  /** Forgets all cached prefixes; after a failed step their content is unknown. */
  void resetPrefixCache() {
    for (BlockPool pool : pools) {
      pool.resetCache();
    }
  }

  /** What is wrong with the books, or null; for tests. */
  @Nullable String brokenInvariant() {
    for (BlockPool pool : pools) {
      String broken = pool.brokenInvariant();
      if (broken != null) {
        return pool.group.name() + ": " + broken;
      }
    }
    return null;
  }

  private static void clearTables(Request request) {
    for (BlockTable table : request.blockTables) {
      table.clear();
    }
  }
}
