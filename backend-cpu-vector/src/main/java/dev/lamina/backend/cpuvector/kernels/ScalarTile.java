package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;

/** Scalar twin of {@link VectorTile}: the same sums in the same order. */
final class ScalarTile {
  private ScalarTile() {}

  static void rows(int rows, float[] w, int wo, Operand x, int xo, int kc, float[] c, int co) {
    for (int t = 0; t < rows; t++) {
      int ct = co + t * x.outStride;
      int xt = xo + t * x.stride;
      for (int k = 0; k < kc; k++) {
        row(w, wo + k * NR, x.data[xt + k], c, ct);
      }
    }
  }

  private static void row(float[] w, int wo, float x, float[] c, int co) {
    for (int n = 0; n < NR; n++) {
      c[co + n] = Math.fma(x, w[wo + n], c[co + n]);
    }
  }
}
