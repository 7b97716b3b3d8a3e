package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.F;
import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import jdk.incubator.vector.FloatVector;

/**
 * The inner tile of every matrix product: {@code c[t][n] += sum over k of x[t][k] * w[k][n]}, for 8
 * to 1 rows t and NR columns n.
 *
 * <p>{@code w} is a packed panel {@code [kc][NR]}; {@code x} has rows {@code xs} apart, {@code c}
 * rows {@code cs} apart. Each sum runs over k in order, so a result has the same bits in a tile of
 * any height. The accumulators are written out as local variables: in an array they would leave the
 * registers. 2 x 12 of them fit 32 registers too, but where C2 unrolls the loop it loads all of x
 * ahead and spills, in some JVMs and not in others: 59-76 % of the FMA peak of a Zen 5 core where 2
 * x 8 reached 76-79 % in three of three. Twin: {@link ScalarTile}.
 */
final class VectorTile {
  /** Tiles there are, the largest first. */
  static final int[] HEIGHTS = {8, 6, 4, 2, 1};

  private VectorTile() {}

  /** Any number of rows, in tiles of at most {@link Lanes#MR}. */
  static void rows(int rows, float[] w, int wo, Operand x, int xo, int kc, float[] c, int co) {
    int t = 0;
    for (; Lanes.MR == 8 && t + 8 <= rows; t += 8) {
      rows8(w, wo, x.data, xo + t * x.stride, x.stride, kc, c, co + t * x.outStride, x.outStride);
    }
    for (; t + 6 <= rows; t += 6) {
      rows6(w, wo, x.data, xo + t * x.stride, x.stride, kc, c, co + t * x.outStride, x.outStride);
    }
    if (t + 4 <= rows) {
      rows4(w, wo, x.data, xo + t * x.stride, x.stride, kc, c, co + t * x.outStride, x.outStride);
      t += 4;
    }
    if (t + 2 <= rows) {
      rows2(w, wo, x.data, xo + t * x.stride, x.stride, kc, c, co + t * x.outStride, x.outStride);
      t += 2;
    }
    if (t < rows) {
      rows1(w, wo, x.data, xo + t * x.stride, kc, c, co + t * x.outStride);
    }
  }

  static void rows8(
      float[] w, int wo, float[] x, int xo, int xs, int kc, float[] c, int co, int cs) {
    FloatVector a0a = FloatVector.fromArray(F, c, co);
    FloatVector a0b = FloatVector.fromArray(F, c, co + VL);
    FloatVector a1a = FloatVector.fromArray(F, c, co + cs);
    FloatVector a1b = FloatVector.fromArray(F, c, co + cs + VL);
    FloatVector a2a = FloatVector.fromArray(F, c, co + 2 * cs);
    FloatVector a2b = FloatVector.fromArray(F, c, co + 2 * cs + VL);
    FloatVector a3a = FloatVector.fromArray(F, c, co + 3 * cs);
    FloatVector a3b = FloatVector.fromArray(F, c, co + 3 * cs + VL);
    FloatVector a4a = FloatVector.fromArray(F, c, co + 4 * cs);
    FloatVector a4b = FloatVector.fromArray(F, c, co + 4 * cs + VL);
    FloatVector a5a = FloatVector.fromArray(F, c, co + 5 * cs);
    FloatVector a5b = FloatVector.fromArray(F, c, co + 5 * cs + VL);
    FloatVector a6a = FloatVector.fromArray(F, c, co + 6 * cs);
    FloatVector a6b = FloatVector.fromArray(F, c, co + 6 * cs + VL);
    FloatVector a7a = FloatVector.fromArray(F, c, co + 7 * cs);
    FloatVector a7b = FloatVector.fromArray(F, c, co + 7 * cs + VL);
    for (int k = 0; k < kc; k++) {
      FloatVector u = FloatVector.fromArray(F, w, wo + k * NR);
      FloatVector v = FloatVector.fromArray(F, w, wo + k * NR + VL);
      int p = xo + k;
      FloatVector b = FloatVector.broadcast(F, x[p]);
      a0a = b.fma(u, a0a);
      a0b = b.fma(v, a0b);
      b = FloatVector.broadcast(F, x[p + xs]);
      a1a = b.fma(u, a1a);
      a1b = b.fma(v, a1b);
      b = FloatVector.broadcast(F, x[p + 2 * xs]);
      a2a = b.fma(u, a2a);
      a2b = b.fma(v, a2b);
      b = FloatVector.broadcast(F, x[p + 3 * xs]);
      a3a = b.fma(u, a3a);
      a3b = b.fma(v, a3b);
      b = FloatVector.broadcast(F, x[p + 4 * xs]);
      a4a = b.fma(u, a4a);
      a4b = b.fma(v, a4b);
      b = FloatVector.broadcast(F, x[p + 5 * xs]);
      a5a = b.fma(u, a5a);
      a5b = b.fma(v, a5b);
      b = FloatVector.broadcast(F, x[p + 6 * xs]);
      a6a = b.fma(u, a6a);
      a6b = b.fma(v, a6b);
      b = FloatVector.broadcast(F, x[p + 7 * xs]);
      a7a = b.fma(u, a7a);
      a7b = b.fma(v, a7b);
    }
    a0a.intoArray(c, co);
    a0b.intoArray(c, co + VL);
    a1a.intoArray(c, co + cs);
    a1b.intoArray(c, co + cs + VL);
    a2a.intoArray(c, co + 2 * cs);
    a2b.intoArray(c, co + 2 * cs + VL);
    a3a.intoArray(c, co + 3 * cs);
    a3b.intoArray(c, co + 3 * cs + VL);
    a4a.intoArray(c, co + 4 * cs);
    a4b.intoArray(c, co + 4 * cs + VL);
    a5a.intoArray(c, co + 5 * cs);
    a5b.intoArray(c, co + 5 * cs + VL);
    a6a.intoArray(c, co + 6 * cs);
    a6b.intoArray(c, co + 6 * cs + VL);
    a7a.intoArray(c, co + 7 * cs);
    a7b.intoArray(c, co + 7 * cs + VL);
  }

