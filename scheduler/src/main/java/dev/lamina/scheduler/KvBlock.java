package dev.lamina.scheduler;

import org.jspecify.annotations.Nullable;

/**
 * One page of a KV pool. All of them are made at start; a block is in the free list exactly when
 * nobody holds it, and may at the same time still be found by its prefix.
 */
final class KvBlock {
  final int id;
  int refCount;

  /** Neighbours in {@link FreeBlockList}; null outside it. */
  @Nullable KvBlock previousFree;

  @Nullable KvBlock nextFree;

  /** Stands for the exact sequence of tokens up to the end of this block; 0 when not cached. */
  long prefixId;

  /** {@link #prefixId} of the block before it; {@link PrefixCache#ROOT} for the first. */
  long parentPrefixId;

  /** Salt and adapter under which it was computed; null when not cached. */
  @Nullable PrefixOrigin origin;

  long hash;

  /** Next in the same bucket of {@link PrefixCache}. */
  @Nullable KvBlock nextInBucket;

  KvBlock(int id) {
    this.id = id;
  }

  boolean isCached() {
    return prefixId != 0;
  }
}
