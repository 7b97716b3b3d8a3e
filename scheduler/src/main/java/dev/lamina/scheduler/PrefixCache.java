package dev.lamina.scheduler;

import org.jspecify.annotations.Nullable;

/**
 * Full blocks by what they hold: the block before, the tokens, the salt and the adapter.
 *
 * <p>The hash only picks a bucket. A hit compares the tokens, the origin and the {@code prefixId}
 * of the block before; as a prefix id is given out once per distinct content, the whole chain is
 * equal by induction, so a collision costs time and never serves wrong KV. Chains run through the
 * blocks, so nothing is allocated after construction.
 */
final class PrefixCache {
  /** Parent of a first block. */
  static final long ROOT = 0;

  /** Picks buckets; the tests replace it by one that always collides. */
  interface BlockHash {
    long of(long parentPrefixId, PrefixOrigin origin, int[] tokenIds, int from, int to);
  }

  private final int blockSize;
  private final BlockHash blockHash;
  private final @Nullable KvBlock[] buckets;

  /** Tokens of each cached block: [numBlocks, blockSize]. */
  private final int[] tokenIds;

  private long lastPrefixId = ROOT;

  PrefixCache(int numBlocks, int blockSize, BlockHash blockHash) {
    this.blockSize = blockSize;
    this.blockHash = blockHash;
    this.buckets = new KvBlock[Integer.highestOneBit(Math.max(numBlocks, 8)) * 2];
    this.tokenIds = new int[Math.multiplyExact(numBlocks, blockSize)];
  }

  /** The block that holds {@code tokens[from, from + blockSize)} after {@code parent}, or null. */
  @Nullable KvBlock find(long parentPrefixId, PrefixOrigin origin, int[] tokens, int from) {
    long hash = blockHash.of(parentPrefixId, origin, tokens, from, from + blockSize);
    return find(hash, parentPrefixId, origin, tokens, from);
  }

  /**
   * Makes {@code block} findable by its content and returns its prefix id. Where another block
   * already holds the same, that one stays and its id is returned.
   */
  long insert(KvBlock block, long parentPrefixId, PrefixOrigin origin, int[] tokens, int from) {
    long hash = blockHash.of(parentPrefixId, origin, tokens, from, from + blockSize);
    KvBlock twin = find(hash, parentPrefixId, origin, tokens, from);
    if (twin != null) {
      return twin.prefixId;
    }
    block.prefixId = ++lastPrefixId;
    block.parentPrefixId = parentPrefixId;
    block.origin = origin;
    block.hash = hash;
    System.arraycopy(tokens, from, tokenIds, block.id * blockSize, blockSize);
    int bucket = bucketOf(hash);
    block.nextInBucket = buckets[bucket];
    buckets[bucket] = block;
    return block.prefixId;
  }

  /** Forgets a cached block's content. */
  void remove(KvBlock block) {
    int bucket = bucketOf(block.hash);
    KvBlock other = buckets[bucket];
    if (other == block) {
      buckets[bucket] = block.nextInBucket;
    } else {
      while (other != null && other.nextInBucket != block) {
        other = other.nextInBucket;
      }
      if (other == null) {
        throw new AssertionError("KV block " + block.id + " is not in its bucket");
      }
      other.nextInBucket = block.nextInBucket;
    }
    block.nextInBucket = null;
    block.origin = null;
    block.prefixId = 0;
  }

  private @Nullable KvBlock find(
      long hash, long parentPrefixId, PrefixOrigin origin, int[] tokens, int from) {
    KvBlock block = buckets[bucketOf(hash)];
    while (block != null
        && !(block.hash == hash
            && block.parentPrefixId == parentPrefixId
            && origin.equals(block.origin)
            && sameTokens(block, tokens, from))) {
      block = block.nextInBucket;
    }
    return block;
  }

  private boolean sameTokens(KvBlock block, int[] tokens, int from) {
    int base = block.id * blockSize;
    for (int i = 0; i < blockSize; i++) {
      if (tokenIds[base + i] != tokens[from + i]) {
        return false;
      }
    }
    return true;
  }

  private int bucketOf(long hash) {
    return (int) hash & (buckets.length - 1);
  }

  /** Multiply and xorshift per token, the finaliser of splitmix64 at the end. */
  static long mix(long parentPrefixId, PrefixOrigin origin, int[] tokens, int from, int to) {
    long h = parentPrefixId * 0x9E3779B97F4A7C15L + origin.hashCode();
    for (int i = from; i < to; i++) {
      h = (h ^ tokens[i]) * 0xBF58476D1CE4E5B9L;
      h ^= h >>> 29;
    }
    h = (h ^ (h >>> 30)) * 0xBF58476D1CE4E5B9L;
    h = (h ^ (h >>> 27)) * 0x94D049BB133111EBL;
    return h ^ (h >>> 31);
  }
}
