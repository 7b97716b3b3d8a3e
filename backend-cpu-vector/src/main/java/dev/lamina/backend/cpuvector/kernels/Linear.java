package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.KC;
import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * {@code out[M, N] = x[M, K] w[N, K]^T + bias[N]}, F32 accumulation, w read where it lies.
 *
 * <p>Few rows of x stream the weights once and keep lanes along k ({@link VectorDot}): decode is
 * bound by memory. Many rows pack blocks of weights into panels and keep lanes along n ({@link
 * Gemm}): prefill is bound by arithmetic. Either way a result's bits depend on K and on which of
 * the two forms ran, not on the other rows; a kernel that streams no rows has one form.
 *
 * <p>One instance serves one pool; not thread-safe; allocates only when a larger size comes.
 */
public final class Linear {
  /** Up to this many rows of x it is faster to stream the weights. */
  public static final int STREAM_ROWS = 8;

  private final WorkerPool pool;
  private final int streamRows;
  private final Dots dots;
  private final Blocks blocks;

  /**
   * Makes the kernel.
   *
   * @param pool threads to use
   */
  public Linear(WorkerPool pool) {
    this(pool, STREAM_ROWS);
  }

  /**
   * Makes the kernel.
   *
   * @param pool threads to use
   * @param streamRows up to so many rows of x the weights are streamed: 0 if a row's bits must not
   *     depend on how many there are
   */
  public Linear(WorkerPool pool, int streamRows) {
    this(pool, streamRows, VL == 16);
  }

  /** With or without the form for sixteen lanes. */
  Linear(WorkerPool pool, boolean wide) {
    this(pool, STREAM_ROWS, wide);
  }

  private Linear(WorkerPool pool, int streamRows, boolean wide) {
    this.pool = pool;
    this.streamRows = streamRows;
    dots = new Dots(pool);
    blocks = new Blocks(pool, wide);
  }

  /**
   * The rows of a product.
   *
   * @param type element type: F32, F16 or BF16
   * @param data holds them
   * @param offset of the first element, in bytes; rows lie without gaps
   */
  public record Rows(DType type, MemorySegment data, long offset) {}

  /**
   * Computes the product.
   *
   * @param x {@code [m, w.cols]}
   * @param m rows of x, at least 0
   * @param w weights
   * @param bias {@code [w.rows]}, or null
   * @param out {@code [m, w.rows]}, rounded once
   */
  public void run(Rows x, int m, Matrix w, @Nullable Rows bias, Rows out) {
    if (m <= 0 || w.rows == 0) {
      return;
    }
    boolean special = w.hasSpecials(pool);
    if (m <= streamRows) {
      boolean warm = w.streaming != null || HotKernel.dot(w.type).isWarm();
      dots.run(x, m, w, bias, out, !special && warm);
    } else {
      blocks.run(x, m, w, bias, out, special);
    }
  }

  /** Streaming form. */
  private static final class Dots implements WorkerPool.Task {
    private static final int CHUNK_BYTES = 64 << 10;

    private final WorkerPool pool;
    private final float[][] acc;
    private final float[][] sums;
    private final Widening.Scratch[] scratch;
    private final Streaming.Scratch[] streams;
    private float[] arranged = new float[0];
    private float[] groupSums = new float[0];
    private int m;
    private int chunk;
    private boolean vector;
    private @Nullable Matrix w;
    private @Nullable Rows bias;
    private @Nullable Rows out;

    Dots(WorkerPool pool) {
      this.pool = pool;
      acc = new float[pool.size()][4 * VL];
      sums = new float[pool.size()][NR];
      scratch = Widening.Scratch.of(pool);
      streams = Streaming.Scratch.of(pool);
    }

    void run(Rows x, int m, Matrix w, @Nullable Rows bias, Rows out, boolean vector) {
      this.m = m;
      this.w = w;
      this.bias = bias;
      this.out = out;
      this.vector = vector;
      if (arranged.length < m * w.cols) {
        arranged = new float[m * w.cols];
      }
      arrange(x, m, w);
      int byBytes = (int) Math.max(1, CHUNK_BYTES / Math.max(1, w.rowBytes));
      int byThreads = Math.max(8, w.rows / (4 * pool.size()));
      chunk = Math.max(1, Math.min(Math.max(byBytes, 8), byThreads));
      pool.forEach((w.rows + chunk - 1) / chunk, this);
    }

    private void arrange(Rows x, int m, Matrix w) {
      int groups = w.streaming == null ? 0 : Streaming.groups(w.cols);
      if (groupSums.length < m * groups) {
        groupSums = new float[m * groups];
      }
      for (int t = 0; t < m; t++) {
        long from = (long) t * w.cols;
        if (w.streaming != null) {
          w.streaming.arrange(
              x, from, w.cols, arranged, t * w.cols, groupSums, t * groups, streams[0]);
        } else {
          Dot.arrange(x, from, w, arranged, t * w.cols);
        }
      }
    }

