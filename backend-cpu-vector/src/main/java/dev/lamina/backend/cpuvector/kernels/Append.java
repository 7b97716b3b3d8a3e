package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.AttentionArgs.given;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Writes rows of keys and values, rounded, into slots of a pool.
 *
 * <p>One instance serves one pool of threads; not thread-safe.
 */
public final class Append implements WorkerPool.Task {
  private static final int CHUNK = 32;

  private final WorkerPool pool;
  private final float[][] buffers;
  private int n;
  private Linear.@Nullable Rows k;
  private Linear.@Nullable Rows v;
  private Linear.@Nullable Rows slots;
  private @Nullable Matrix keys;
  private @Nullable Matrix values;

  /**
   * Makes the kernel.
   *
   * @param pool threads to use
   */
  public Append(WorkerPool pool) {
    this.pool = pool;
    buffers = new float[pool.size()][0];
  }

  /**
   * Writes row t of k and of v into slot {@code slots[t]}; one below 0 writes nothing.
   *
   * @param k {@code [n, keys.cols]}
   * @param v {@code [n, values.cols]}
   * @param slots I32 {@code [n]}, distinct where not negative
   * @param n rows
   * @param keys the pool's keys, a row a slot
   * @param values the pool's values, a row a slot
   */
  public void run(
      Linear.Rows k, Linear.Rows v, Linear.Rows slots, int n, Matrix keys, Matrix values) {
    this.k = k;
    this.v = v;
    this.slots = slots;
    this.n = n;
    this.keys = keys;
    this.values = values;
    int width = Math.max(keys.cols, values.cols);
    for (int i = 0; i < buffers.length; i++) {
      if (buffers[i].length < width) {
        buffers[i] = new float[width];
      }
    }
    pool.forEach((n + CHUNK - 1) / CHUNK, this);
  }

  @Override
  public void run(int index, int worker) {
    Linear.Rows to = given(slots);
    for (int t = index * CHUNK; t < Math.min(n, (index + 1) * CHUNK); t++) {
      int slot = to.data().get(Lanes.I32, to.offset() + 4L * t);
      if (slot >= 0) {
        write(given(k), t, given(keys), slot, buffers[worker]);
        write(given(v), t, given(values), slot, buffers[worker]);
      }
    }
  }

  private static void write(Linear.Rows x, int t, Matrix pool, int slot, float[] buffer) {
    long from = x.offset() + (long) t * pool.cols * x.type().bytes();
    if (x.type() == pool.type) {
      MemorySegment.copy(x.data(), from, pool.data, pool.row(slot), pool.rowBytes);
    } else {
      Elements.load(x.type(), x.data(), from, buffer, 0, pool.cols);
      Elements.store(pool.type, pool.data, pool.row(slot), buffer, 0, pool.cols);
    }
  }
}
