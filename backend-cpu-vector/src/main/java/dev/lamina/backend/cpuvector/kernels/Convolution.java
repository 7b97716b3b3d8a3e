package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.AttentionArgs.given;

import org.jspecify.annotations.Nullable;

/**
 * Causal convolution of channels over the rows of each sequence, the last rows kept in a pool.
 *
 * <p>A part of the loop is a block of channels of one sequence, which slides a window of K rows
 * along. One instance serves one pool of threads; not thread-safe.
 */
public final class Convolution implements WorkerPool.Task {
  private static final int BLOCK = 256;

  private final WorkerPool pool;
  private final float[][] buffers;
  private @Nullable Args args;
  private int blocks;

  /**
   * What to convolve.
   *
   * @param x {@code [T, C]}
   * @param w factors {@code [C, K]}
   * @param taps K, at least 2
   * @param bias {@code [C]}, or null
   * @param silu whether the sum goes through silu
   * @param tails the pool's entry, a row of {@code (K - 1) * C} a slot
   * @param slots the sequences
   * @param out {@code [T, C]}, rounded once
   */
  public record Args(
      Linear.Rows x,
      Linear.Rows w,
      int taps,
      Linear.@Nullable Rows bias,
      boolean silu,
      Matrix tails,
      SequenceSlots slots,
      Linear.Rows out) {
    int channels() {
      return tails.cols / (taps - 1);
    }
  }

  /**
   * Makes the kernel.
   *
   * @param pool threads to use
   */
  public Convolution(WorkerPool pool) {
    this.pool = pool;
    buffers = new float[pool.size()][0];
  }

  /**
   * Computes all rows.
   *
   * @param a what to convolve
   */
  public void run(Args a) {
    args = a;
    int rows = 2 * a.taps + 2;
    for (int i = 0; i < buffers.length; i++) {
      if (buffers[i].length < rows * BLOCK) {
        buffers[i] = new float[rows * BLOCK];
      }
    }
    a.slots.clearOthers(a.out, a.channels());
    blocks = (a.channels() + BLOCK - 1) / BLOCK;
    pool.forEach(a.slots.numSeqs() * blocks, this);
    args = null;
  }

  /** A buffer is rows of {@link #BLOCK}: K of factors, bias, the sum, then a ring of K rows. */
  @Override
  public void run(int index, int worker) {
    Args a = given(args);
    int s = index / blocks;
    int first = index % blocks * BLOCK;
    int n = Math.min(BLOCK, a.channels() - first);
    float[] f = buffers[worker];
    int bias = a.taps * BLOCK;
    int sum = bias + BLOCK;
    int ring = sum + BLOCK;
    loadFactors(a, f, first, n, bias);
    int read = a.slots.read(s);
    for (int r = 0; r < a.taps - 1; r++) {
      int at = ring + r * BLOCK;
      if (read < 0) {
        java.util.Arrays.fill(f, at, at + n, 0);
      } else {
        load(a.tails, read, (long) r * a.channels() + first, f, at, n);
      }
    }
    int oldest = 0;
    int end = a.slots.begin(s + 1);
    for (int t = a.slots.begin(s); t < end; t++) {
      int newest = (oldest + a.taps - 1) % a.taps;
      load(a.x, (long) t * a.channels() + first, f, ring + newest * BLOCK, n);
      System.arraycopy(f, bias, f, sum, n);
      for (int j = 0; j < a.taps; j++) {
        addProduct(f, j * BLOCK, ring + (oldest + j) % a.taps * BLOCK, sum, n);
      }
      if (a.silu) {
        silu(f, sum, n);
      }
      long to = a.out.offset() + ((long) t * a.channels() + first) * a.out.type().bytes();
      Elements.store(a.out.type(), a.out.data(), to, f, sum, n);
      oldest = (oldest + 1) % a.taps;
    }
    int write = a.slots.write(s);
    for (int r = 0; r < a.taps - 1 && write >= 0; r++) {
      long to = ((long) r * a.channels() + first) * a.tails.type.bytes();
      int from = ring + (oldest + r) % a.taps * BLOCK;
      Elements.store(a.tails.type, a.tails.data, a.tails.row(write) + to, f, from, n);
    }
  }

  private static void loadFactors(Args a, float[] f, int first, int n, int bias) {
    for (int c = 0; c < n; c++) {
      for (int j = 0; j < a.taps; j++) {
        long at = (long) (first + c) * a.taps + j;
        f[j * BLOCK + c] =
            Elements.load(a.w.type(), a.w.data(), a.w.offset() + at * a.w.type().bytes());
      }
    }
    Linear.Rows b = a.bias;
    if (b == null) {
      java.util.Arrays.fill(f, bias, bias + n, 0);
    } else {
      load(b, first, f, bias, n);
    }
  }

  private static void load(Linear.Rows x, long at, float[] f, int to, int n) {
    Elements.load(x.type(), x.data(), x.offset() + at * x.type().bytes(), f, to, n);
  }

  private static void load(Matrix m, int row, long at, float[] f, int to, int n) {
    Elements.load(m.type, m.data, m.row(row) + at * m.type.bytes(), f, to, n);
  }

  private static void addProduct(float[] f, int a, int b, int sum, int n) {
    for (int c = 0; c < n; c++) {
      f[sum + c] += f[a + c] * f[b + c];
    }
  }

  private static void silu(float[] f, int at, int n) {
    for (int c = at; c < at + n; c++) {
      f[c] = (float) (f[c] / (1 + Math.exp(-f[c])));
    }
  }
}
