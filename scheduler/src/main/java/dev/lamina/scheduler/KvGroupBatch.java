package dev.lamina.scheduler;

/** The KV pages of one {@link KvGroup} in a {@link ScheduledBatch}. */
public final class KvGroupBatch {
  private static final int[] NO_BLOCKS = {};

  private final KvGroup group;
  private final int[][] blockTables;
  private final int[] numBlocks;
  private final int[] slotMapping;

  KvGroupBatch(KvGroup group, int maxNumSeqs, int maxNumTokens) {
    this.group = group;
    this.blockTables = new int[maxNumSeqs][];
    java.util.Arrays.fill(blockTables, NO_BLOCKS);
    this.numBlocks = new int[maxNumSeqs];
    this.slotMapping = new int[maxNumTokens];
  }

  /** The group. */
  public KvGroup group() {
    return group;
  }

  /** Blocks of the {@code seq}-th context, of which the first {@link #numBlocks} are in use. */
  public int[] blockTable(int seq) {
    return blockTables[seq];
  }

  /** How many blocks the {@code seq}-th context has up to the end of this step. */
  public int numBlocks(int seq) {
    return numBlocks[seq];
  }

  /** Where each token's KV goes: block id times block size plus offset, [numTokens]. */
  public int[] slotMapping() {
    return slotMapping;
  }

  void add(int seq, int firstToken, int[] blockTable, int firstPosition, int n) {
    int blockSize = group.blockSize();
    blockTables[seq] = blockTable;
    numBlocks[seq] = group.blocksFor(firstPosition + n);
    for (int t = 0; t < n; t++) {
      int position = firstPosition + t;
      slotMapping[firstToken + t] =
          blockTable[position / blockSize] * blockSize + position % blockSize;
    }
  }
}
