package dev.lamina.backend.cpuvector.kernels;

import org.jspecify.annotations.Nullable;

/**
 * Copies rows into a float array, in parallel, for kernels that broadcast single elements: those
 * cost a tenth more from a segment.
 *
 * <p>Rows lie an odd number of cache lines apart, so that the rows of a tile do not share cache
 * sets.
 */
final class Staging implements WorkerPool.Task {
  private static final int ROWS = 16;

  private final WorkerPool pool;
  private float[] data = new float[0];
  private int m;
  private int cols;
  private int stride;
  private Linear.@Nullable Rows x;

  Staging(WorkerPool pool) {
    this.pool = pool;
  }

  void run(Linear.Rows x, int m, int cols) {
    this.x = x;
    this.m = m;
    this.cols = cols;
    stride = Lanes.roundUp(cols, 16) | 16;
    if (data.length < m * stride) {
      data = new float[Math.max(m * stride, Math.min(2 * data.length, 1 << 24))];
    }
    pool.forEach((m + ROWS - 1) / ROWS, this);
  }

  float[] data() {
    return data;
  }

  int stride() {
    return stride;
  }

  @Override
  public void run(int index, int worker) {
    Linear.Rows rows = x;
    if (rows == null) {
      throw new AssertionError("staging: run without arguments");
    }
    int to = Math.min(m, (index + 1) * ROWS);
    for (int t = index * ROWS; t < to; t++) {
      long p = rows.offset() + (long) t * cols * rows.type().bytes();
      Elements.load(rows.type(), rows.data(), p, data, t * stride, cols);
    }
  }
}
