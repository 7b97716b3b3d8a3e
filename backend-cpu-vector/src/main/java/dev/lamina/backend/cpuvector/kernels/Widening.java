package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.KC;
import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import dev.lamina.backend.sdk.BlockDecoder;
import dev.lamina.spi.ir.QuantFormat;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Quantised rows as floats, a piece of a row at a time: what the products read stays in the first
 * cache, so that memory is read at the size of the blocks. The same numbers by {@link VectorBlocks}
 * and, for other formats and while that is cold, by {@link BlockDecoder}.
 */
final class Widening {
  private final QuantFormat format;
  private final BlockDecoder scalar;
  private final @Nullable HotKernel hot;

  Widening(QuantFormat format) {
    this.format = format;
    scalar = BlockDecoder.of(format);
    hot = HotKernel.widen(format);
  }

  /**
   * Widens elements of a row.
   *
   * @param m matrix of this format
   * @param row which
   * @param k0 first column, a multiple of the block
   * @param n columns, a multiple of the block
   * @param out takes them
   * @param at index of the first one there
   */
  void row(Matrix m, int row, int k0, int n, float[] out, int at) {
    long p = m.row(row) + (long) (k0 / format.elements()) * format.bytes();
    int blocks = n / format.elements();
    if (hot != null && hot.isWarm()) {
      VectorBlocks.widen(format, m.data, p, blocks, out, at);
    } else {
      scalar.decode(m.data, p, blocks, out, at);
    }
  }

  /** Packs up to NR rows as a panel {@code [kc][NR]}, by way of a piece of {@link Lanes#KC}. */
  void panel(Matrix m, int row, int rows, int k0, int kc, float[] panel, int at, float[] piece) {
    for (int r = 0; r < rows; r++) {
      row(m, row + r, k0, kc, piece, 0);
      for (int k = 0; k < kc; k++) {
        panel[at + k * NR + r] = piece[k];
      }
    }
    Pack.clear(kc, panel, at, rows, NR);
  }

  /**
   * One row of weights times rows of x, each widened once for all of them.
   *
   * @param m matrix of this format
   * @param row which
   * @param x rows of {@code m.cols}
   * @param rows how many
   * @param vector whether products are vectors
   * @param scratch piece and sums
   * @param out takes the products
   */
  void products(
      Matrix m, int row, float[] x, int rows, boolean vector, Scratch scratch, float[] out) {
    Arrays.fill(scratch.sums, 0, rows * 4 * VL, 0);
    for (int k0 = 0; k0 < m.cols; k0 += KC) {
      int kc = Math.min(KC, m.cols - k0);
      row(m, row, k0, kc, scratch.piece, 0);
      int whole = kc - kc % (4 * VL);
      for (int t = 0; t < rows; t++) {
        int xo = t * m.cols + k0;
        if (vector) {
          VectorDot.floats(scratch.piece, x, xo, whole, scratch.sums, t * 4 * VL);
        } else {
          ScalarDot.floats(scratch.piece, x, xo, whole, scratch.sums, t * 4 * VL);
        }
        if (k0 + kc == m.cols) {
          out[t] = sum(scratch, t, x, xo, whole, kc);
        }
      }
    }
  }

  private static float sum(Scratch scratch, int t, float[] x, int xo, int whole, int kc) {
    float[] s = scratch.sums;
    int at = t * 4 * VL;
    for (int l = 0; l < VL; l++) {
      s[at + l] = (s[at + l] + s[at + VL + l]) + (s[at + 2 * VL + l] + s[at + 3 * VL + l]);
    }
    float y = Lanes.fold(s, at);
    for (int k = whole; k < kc; k++) {
      y = Math.fma(scratch.piece[k], x[xo + k], y);
    }
    return y;
  }

  /** A thread's. */
  static final class Scratch {
    final float[] piece = new float[KC];
    final float[] sums = new float[Linear.STREAM_ROWS * 4 * VL];
    final float[] products = new float[Linear.STREAM_ROWS];
  }
}
