package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.F;
import static dev.lamina.backend.cpuvector.kernels.Lanes.I;
import static dev.lamina.backend.cpuvector.kernels.Lanes.LE;
import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * One row of weights, streamed, times one or four rows of x; lanes lie along k.
 *
 * <p>x comes arranged (see {@link Dot#arrange}): for halves, each NR values as evens then odds,
 * because an int of the stream holds an even and an odd half and each is widened by a mask or a
 * shift. Halves are widened exactly for every finite value: the shifted bits are the value times
 * 2^-112. Two chains of sums a row of x; VL partial sums a row are left in {@code acc}. Twin:
 * {@link ScalarDot}.
 */
final class VectorDot {
  private static final int HIGH = 0xFFFF0000;
  private static final int HALF_MASK = 0x8FFFE000;
  private static final float HALF_SCALE = 0x1p112f;

  private VectorDot() {}

  static void one(Matrix m, long p, float[] x, int xo, int kc, float[] acc) {
    if (m.type == DType.F32) {
      oneFloat(m.data, p, x, xo, kc, acc);
    } else if (m.type == DType.BF16) {
      oneBrain(m.data, p, x, xo, kc, acc);
    } else {
      oneHalf(m.data, p, x, xo, kc, acc);
    }
  }

  /** Rows of x are {@code xs} apart; row i's sums go to {@code acc[i * VL]}. */
  static void four(Matrix m, long p, float[] x, int xo, int xs, int kc, float[] acc) {
    if (m.type == DType.F32) {
      fourFloat(m.data, p, x, xo, xs, kc, acc);
    } else if (m.type == DType.BF16) {
      fourBrain(m.data, p, x, xo, xs, kc, acc);
    } else {
      fourHalf(m.data, p, x, xo, xs, kc, acc);
    }
  }

  /**
   * Four neighbouring rows of weights times one row of x; row i's sums go to {@code acc[i * VL]}.
   * Used for F32 only: for halves it is slower than {@link #one}, whose rows follow one another.
   */
  static void rows(Matrix m, long p, float[] x, int xo, int kc, float[] acc) {
    rowsFloat(m.data, p, m.rowBytes, x, xo, kc, acc);
  }

  /** Adds the products of w and a row of x to two chains of sums, NR from {@code at} on. */
  static void floats(float[] w, float[] x, int xo, int n, float[] sums, int at) {
    FloatVector a0 = FloatVector.fromArray(F, sums, at);
    FloatVector b0 = FloatVector.fromArray(F, sums, at + VL);
    for (int k = 0; k < n; k += NR) {
      FloatVector u = FloatVector.fromArray(F, w, k);
      FloatVector v = FloatVector.fromArray(F, w, k + VL);
      a0 = u.fma(FloatVector.fromArray(F, x, xo + k), a0);
      b0 = v.fma(FloatVector.fromArray(F, x, xo + k + VL), b0);
    }
    a0.intoArray(sums, at);
    b0.intoArray(sums, at + VL);
  }

  /** The same for four rows of x, {@code xs} apart; row i's sums are NR from {@code at + i NR}. */
  static void fourFloats(float[] w, float[] x, int xo, int xs, int n, float[] sums, int at) {
    FloatVector a0 = FloatVector.fromArray(F, sums, at);
    FloatVector b0 = FloatVector.fromArray(F, sums, at + VL);
    FloatVector a1 = FloatVector.fromArray(F, sums, at + NR);
    FloatVector b1 = FloatVector.fromArray(F, sums, at + NR + VL);
    FloatVector a2 = FloatVector.fromArray(F, sums, at + 2 * NR);
    FloatVector b2 = FloatVector.fromArray(F, sums, at + 2 * NR + VL);
    FloatVector a3 = FloatVector.fromArray(F, sums, at + 3 * NR);
    FloatVector b3 = FloatVector.fromArray(F, sums, at + 3 * NR + VL);
    for (int k = 0; k < n; k += NR) {
      FloatVector u = FloatVector.fromArray(F, w, k);
      FloatVector v = FloatVector.fromArray(F, w, k + VL);
      int q = xo + k;
      a0 = u.fma(FloatVector.fromArray(F, x, q), a0);
      b0 = v.fma(FloatVector.fromArray(F, x, q + VL), b0);
      a1 = u.fma(FloatVector.fromArray(F, x, q + xs), a1);
      b1 = v.fma(FloatVector.fromArray(F, x, q + xs + VL), b1);
      a2 = u.fma(FloatVector.fromArray(F, x, q + 2 * xs), a2);
      b2 = v.fma(FloatVector.fromArray(F, x, q + 2 * xs + VL), b2);
      a3 = u.fma(FloatVector.fromArray(F, x, q + 3 * xs), a3);
      b3 = v.fma(FloatVector.fromArray(F, x, q + 3 * xs + VL), b3);
    }
    a0.intoArray(sums, at);
    b0.intoArray(sums, at + VL);
    a1.intoArray(sums, at + NR);
    b1.intoArray(sums, at + NR + VL);
    a2.intoArray(sums, at + 2 * NR);
    b2.intoArray(sums, at + 2 * NR + VL);
    a3.intoArray(sums, at + 3 * NR);
    b3.intoArray(sums, at + 3 * NR + VL);
  }

  private static void oneFloat(MemorySegment m, long p, float[] x, int xo, int kc, float[] acc) {
    FloatVector a0 = FloatVector.zero(F);
    FloatVector b0 = FloatVector.zero(F);
    for (int k = 0; k < kc; k += NR) {
      FloatVector u = FloatVector.fromMemorySegment(F, m, p + 4L * k, LE);
      FloatVector v = FloatVector.fromMemorySegment(F, m, p + 4L * (k + VL), LE);
      int q = xo + k;
      a0 = u.fma(FloatVector.fromArray(F, x, q), a0);
      b0 = v.fma(FloatVector.fromArray(F, x, q + VL), b0);
    }
    a0.add(b0).intoArray(acc, 0);
  }

  private static void oneBrain(MemorySegment m, long p, float[] x, int xo, int kc, float[] acc) {
    FloatVector a0 = FloatVector.zero(F);
    FloatVector b0 = FloatVector.zero(F);
    for (int k = 0; k < kc; k += NR) {
      IntVector w = IntVector.fromMemorySegment(I, m, p + 2L * k, LE);
      FloatVector u = w.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector v = w.and(HIGH).reinterpretAsFloats();
      int q = xo + k;
      a0 = u.fma(FloatVector.fromArray(F, x, q), a0);
      b0 = v.fma(FloatVector.fromArray(F, x, q + VL), b0);
    }
    a0.add(b0).intoArray(acc, 0);
  }

  private static void oneHalf(MemorySegment m, long p, float[] x, int xo, int kc, float[] acc) {
    FloatVector a0 = FloatVector.zero(F);
    FloatVector b0 = FloatVector.zero(F);
    for (int k = 0; k < kc; k += NR) {
      IntVector w = IntVector.fromMemorySegment(I, m, p + 2L * k, LE);
      FloatVector u =
          w.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(HALF_MASK)
              .reinterpretAsFloats()
              .mul(HALF_SCALE);
      FloatVector v =
          w.lanewise(VectorOperators.ASHR, 3).and(HALF_MASK).reinterpretAsFloats().mul(HALF_SCALE);
      int q = xo + k;
      a0 = u.fma(FloatVector.fromArray(F, x, q), a0);
      b0 = v.fma(FloatVector.fromArray(F, x, q + VL), b0);
    }
    a0.add(b0).intoArray(acc, 0);
  }

  private static void fourFloat(
      MemorySegment m, long p, float[] x, int xo, int xs, int kc, float[] acc) {
    FloatVector a0 = FloatVector.zero(F);
    FloatVector b0 = FloatVector.zero(F);
    FloatVector a1 = FloatVector.zero(F);
    FloatVector b1 = FloatVector.zero(F);
    FloatVector a2 = FloatVector.zero(F);
    FloatVector b2 = FloatVector.zero(F);
    FloatVector a3 = FloatVector.zero(F);
    FloatVector b3 = FloatVector.zero(F);
    for (int k = 0; k < kc; k += NR) {
      FloatVector u = FloatVector.fromMemorySegment(F, m, p + 4L * k, LE);
      FloatVector v = FloatVector.fromMemorySegment(F, m, p + 4L * (k + VL), LE);
      int q = xo + k;
      a0 = u.fma(FloatVector.fromArray(F, x, q), a0);
      b0 = v.fma(FloatVector.fromArray(F, x, q + VL), b0);
      a1 = u.fma(FloatVector.fromArray(F, x, q + xs), a1);
      b1 = v.fma(FloatVector.fromArray(F, x, q + xs + VL), b1);
      a2 = u.fma(FloatVector.fromArray(F, x, q + 2 * xs), a2);
      b2 = v.fma(FloatVector.fromArray(F, x, q + 2 * xs + VL), b2);
      a3 = u.fma(FloatVector.fromArray(F, x, q + 3 * xs), a3);
      b3 = v.fma(FloatVector.fromArray(F, x, q + 3 * xs + VL), b3);
    }
    a0.add(b0).intoArray(acc, 0);
    a1.add(b1).intoArray(acc, VL);
    a2.add(b2).intoArray(acc, 2 * VL);
    a3.add(b3).intoArray(acc, 3 * VL);
  }

  private static void fourBrain(
      MemorySegment m, long p, float[] x, int xo, int xs, int kc, float[] acc) {
    FloatVector a0 = FloatVector.zero(F);
    FloatVector b0 = FloatVector.zero(F);
    FloatVector a1 = FloatVector.zero(F);
    FloatVector b1 = FloatVector.zero(F);
    FloatVector a2 = FloatVector.zero(F);
    FloatVector b2 = FloatVector.zero(F);
    FloatVector a3 = FloatVector.zero(F);
    FloatVector b3 = FloatVector.zero(F);
    for (int k = 0; k < kc; k += NR) {
      IntVector w = IntVector.fromMemorySegment(I, m, p + 2L * k, LE);
      FloatVector u = w.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
      FloatVector v = w.and(HIGH).reinterpretAsFloats();
      int q = xo + k;
      a0 = u.fma(FloatVector.fromArray(F, x, q), a0);
      b0 = v.fma(FloatVector.fromArray(F, x, q + VL), b0);
      a1 = u.fma(FloatVector.fromArray(F, x, q + xs), a1);
      b1 = v.fma(FloatVector.fromArray(F, x, q + xs + VL), b1);
      a2 = u.fma(FloatVector.fromArray(F, x, q + 2 * xs), a2);
      b2 = v.fma(FloatVector.fromArray(F, x, q + 2 * xs + VL), b2);
      a3 = u.fma(FloatVector.fromArray(F, x, q + 3 * xs), a3);
      b3 = v.fma(FloatVector.fromArray(F, x, q + 3 * xs + VL), b3);
    }
    a0.add(b0).intoArray(acc, 0);
    a1.add(b1).intoArray(acc, VL);
    a2.add(b2).intoArray(acc, 2 * VL);
    a3.add(b3).intoArray(acc, 3 * VL);
  }

  private static void fourHalf(
      MemorySegment m, long p, float[] x, int xo, int xs, int kc, float[] acc) {
    FloatVector a0 = FloatVector.zero(F);
    FloatVector b0 = FloatVector.zero(F);
    FloatVector a1 = FloatVector.zero(F);
    FloatVector b1 = FloatVector.zero(F);
    FloatVector a2 = FloatVector.zero(F);
    FloatVector b2 = FloatVector.zero(F);
    FloatVector a3 = FloatVector.zero(F);
    FloatVector b3 = FloatVector.zero(F);
    for (int k = 0; k < kc; k += NR) {
      IntVector w = IntVector.fromMemorySegment(I, m, p + 2L * k, LE);
      FloatVector u =
          w.lanewise(VectorOperators.LSHL, 16)
              .lanewise(VectorOperators.ASHR, 3)
              .and(HALF_MASK)
              .reinterpretAsFloats()
              .mul(HALF_SCALE);
      FloatVector v =
          w.lanewise(VectorOperators.ASHR, 3).and(HALF_MASK).reinterpretAsFloats().mul(HALF_SCALE);
      int q = xo + k;
      a0 = u.fma(FloatVector.fromArray(F, x, q), a0);
      b0 = v.fma(FloatVector.fromArray(F, x, q + VL), b0);
      a1 = u.fma(FloatVector.fromArray(F, x, q + xs), a1);
      b1 = v.fma(FloatVector.fromArray(F, x, q + xs + VL), b1);
      a2 = u.fma(FloatVector.fromArray(F, x, q + 2 * xs), a2);
      b2 = v.fma(FloatVector.fromArray(F, x, q + 2 * xs + VL), b2);
      a3 = u.fma(FloatVector.fromArray(F, x, q + 3 * xs), a3);
      b3 = v.fma(FloatVector.fromArray(F, x, q + 3 * xs + VL), b3);
    }
    a0.add(b0).intoArray(acc, 0);
    a1.add(b1).intoArray(acc, VL);
    a2.add(b2).intoArray(acc, 2 * VL);
    a3.add(b3).intoArray(acc, 3 * VL);
  }

  private static void rowsFloat(
      MemorySegment m, long p, long rb, float[] x, int xo, int kc, float[] acc) {
    FloatVector a0 = FloatVector.zero(F);
    FloatVector b0 = FloatVector.zero(F);
    FloatVector a1 = FloatVector.zero(F);
    FloatVector b1 = FloatVector.zero(F);
    FloatVector a2 = FloatVector.zero(F);
    FloatVector b2 = FloatVector.zero(F);
    FloatVector a3 = FloatVector.zero(F);
    FloatVector b3 = FloatVector.zero(F);
    for (int k = 0; k < kc; k += NR) {
      FloatVector x0 = FloatVector.fromArray(F, x, xo + k);
      FloatVector x1 = FloatVector.fromArray(F, x, xo + k + VL);
      long q = p + 4L * k;
      a0 = FloatVector.fromMemorySegment(F, m, q, LE).fma(x0, a0);
      b0 = FloatVector.fromMemorySegment(F, m, q + 4L * VL, LE).fma(x1, b0);
      a1 = FloatVector.fromMemorySegment(F, m, q + rb, LE).fma(x0, a1);
      b1 = FloatVector.fromMemorySegment(F, m, q + rb + 4L * VL, LE).fma(x1, b1);
      a2 = FloatVector.fromMemorySegment(F, m, q + 2 * rb, LE).fma(x0, a2);
      b2 = FloatVector.fromMemorySegment(F, m, q + 2 * rb + 4L * VL, LE).fma(x1, b2);
      a3 = FloatVector.fromMemorySegment(F, m, q + 3 * rb, LE).fma(x0, a3);
      b3 = FloatVector.fromMemorySegment(F, m, q + 3 * rb + 4L * VL, LE).fma(x1, b3);
    }
    a0.add(b0).intoArray(acc, 0);
    a1.add(b1).intoArray(acc, VL);
    a2.add(b2).intoArray(acc, 2 * VL);
    a3.add(b3).intoArray(acc, 3 * VL);
  }
}
