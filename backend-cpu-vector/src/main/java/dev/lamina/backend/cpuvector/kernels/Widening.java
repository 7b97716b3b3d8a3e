package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import dev.lamina.backend.sdk.BlockDecoder;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Quantised rows as floats, a piece of a row at a time: what the products read stays in the first
 * cache, so that memory is read at the size of the blocks. A piece is taken apart into levels of a
 * byte and factors ({@link VectorBlocks}, or {@link BlockDecoder} for other formats and while that
 * is cold); these become floats, or products with one row of x at once, two rows of weights sharing
 * its loads ({@link VectorLevels}).
 */
final class Widening {
  /** Elements of a piece. */
  private static final int PIECE = 2048;

  private final QuantFormat format;
  private final BlockDecoder decoder;
  private final LevelForm form;
  private final HotKernel levels;
  private final @Nullable HotKernel unpack;

  Widening(QuantFormat format) {
    this.format = format;
    decoder = BlockDecoder.of(format);
    form = LevelForm.of(format);
    levels = form.kernel();
    unpack = HotKernel.unpack(format);
  }

  /**
   * Widens elements of a row.
   *
   * @param m matrix of this format
   * @param row which
   * @param k0 first column, a multiple of the block
   * @param n columns, a multiple of the block
   * @param scratch a thread's
   * @param out takes them
   * @param at index of the first one there
   */
  void row(Matrix m, int row, int k0, int n, Scratch scratch, float[] out, int at) {
    for (int k = 0; k < n; k += PIECE) {
      int some = Math.min(PIECE, n - k);
      byte[] data = scratch.load(m, m.row(row) + bytes(k0 + k), bytes(some));
      unpack(data, some, scratch.first);
      widen(scratch.first, some, out, at + k);
    }
  }

  private void unpack(byte[] data, int n, BlockDecoder.Unpacked to) {
    int blocks = n / format.elements();
    if (unpack != null && unpack.isWarm()) {
      VectorBlocks.unpack(format, data, blocks, to);
    } else {
      decoder.unpack(data, blocks, to);
    }
  }

  private int bytes(int elements) {
    return elements / format.elements() * format.bytes();
  }

  /** Whether n levels have a vector form at this time. */
  private boolean isVector(BlockDecoder.Unpacked u, int n) {
    return levels.isWarm() && (form != LevelForm.FLOAT8 || !ScalarLevels.hasNan(u.levels(), n));
  }

  private void widen(BlockDecoder.Unpacked u, int n, float[] out, int at) {
    int whole = isVector(u, n) ? n - n % (4 * VL) : 0;
    switch (form) {
      case SCALED -> VectorLevels.scaled(u, whole, out, at);
      case RAISED -> VectorLevels.raised(u, whole, out, at);
      case FLOAT8 -> VectorLevels.eights(u, whole, out, at);
    }
    ScalarLevels.widen(form, u, whole, n, out, at);
  }

  /** Packs up to NR rows as a panel {@code [kc][NR]}; kc is at most {@link Lanes#KC}. */
  void panel(Matrix m, int row, int rows, int k0, int kc, Scratch scratch, float[] panel, int at) {
    float[] piece = scratch.piece;
    for (int r = 0; r < rows; r++) {
      row(m, row + r, k0, kc, scratch, piece, 0);
      for (int k = 0; k < kc; k++) {
        panel[at + k * NR + r] = piece[k];
      }
    }
    Pack.clear(kc, panel, at, rows, NR, NR);
  }