  static void rows6(
      float[] w, int wo, float[] x, int xo, int xs, int kc, float[] c, int co, int cs) {
    FloatVector a0a = FloatVector.fromArray(F, c, co);
    FloatVector a0b = FloatVector.fromArray(F, c, co + VL);
    FloatVector a1a = FloatVector.fromArray(F, c, co + cs);
    FloatVector a1b = FloatVector.fromArray(F, c, co + cs + VL);
    FloatVector a2a = FloatVector.fromArray(F, c, co + 2 * cs);
    FloatVector a2b = FloatVector.fromArray(F, c, co + 2 * cs + VL);
    FloatVector a3a = FloatVector.fromArray(F, c, co + 3 * cs);
    FloatVector a3b = FloatVector.fromArray(F, c, co + 3 * cs + VL);
    FloatVector a4a = FloatVector.fromArray(F, c, co + 4 * cs);
    FloatVector a4b = FloatVector.fromArray(F, c, co + 4 * cs + VL);
    FloatVector a5a = FloatVector.fromArray(F, c, co + 5 * cs);
    FloatVector a5b = FloatVector.fromArray(F, c, co + 5 * cs + VL);
    for (int k = 0; k < kc; k++) {
      FloatVector u = FloatVector.fromArray(F, w, wo + k * NR);
      FloatVector v = FloatVector.fromArray(F, w, wo + k * NR + VL);
      int p = xo + k;
      FloatVector b = FloatVector.broadcast(F, x[p]);
      a0a = b.fma(u, a0a);
      a0b = b.fma(v, a0b);
      b = FloatVector.broadcast(F, x[p + xs]);
      a1a = b.fma(u, a1a);
      a1b = b.fma(v, a1b);
      b = FloatVector.broadcast(F, x[p + 2 * xs]);
      a2a = b.fma(u, a2a);
      a2b = b.fma(v, a2b);
      b = FloatVector.broadcast(F, x[p + 3 * xs]);
      a3a = b.fma(u, a3a);
      a3b = b.fma(v, a3b);
      b = FloatVector.broadcast(F, x[p + 4 * xs]);
      a4a = b.fma(u, a4a);
      a4b = b.fma(v, a4b);
      b = FloatVector.broadcast(F, x[p + 5 * xs]);
      a5a = b.fma(u, a5a);
      a5b = b.fma(v, a5b);
    }
    a0a.intoArray(c, co);
    a0b.intoArray(c, co + VL);
    a1a.intoArray(c, co + cs);
    a1b.intoArray(c, co + cs + VL);
    a2a.intoArray(c, co + 2 * cs);
    a2b.intoArray(c, co + 2 * cs + VL);
    a3a.intoArray(c, co + 3 * cs);
    a3b.intoArray(c, co + 3 * cs + VL);
    a4a.intoArray(c, co + 4 * cs);
    a4b.intoArray(c, co + 4 * cs + VL);
    a5a.intoArray(c, co + 5 * cs);
    a5b.intoArray(c, co + 5 * cs + VL);
  }