    @Override
    public void run(int index, int worker) {
      Matrix weights = w;
      Rows result = out;
      if (weights == null || result == null) {
        throw new AssertionError("linear: run without arguments");
      }
      int from = index * chunk;
      int to = Math.min(weights.rows, from + chunk);
      if (weights.streaming != null) {
        for (int n = from; n < to; n += Streaming.ROWS) {
          int rows = Math.min(Streaming.ROWS, to - n);
          streamed(weights, weights.streaming, result, n, rows, worker);
        }
        return;
      }
      if (weights.widening != null) {
        for (int n = from; n < to; n += 2) {
          widened(weights, weights.widening, result, n, Math.min(n + 1, to - 1), worker);
        }
        return;
      }
      int t = 0;
      for (; t + 4 <= m; t += 4) {
        for (int n = from; n < to; n++) {
          row(weights, result, n, t, 4, worker);
        }
      }
      for (; t < m; t++) {
        int n = from;
        for (; vector && weights.type == DType.F32 && n + 4 <= to; n += 4) {
          fourRows(weights, result, n, t, worker);
        }
        for (; n < to; n++) {
          row(weights, result, n, t, 1, worker);
        }
      }
    }

    private void streamed(Matrix w, Streaming form, Rows out, int n, int rows, int worker) {
      float[] y = form.products(w, n, rows, arranged, groupSums, m, vector, streams[worker]);
      for (int r = 0; r < rows; r++) {
        for (int t = 0; t < m; t++) {
          store(w, out, n + r, t, y[r * m + t]);
        }
      }
    }

    private void widened(Matrix w, Widening widening, Rows out, int n, int other, int worker) {
      float[] y = widening.products(w, n, other, arranged, m, scratch[worker]);
      for (int t = 0; t < m; t++) {
        store(w, out, n, t, y[t]);
        store(w, out, other, t, y[m + t]);
      }
    }

    private void row(Matrix w, Rows out, int n, int t, int rows, int worker) {
      float[] a = acc[worker];
      long p = w.row(n);
      int kc = w.cols - w.cols % NR;
      int xo = t * w.cols;
      if (!vector) {
        for (int i = 0; i < rows; i++) {
          ScalarDot.one(w, p, arranged, xo + i * w.cols, kc, sums[worker], a, i * VL);
        }
      } else if (rows == 4) {
        VectorDot.four(w, p, arranged, xo, w.cols, kc, a);
      } else {
        VectorDot.one(w, p, arranged, xo, kc, a);
      }
      for (int i = 0; i < rows; i++) {
        finish(w, out, n, t + i, Lanes.fold(a, i * VL));
      }
    }

    /** Four rows of weights, one of x: half the loads of x, a quarter of the loops. */
    private void fourRows(Matrix w, Rows out, int n, int t, int worker) {
      float[] a = acc[worker];
      int kc = w.cols - w.cols % NR;
      VectorDot.rows(w, w.row(n), arranged, t * w.cols, kc, a);
      for (int i = 0; i < 4; i++) {
        finish(w, out, n + i, t, Lanes.fold(a, i * VL));
      }
    }

    private void finish(Matrix w, Rows out, int n, int t, float sum) {
      float y = sum;
      int kc = w.cols - w.cols % NR;
      if (kc < w.cols) {
        y = Dot.tail(w, w.row(n), arranged, t * w.cols, kc, y);
      }
      store(w, out, n, t, y);
    }

    private void store(Matrix w, Rows out, int n, int t, float sum) {
      float y = sum;
      if (bias != null) {
        y += Elements.load(bias.type, bias.data, bias.offset + (long) n * bias.type.bytes());
      }
      long at = (long) t * w.rows + n;
      if (out.type == DType.F32) {
        out.data.set(Lanes.F32, out.offset + 4 * at, y);
      } else {
        Elements.store(out.type, out.data, out.offset + 2 * at, y);
      }
    }
  }

  /** Blocked form. */
  private static final class Blocks implements WorkerPool.Task {
    private static final int[] NO_SQUARE = {};

    /** Rows of x that are worth packing the weights for once more. */
    private static final int FEWEST_ROWS = 128;

    private final WorkerPool pool;
    private final Gemm narrow;
    private final @Nullable Gemm wide;
    private final float[][] tiles;
    private final int[][] squares;
    private final Widening.Scratch[] scratch;
    private Gemm gemm;
    private int m;
    private int blockRows;
    private int splitRows;
    private int splits;
    private int rowBlocks;
    private boolean vectorPack;
    private @Nullable Matrix w;
    private @Nullable Rows bias;
    private @Nullable Rows out;

