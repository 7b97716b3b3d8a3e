package dev.lamina.scheduler;

import org.jspecify.annotations.Nullable;

/** The blocks of one {@link KvGroup}: who holds them, which are free, which can be found again. */
final class BlockPool {
  final KvGroup group;
  private final KvBlock[] blocks;
  private final FreeBlockList free = new FreeBlockList();
  private final PrefixCache cache;

  BlockPool(KvGroup group, PrefixCache.BlockHash blockHash) {
    this.group = group;
    this.blocks = new KvBlock[group.numBlocks()];
    this.cache = new PrefixCache(group.numBlocks(), group.blockSize(), blockHash);
    for (int id = 0; id < blocks.length; id++) {
      blocks[id] = new KvBlock(id);
      free.addLast(blocks[id]);
    }
  }

  int numFree() {
    return free.size();
  }

  /**
   * Appends to the empty {@code table} up to {@code maxBlocks} cached blocks that begin {@code
   * request}, without holding them, and returns how many.
   */
  int appendCachedPrefix(Request request, BlockTable table, int maxBlocks) {
    long parent = PrefixCache.ROOT;
    while (table.numBlocks < maxBlocks) {
      int from = table.numBlocks * group.blockSize();
      KvBlock block = cache.find(parent, request.origin, request.tokenIds, from);
      if (block == null) {
        break;
      }
      table.append(block.id);
      parent = block.prefixId;
    }
    return table.numBlocks;
  }

  /** How many of the table's blocks nobody holds: taking them shrinks the free list. */
  int numUnheld(BlockTable table) {
    int unheld = 0;
    for (int i = 0; i < table.numBlocks; i++) {
      if (blocks[table.blockIds[i]].refCount == 0) {
        unheld++;
      }
    }
    return unheld;
  }

  /** Holds every block of a table that {@link #appendCachedPrefix} filled. */
  void touch(BlockTable table) {
    for (int i = 0; i < table.numBlocks; i++) {
      KvBlock block = blocks[table.blockIds[i]];
      if (block.refCount++ == 0) {
        free.remove(block);
      }
      table.prefixId = block.prefixId;
    }
    table.numHashedBlocks = table.numBlocks;
  }

  /** Takes the block that was unused longest; what it held can no longer be found. */
  int take() {
    KvBlock block = free.removeFirst();
    if (block.isCached()) {
      cache.remove(block);
    }
    block.refCount = 1;
    return block.id;
  }

  /** Makes the table's blocks of {@code request}'s first {@code numTokens} tokens findable. */
  void commit(Request request, BlockTable table, int numTokens) {
    int numFull = numTokens / group.blockSize();
    while (table.numHashedBlocks < numFull) {
      KvBlock block = blocks[table.blockIds[table.numHashedBlocks]];
      int from = table.numHashedBlocks * group.blockSize();
      table.prefixId = cache.insert(block, table.prefixId, request.origin, request.tokenIds, from);
      table.numHashedBlocks++;
    }
  }

  /**
   * Lets go of the table's blocks, last first, so that the tail of a context is evicted before its
   * beginning; blocks that nobody can find are reused before all others.
   */
  void release(BlockTable table) {
    for (int i = table.numBlocks - 1; i >= table.numReleased; i--) {
      letGo(blocks[table.blockIds[i]]);
    }
    table.clear();
  }

  /** Lets go of the blocks that no token from position {@code computed} on reads. */
  void releaseBehindWindow(BlockTable table, int computed) {
    if (!(group.lifetime() instanceof KvGroup.Lifetime.Window window)) {
      return;
    }
    int firstRead = Math.max(0, computed - window.numTokens() + 1);
    int behind = Math.min(firstRead / group.blockSize(), table.numBlocks);
    while (table.numReleased < behind) {
      letGo(blocks[table.blockIds[table.numReleased++]]);
    }
  }

  private void letGo(KvBlock block) {
    if (--block.refCount > 0) {
      return;
    }
    if (block.isCached()) {
      free.addLast(block);
    } else {
      free.addFirst(block);
    }
  }

  /** Forgets everything cached; blocks that are held stay held. */
  void resetCache() {
    for (KvBlock block : blocks) {
      if (block.isCached()) {
        cache.remove(block);
      }
    }
  }

  /** Checks what must hold between steps; for tests. */
  @Nullable String brokenInvariant() {
    int held = 0;
    for (KvBlock block : blocks) {
      boolean inFreeList = block.nextFree != null;
      if (block.refCount < 0 || inFreeList == (block.refCount > 0)) {
        return "block " + block.id + " has refCount " + block.refCount + ", free " + inFreeList;
      }
      held += block.refCount > 0 ? 1 : 0;
    }
    return held + free.size() == blocks.length
        ? null
        : held + " held + " + free.size() + " free of " + blocks.length + " blocks";
  }
}
