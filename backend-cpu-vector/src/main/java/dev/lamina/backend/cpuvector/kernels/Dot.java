package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import dev.lamina.spi.ir.DType;

/** What {@link VectorDot} and {@link ScalarDot} share: the order of x, and what NR leaves over. */
final class Dot {
  private Dot() {}

  /**
   * Copies a row of x in the order in which the weights are widened.
   *
   * @param x source
   * @param from its first element
   * @param w weights it will be multiplied with
   * @param dst gets {@code w.cols} floats
   * @param at first index of dst
   */
  static void arrange(Linear.Rows x, long from, Matrix w, float[] dst, int at) {
    long p = x.offset() + from * x.type().bytes();
    int kc = w.type == DType.F32 ? 0 : w.cols - w.cols % NR;
    if (x.type() == DType.F32) {
      for (int k = 0; k < kc; k += NR) {
        for (int l = 0; l < VL; l++) {
          dst[at + k + l] = x.data().get(Lanes.F32, p + 4L * (k + 2 * l));
          dst[at + k + VL + l] = x.data().get(Lanes.F32, p + 4L * (k + 2 * l + 1));
        }
      }
    } else {
      for (int k = 0; k < kc; k++) {
        int l = k % NR;
        dst[at + k - l + (l & 1) * VL + l / 2] = Elements.load(x.type(), x.data(), p + 2L * k);
      }
    }
    long rest = p + (long) kc * x.type().bytes();
    Elements.load(x.type(), x.data(), rest, dst, at + kc, w.cols - kc);
  }

  /** Adds the columns from {@code kc} on, in order. */
  static float tail(Matrix w, long row, float[] x, int xo, int kc, float sum) {
    float y = sum;
    for (int k = kc; k < w.cols; k++) {
      y = Math.fma(Elements.load(w.type, w.data, row + (long) k * w.type.bytes()), x[xo + k], y);
    }
    return y;
  }
}
