package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.AttentionArgs.given;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Attention over paged keys and values, prefill, decode and mixed batches alike.
 *
 * <p>A task is one KV head of up to {@link #MOST_ROWS} rows (query tokens times the query heads
 * that share it). Keys and values are taken in blocks of {@link #BLOCK} positions, at multiples of
 * it from position 0: so a row's bits depend neither on the other rows nor on how the prompt was
 * chunked. Running softmax: arXiv:2112.05682. One instance serves one pool; not thread-safe.
 */
public final class Attention implements WorkerPool.Task {
  static final int BLOCK = 64;

  /**
   * Rows of a task: many, so that keys and values are packed seldom, while all threads have work.
   */
  static final int MOST_ROWS = 512;

  private static final int FEWEST_ROWS = 64;

  private final WorkerPool pool;
  private final AttentionTile[] tiles;
  private int[] taskSeq = new int[64];
  private int[] taskFrom = new int[64];
  private int numBlocks;
  private int tokensPerTask;
  private @Nullable AttentionSpec spec;
  private @Nullable AttentionArgs args;

  /**
   * Makes the kernel.
   *
   * @param pool threads to use
   */
  public Attention(WorkerPool pool) {
    this.pool = pool;
    tiles = new AttentionTile[pool.size()];
    for (int i = 0; i < tiles.length; i++) {
      tiles[i] = new AttentionTile();
    }
  }

  /**
   * Computes the attention of all rows; rows of no sequence become zeros.
   *
   * @param spec sizes and masks
   * @param args tensors
   */
  public void run(AttentionSpec spec, AttentionArgs args) {
    this.spec = spec;
    this.args = args;
    tokensPerTask = tokensPerTask();
    clearOutside();
    numBlocks = 0;
    for (int s = 0; s < args.numSeqs; s++) {
      int from = args.cuSeqlensQ(s);
      int to = args.cuSeqlensQ(s + 1);
      for (int t = from; t < to; t += tokensPerTask) {
        addTask(s, t);
      }
    }
    for (AttentionTile tile : tiles) {
      tile.fit(spec, tokensPerTask * spec.group());
    }
    pool.forEach(numBlocks * spec.numKvHeads(), this);
  }

  private int tokensPerTask() {
    AttentionArgs a = given(args);
    AttentionSpec sizes = given(spec);
    int rows = MOST_ROWS;
    while (rows > FEWEST_ROWS && tasks(a, Math.max(1, rows / sizes.group())) < wanted(sizes)) {
      rows /= 2;
    }
    return Math.max(1, rows / sizes.group());
  }

  /** Blocks of query tokens that give every thread a few tasks. */
  private int wanted(AttentionSpec sizes) {
    int threads = pool.size();
    return threads == 1 ? 1 : (4 * threads + sizes.numKvHeads() - 1) / sizes.numKvHeads();
  }

  private static int tasks(AttentionArgs a, int tokens) {
    int n = 0;
    for (int s = 0; s < a.numSeqs; s++) {
      n += (a.cuSeqlensQ(s + 1) - a.cuSeqlensQ(s) + tokens - 1) / tokens;
    }
    return n;
  }

  private void addTask(int seq, int from) {
    if (numBlocks == taskSeq.length) {
      taskSeq = Arrays.copyOf(taskSeq, 2 * numBlocks);
      taskFrom = Arrays.copyOf(taskFrom, 2 * numBlocks);
    }
    taskSeq[numBlocks] = seq;
    taskFrom[numBlocks++] = from;
  }

  private void clearOutside() {
    AttentionArgs a = given(args);
    int first = a.numSeqs == 0 ? a.numTokens : a.cuSeqlensQ(0);
    int last = a.numSeqs == 0 ? a.numTokens : a.cuSeqlensQ(a.numSeqs);
    clear(a, 0, first);
    clear(a, last, a.numTokens);
  }

  private void clear(AttentionArgs a, int from, int to) {
    AttentionSpec sizes = given(spec);
    Linear.Rows out = given(a.out);
    long row = (long) sizes.numHeads() * sizes.dimV() * out.type().bytes();
    if (from < to) {
      out.data().asSlice(out.offset() + from * row, (to - from) * row).fill((byte) 0);
    }
  }

  @Override
  public void run(int index, int worker) {
    AttentionArgs a = given(args);
    AttentionSpec sizes = given(spec);
    int block = index / sizes.numKvHeads();
    int seq = taskSeq[block];
    int from = taskFrom[block];
    int to = Math.min(from + tokensPerTask, a.cuSeqlensQ(seq + 1));
    tiles[worker].run(a, seq, index % sizes.numKvHeads(), from, to - from);
  }
}