    Blocks(WorkerPool pool, boolean wide) {
      this.pool = pool;
      narrow = new NarrowGemm(pool);
      this.wide = wide ? new WideGemm(pool) : null;
      gemm = narrow;
      tiles = new float[pool.size()][0];
      squares = new int[pool.size()][VL * VL];
      scratch = Widening.Scratch.of(pool);
    }

    void run(Rows x, int m, Matrix w, @Nullable Rows bias, Rows out, boolean special) {
      this.m = m;
      this.w = w;
      this.bias = bias;
      this.out = out;
      vectorPack = !special && HotKernel.pack(w.type).isWarm();
      gemm = wide != null && HotKernel.WIDE_TILE.isWarm() ? wide : narrow;
      cut(m, w.rows, gemm.height());
      gemm.begin(x, m, w.cols, blockRows / NR);
      for (int i = 0; i < tiles.length; i++) {
        if (tiles[i].length < splitRows * blockRows) {
          tiles[i] = new float[splitRows * blockRows];
        }
      }
      rowBlocks = (w.rows + blockRows - 1) / blockRows;
      pool.forEach(splits * rowBlocks, this);
    }

    /**
     * Parts of the rows of x, a thread's share each as in the loops before and after this one, if
     * that leaves enough rows to pack a weight for; then blocks of 128 to NR weight rows, until all
     * threads have work.
     */
    private void cut(int m, int n, int height) {
      splits = Math.clamp(m / FEWEST_ROWS, 1, pool.size());
      splitRows = Math.ceilDiv(Math.ceilDiv(m, splits), height) * height;
      splits = Math.ceilDiv(m, splitRows);
      int wanted = pool.size() == 1 ? 1 : (4 * pool.size() + splits - 1) / splits;
      blockRows = Math.max(NR, 128);
      while (blockRows > NR && (n + blockRows - 1) / blockRows < wanted) {
        blockRows = Math.max(NR, Lanes.roundUp(blockRows / 2, NR));
      }
    }

    @Override
    public void run(int index, int worker) {
      Matrix weights = w;
      Rows result = out;
      if (weights == null || result == null) {
        throw new AssertionError("linear: run without arguments");
      }
      int n0 = index % rowBlocks * blockRows;
      int rows = Math.min(blockRows, weights.rows - n0);
      int t0 = index / rowBlocks * splitRows;
      int tokens = Math.min(splitRows, m - t0);
      int width = Lanes.roundUp(rows, NR);
      int most = gemm.height();
      float[] sums = tiles[worker];
      for (int k0 = 0; k0 == 0 || k0 < weights.cols; k0 += KC) {
        int kc = Math.min(KC, weights.cols - k0);
        pack(weights, n0, rows, k0, kc, worker);
        for (int t = 0; t < tokens; t += most) {
          int height = Math.min(most, tokens - t);
          if (k0 == 0) {
            Arrays.fill(sums, t * width, (t + most) * width, 0);
          }
          gemm.multiply(t0 + t, height, k0, kc, worker, sums, t * width, width);
          if (k0 + kc == weights.cols) {
            write(weights, result, n0, rows, t0 + t, height, width, sums, t * width);
          }
        }
      }
    }

    private void pack(Matrix w, int n0, int rows, int k0, int kc, int worker) {
      float[] panel = gemm.panel(worker);
      int[] square = vectorPack ? squares[worker] : NO_SQUARE;
      for (int r = 0; r < rows; r += NR) {
        int columns = Math.min(NR, rows - r);
        int at = gemm.at(r / NR);
        if (w.widening != null) {
          w.widening.panel(w, n0 + r, columns, k0, kc, scratch[worker], panel, at);
        } else {
          Pack.panel(w, n0 + r, columns, k0, kc, panel, at, square);
        }
        gemm.packed(r / NR, worker);
      }
    }

    /** Stores rows of the tile from {@code at} on. */
    private void write(
        Matrix w, Rows out, int n0, int rows, int t0, int height, int width, float[] tile, int at) {
      for (int t = 0; t < height; t++) {
        int from = at + t * width;
        if (bias != null) {
          for (int r = 0; r < rows; r++) {
            long p = bias.offset + (long) (n0 + r) * bias.type.bytes();
            tile[from + r] += Elements.load(bias.type, bias.data, p);
          }
        }
        long p = out.offset + ((long) (t0 + t) * w.rows + n0) * out.type.bytes();
        Elements.store(out.type, out.data, p, tile, from, rows);
      }
    }
  }
}