  /**
   * Two rows of weights times rows of x, each taken apart once for all of these.
   *
   * @param m matrix of this format
   * @param row the first one
   * @param other the second one; may be the same
   * @param x rows of {@code m.cols}
   * @param height how many rows of x, up to {@link Linear#STREAM_ROWS}
   * @param scratch a thread's
   * @return the products of the first one, then those of the second one; the scratch's
   */
  float[] products(Matrix m, int row, int other, float[] x, int height, Scratch scratch) {
    int cols = m.cols;
    BlockDecoder.Unpacked u = scratch.first;
    BlockDecoder.Unpacked v = scratch.second;
    float[] sums = scratch.sums;
    Arrays.fill(sums, 0, 2 * height * NR, 0);
    for (int k0 = 0; k0 < cols; k0 += PIECE) {
      int kc = Math.min(PIECE, cols - k0);
      int whole = kc - kc % NR;
      for (int i = 0; i < 2; i++) {
        long p = m.row(i == 0 ? row : other) + bytes(k0);
        unpack(scratch.load(m, p, bytes(kc)), kc, i == 0 ? u : v);
      }
      if (height == 1 && isVector(u, kc) && isVector(v, kc)) {
        switch (form) {
          case SCALED -> VectorLevels.scaled(u, v, whole, x, k0, sums);
          case RAISED -> VectorLevels.raised(u, v, whole, x, k0, sums);
          case FLOAT8 -> VectorLevels.eights(u, v, whole, x, k0, sums);
        }
      } else {
        multiply(u, cols, k0, kc, x, height, scratch, 0);
        multiply(v, cols, k0, kc, x, height, scratch, height);
      }
      if (k0 + kc == cols) {
        for (int t = 0; t < height; t++) {
          int xo = t * cols + k0;
          scratch.products[t] = sum(u, sums, t * NR, x, xo, whole, kc);
          scratch.products[height + t] = sum(v, sums, (height + t) * NR, x, xo, whole, kc);
        }
      }
    }
    return scratch.products;
  }

  /** Adds to the sums from row {@code at} of them on. */
  private void multiply(
      BlockDecoder.Unpacked u,
      int cols,
      int k0,
      int kc,
      float[] x,
      int rows,
      Scratch scratch,
      int at) {
    float[] w = scratch.piece;
    float[] sums = scratch.sums;
    widen(u, kc, w, 0);
    int whole = kc - kc % NR;
    boolean vector = HotKernel.DOT_WIDENED.isWarm();
    int t = 0;
    for (; vector && t + 4 <= rows; t += 4) {
      VectorDot.fourFloats(w, x, t * cols + k0, cols, whole, sums, (at + t) * NR);
    }
    for (; t < rows; t++) {
      if (vector) {
        VectorDot.floats(w, x, t * cols + k0, whole, sums, (at + t) * NR);
      } else {
        ScalarDot.floats(w, x, t * cols + k0, whole, sums, (at + t) * NR);
      }
    }
  }

  private float sum(
      BlockDecoder.Unpacked u, float[] sums, int at, float[] x, int xo, int whole, int kc) {
    for (int l = 0; l < VL; l++) {
      sums[at + l] += sums[at + VL + l];
    }
    float y = Lanes.fold(sums, at);
    for (int k = whole; k < kc; k++) {
      y = Math.fma(ScalarLevels.weight(form, u, k), x[xo + k], y);
    }
    return y;
  }

  /** A thread's. */
  static final class Scratch {
    private byte[] bytes = new byte[0];

    /** Sixteen more than a piece: loads may reach past the last element. */
    final BlockDecoder.Unpacked first = BlockDecoder.Unpacked.of(PIECE + 16);

    final BlockDecoder.Unpacked second = BlockDecoder.Unpacked.of(PIECE + 16);
    final float[] piece = new float[PIECE];
    final float[] sums = new float[2 * Linear.STREAM_ROWS * NR];
    final float[] products = new float[2 * Linear.STREAM_ROWS];

    /** Copies bytes of a matrix: loads of an array cost less than those of a segment. */
    byte[] load(Matrix m, long p, int n) {
      if (bytes.length < n) {
        bytes = new byte[n];
      }
      MemorySegment.copy(m.data, ValueLayout.JAVA_BYTE, p, bytes, 0, n);
      return bytes;
    }

    static Scratch[] of(WorkerPool pool) {
      Scratch[] all = new Scratch[pool.size()];
      for (int i = 0; i < all.length; i++) {
        all[i] = new Scratch();
      }
      return all;
    }
  }
}
