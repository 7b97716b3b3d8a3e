package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import dev.lamina.spi.ir.DType;

/** Scalar twin of {@link VectorDot}: the same chains in the same order; any bit pattern of F16. */
final class ScalarDot {
  private ScalarDot() {}

  /** {@code sums} is scratch of NR floats; the VL partial sums go to {@code acc[at]}. */
  static void one(Matrix m, long p, float[] x, int xo, int kc, float[] sums, float[] acc, int at) {
    for (int l = 0; l < NR; l++) {
      sums[l] = 0;
    }
    for (int k = 0; k < kc; k += NR) {
      if (m.type == DType.F32) {
        floats(m, p + 4L * k, x, xo + k, sums);
      } else if (m.type == DType.BF16) {
        brainHalves(m, p + 2L * k, x, xo + k, sums);
      } else {
        halves(m, p + 2L * k, x, xo + k, sums);
      }
    }
    for (int l = 0; l < VL; l++) {
      acc[at + l] = sums[l] + sums[VL + l];
    }
  }

  private static void floats(Matrix m, long p, float[] x, int xo, float[] sums) {
    for (int l = 0; l < NR; l++) {
      sums[l] = Math.fma(m.data.get(Lanes.F32, p + 4L * l), x[xo + l], sums[l]);
    }
  }

  private static void brainHalves(Matrix m, long p, float[] x, int xo, float[] sums) {
    for (int l = 0; l < VL; l++) {
      int pair = m.data.get(Lanes.I32, p + 4L * l);
      sums[l] = Math.fma(Float.intBitsToFloat(pair << 16), x[xo + l], sums[l]);
      sums[VL + l] =
          Math.fma(Float.intBitsToFloat(pair & 0xFFFF0000), x[xo + VL + l], sums[VL + l]);
    }
  }

  private static void halves(Matrix m, long p, float[] x, int xo, float[] sums) {
    for (int l = 0; l < VL; l++) {
      int pair = m.data.get(Lanes.I32, p + 4L * l);
      sums[l] = Math.fma(Float.float16ToFloat((short) pair), x[xo + l], sums[l]);
      sums[VL + l] =
          Math.fma(Float.float16ToFloat((short) (pair >> 16)), x[xo + VL + l], sums[VL + l]);
    }
  }

  /** Twin of {@link VectorDot#floats(float[], float[], int, int, float[], int)}. */
  static void floats(float[] w, float[] x, int xo, int n, float[] sums, int at) {
    for (int k = 0; k < n; k += NR) {
      for (int l = 0; l < NR; l++) {
        sums[at + l] = Math.fma(w[k + l], x[xo + k + l], sums[at + l]);
      }
    }
  }
}
