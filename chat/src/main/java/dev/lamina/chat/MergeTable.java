package dev.lamina.chat;

import java.util.Arrays;

/**
 * The merges of a byte-pair encoding: a pair of ids to the merge's rank and the id it makes, by
 * open addressing in two arrays of longs.
 */
final class MergeTable {
  /** What {@link #find} gives for a pair that does not merge. */
  static final long ABSENT = -1;

  private final long[] pairs;
  // rank << 32 | merged id, ABSENT where the slot is free.
  private final long[] merges;
  private final int shift;

  MergeTable(int numMerges) {
    int bits = 64 - Long.numberOfLeadingZeros(Math.max(8, numMerges * 2L) - 1);
    pairs = new long[1 << bits];
    merges = new long[1 << bits];
    shift = 64 - bits;
    Arrays.fill(merges, ABSENT);
  }

  /** Adds a merge; a pair that is there already gets the new rank. */
  void put(int left, int right, int rank, int mergedId) {
    int slot = slot(key(left, right));
    pairs[slot] = key(left, right);
    merges[slot] = (long) rank << 32 | mergedId;
  }

  /** The merge of two neighbours, for {@link #rank} and {@link #mergedId}, or ABSENT. */
  long find(int left, int right) {
    return merges[slot(key(left, right))];
  }

  static int rank(long merge) {
    return (int) (merge >>> 32);
  }

  static int mergedId(long merge) {
    return (int) merge;
  }

  private int slot(long key) {
    int mask = pairs.length - 1;
    int slot = (int) (key * 0x9E3779B97F4A7C15L >>> shift);
    while (merges[slot] != ABSENT && pairs[slot] != key) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private static long key(int left, int right) {
    return (long) left << 32 | right;
  }
}