  static void rows4(
      float[] w, int wo, float[] x, int xo, int xs, int kc, float[] c, int co, int cs) {
    FloatVector a0a = FloatVector.fromArray(F, c, co);
    FloatVector a0b = FloatVector.fromArray(F, c, co + VL);
    FloatVector a1a = FloatVector.fromArray(F, c, co + cs);
    FloatVector a1b = FloatVector.fromArray(F, c, co + cs + VL);
    FloatVector a2a = FloatVector.fromArray(F, c, co + 2 * cs);
    FloatVector a2b = FloatVector.fromArray(F, c, co + 2 * cs + VL);
    FloatVector a3a = FloatVector.fromArray(F, c, co + 3 * cs);
    FloatVector a3b = FloatVector.fromArray(F, c, co + 3 * cs + VL);
    for (int k = 0; k < kc; k++) {
      FloatVector u = FloatVector.fromArray(F, w, wo + k * NR);
      FloatVector v = FloatVector.fromArray(F, w, wo + k * NR + VL);
      int p = xo + k;
      FloatVector b = FloatVector.broadcast(F, x[p]);
      a0a = b.fma(u, a0a);
      a0b = b.fma(v, a0b);
      b = FloatVector.broadcast(F, x[p + xs]);
      a1a = b.fma(u, a1a);
      a1b = b.fma(v, a1b);
      b = FloatVector.broadcast(F, x[p + 2 * xs]);
      a2a = b.fma(u, a2a);
      a2b = b.fma(v, a2b);
      b = FloatVector.broadcast(F, x[p + 3 * xs]);
      a3a = b.fma(u, a3a);
      a3b = b.fma(v, a3b);
    }
    a0a.intoArray(c, co);
    a0b.intoArray(c, co + VL);
    a1a.intoArray(c, co + cs);
    a1b.intoArray(c, co + cs + VL);
    a2a.intoArray(c, co + 2 * cs);
    a2b.intoArray(c, co + 2 * cs + VL);
    a3a.intoArray(c, co + 3 * cs);
    a3b.intoArray(c, co + 3 * cs + VL);
  }

  static void rows2(
      float[] w, int wo, float[] x, int xo, int xs, int kc, float[] c, int co, int cs) {
    FloatVector a0a = FloatVector.fromArray(F, c, co);
    FloatVector a0b = FloatVector.fromArray(F, c, co + VL);
    FloatVector a1a = FloatVector.fromArray(F, c, co + cs);
    FloatVector a1b = FloatVector.fromArray(F, c, co + cs + VL);
    for (int k = 0; k < kc; k++) {
      FloatVector u = FloatVector.fromArray(F, w, wo + k * NR);
      FloatVector v = FloatVector.fromArray(F, w, wo + k * NR + VL);
      int p = xo + k;
      FloatVector b = FloatVector.broadcast(F, x[p]);
      a0a = b.fma(u, a0a);
      a0b = b.fma(v, a0b);
      b = FloatVector.broadcast(F, x[p + xs]);
      a1a = b.fma(u, a1a);
      a1b = b.fma(v, a1b);
    }
    a0a.intoArray(c, co);
    a0b.intoArray(c, co + VL);
    a1a.intoArray(c, co + cs);
    a1b.intoArray(c, co + cs + VL);
  }

  static void rows1(float[] w, int wo, float[] x, int xo, int kc, float[] c, int co) {
    FloatVector a0a = FloatVector.fromArray(F, c, co);
    FloatVector a0b = FloatVector.fromArray(F, c, co + VL);
    for (int k = 0; k < kc; k++) {
      FloatVector u = FloatVector.fromArray(F, w, wo + k * NR);
      FloatVector v = FloatVector.fromArray(F, w, wo + k * NR + VL);
      int p = xo + k;
      FloatVector b = FloatVector.broadcast(F, x[p]);
      a0a = b.fma(u, a0a);
      a0b = b.fma(v, a0b);
    }
    a0a.intoArray(c, co);
    a0b.intoArray(c, co + VL);
  }
}
