package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.F;
import static dev.lamina.backend.cpuvector.kernels.Lanes.LE;
import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * {@code c[rows][2 VL] += x[kc][MR]^T w[kc][2 VL]}: the tile for vectors of sixteen lanes and 32
 * registers.
 *
 * <p>Such a vector is as wide as a cache line, and an array's elements begin 16 bytes behind one:
 * every load of an array takes two lines. So w lies off the heap, aligned. x comes in strips
 * ({@link Strips}), so that one address serves twelve rows; with a row each, C2 has no registers
 * left for them. With eight lanes and 16 registers both cost more than they give.
 */
final class WideTile {
  /** Rows of a strip of x, and most rows of a tile: 24 of the 32 registers hold its sums. */
  static final int MR = 12;

  /** Rows of the lower tile. */
  private static final int LOW = 4;

  /** Bytes from one column of w to the next. */
  private static final int STEP = 4 * NR;

  private WideTile() {}

  /**
   * Up to MR rows of a strip; some more may be computed, of what x and c hold there.
   *
   * @param rows how many
   * @param w {@code [kc][NR]} off the heap
   * @param wo byte where they begin
   * @param x {@code [kc][MR]}
   * @param xo where they begin
   * @param kc depth
   * @param c sums to add to, room for MR rows
   * @param co where they begin
   * @param cs distance of their rows
   */
  static void rows(
      int rows, MemorySegment w, long wo, float[] x, int xo, int kc, float[] c, int co, int cs) {
    if (rows > LOW) {
      rows12(w, wo, x, xo, kc, c, co, cs);
    } else {
      rows4(w, wo, x, xo, kc, c, co, cs);
    }
  }

  private static void rows12(
      MemorySegment w, long wo, float[] x, int xo, int kc, float[] c, int co, int cs) {
    FloatVector a0 = FloatVector.fromArray(F, c, co);
    FloatVector b0 = FloatVector.fromArray(F, c, co + VL);
    FloatVector a1 = FloatVector.fromArray(F, c, co + cs);
    FloatVector b1 = FloatVector.fromArray(F, c, co + cs + VL);
    FloatVector a2 = FloatVector.fromArray(F, c, co + 2 * cs);
    FloatVector b2 = FloatVector.fromArray(F, c, co + 2 * cs + VL);
    FloatVector a3 = FloatVector.fromArray(F, c, co + 3 * cs);
    FloatVector b3 = FloatVector.fromArray(F, c, co + 3 * cs + VL);
    FloatVector a4 = FloatVector.fromArray(F, c, co + 4 * cs);
    FloatVector b4 = FloatVector.fromArray(F, c, co + 4 * cs + VL);
    FloatVector a5 = FloatVector.fromArray(F, c, co + 5 * cs);
    FloatVector b5 = FloatVector.fromArray(F, c, co + 5 * cs + VL);
    FloatVector a6 = FloatVector.fromArray(F, c, co + 6 * cs);
    FloatVector b6 = FloatVector.fromArray(F, c, co + 6 * cs + VL);
    FloatVector a7 = FloatVector.fromArray(F, c, co + 7 * cs);
    FloatVector b7 = FloatVector.fromArray(F, c, co + 7 * cs + VL);
    FloatVector a8 = FloatVector.fromArray(F, c, co + 8 * cs);
    FloatVector b8 = FloatVector.fromArray(F, c, co + 8 * cs + VL);
    FloatVector a9 = FloatVector.fromArray(F, c, co + 9 * cs);
    FloatVector b9 = FloatVector.fromArray(F, c, co + 9 * cs + VL);
    FloatVector a10 = FloatVector.fromArray(F, c, co + 10 * cs);
    FloatVector b10 = FloatVector.fromArray(F, c, co + 10 * cs + VL);
    FloatVector a11 = FloatVector.fromArray(F, c, co + 11 * cs);
    FloatVector b11 = FloatVector.fromArray(F, c, co + 11 * cs + VL);
    for (int k = 0; k < kc; k++) {
      FloatVector u = FloatVector.fromMemorySegment(F, w, wo + (long) k * STEP, LE);
      FloatVector v = FloatVector.fromMemorySegment(F, w, wo + (long) k * STEP + STEP / 2, LE);
      int p = xo + k * MR;
      FloatVector s = FloatVector.broadcast(F, x[p]);
      a0 = s.fma(u, a0);
      b0 = s.fma(v, b0);
      s = FloatVector.broadcast(F, x[p + 1]);
      a1 = s.fma(u, a1);
      b1 = s.fma(v, b1);
      s = FloatVector.broadcast(F, x[p + 2]);
      a2 = s.fma(u, a2);
      b2 = s.fma(v, b2);
      s = FloatVector.broadcast(F, x[p + 3]);
      a3 = s.fma(u, a3);
      b3 = s.fma(v, b3);
      s = FloatVector.broadcast(F, x[p + 4]);
      a4 = s.fma(u, a4);
      b4 = s.fma(v, b4);
      s = FloatVector.broadcast(F, x[p + 5]);
      a5 = s.fma(u, a5);
      b5 = s.fma(v, b5);
      s = FloatVector.broadcast(F, x[p + 6]);
      a6 = s.fma(u, a6);
      b6 = s.fma(v, b6);
      s = FloatVector.broadcast(F, x[p + 7]);
      a7 = s.fma(u, a7);
      b7 = s.fma(v, b7);
      s = FloatVector.broadcast(F, x[p + 8]);
      a8 = s.fma(u, a8);
      b8 = s.fma(v, b8);
      s = FloatVector.broadcast(F, x[p + 9]);
      a9 = s.fma(u, a9);
      b9 = s.fma(v, b9);
      s = FloatVector.broadcast(F, x[p + 10]);
      a10 = s.fma(u, a10);
      b10 = s.fma(v, b10);
      s = FloatVector.broadcast(F, x[p + 11]);
      a11 = s.fma(u, a11);
      b11 = s.fma(v, b11);
    }
    a0.intoArray(c, co);
    b0.intoArray(c, co + VL);
    a1.intoArray(c, co + cs);
    b1.intoArray(c, co + cs + VL);
    a2.intoArray(c, co + 2 * cs);
    b2.intoArray(c, co + 2 * cs + VL);
    a3.intoArray(c, co + 3 * cs);
    b3.intoArray(c, co + 3 * cs + VL);
    a4.intoArray(c, co + 4 * cs);
    b4.intoArray(c, co + 4 * cs + VL);
    a5.intoArray(c, co + 5 * cs);
    b5.intoArray(c, co + 5 * cs + VL);
    a6.intoArray(c, co + 6 * cs);
    b6.intoArray(c, co + 6 * cs + VL);
    a7.intoArray(c, co + 7 * cs);
    b7.intoArray(c, co + 7 * cs + VL);
    a8.intoArray(c, co + 8 * cs);
    b8.intoArray(c, co + 8 * cs + VL);
    a9.intoArray(c, co + 9 * cs);
    b9.intoArray(c, co + 9 * cs + VL);
    a10.intoArray(c, co + 10 * cs);
    b10.intoArray(c, co + 10 * cs + VL);
    a11.intoArray(c, co + 11 * cs);
    b11.intoArray(c, co + 11 * cs + VL);
  }

  private static void rows4(
      MemorySegment w, long wo, float[] x, int xo, int kc, float[] c, int co, int cs) {
    FloatVector a0 = FloatVector.fromArray(F, c, co);
    FloatVector b0 = FloatVector.fromArray(F, c, co + VL);
    FloatVector a1 = FloatVector.fromArray(F, c, co + cs);
    FloatVector b1 = FloatVector.fromArray(F, c, co + cs + VL);
    FloatVector a2 = FloatVector.fromArray(F, c, co + 2 * cs);
    FloatVector b2 = FloatVector.fromArray(F, c, co + 2 * cs + VL);
    FloatVector a3 = FloatVector.fromArray(F, c, co + 3 * cs);
    FloatVector b3 = FloatVector.fromArray(F, c, co + 3 * cs + VL);
    for (int k = 0; k < kc; k++) {
      FloatVector u = FloatVector.fromMemorySegment(F, w, wo + (long) k * STEP, LE);
      FloatVector v = FloatVector.fromMemorySegment(F, w, wo + (long) k * STEP + STEP / 2, LE);
      int p = xo + k * MR;
      FloatVector s = FloatVector.broadcast(F, x[p]);
      a0 = s.fma(u, a0);
      b0 = s.fma(v, b0);
      s = FloatVector.broadcast(F, x[p + 1]);
      a1 = s.fma(u, a1);
      b1 = s.fma(v, b1);
      s = FloatVector.broadcast(F, x[p + 2]);
      a2 = s.fma(u, a2);
      b2 = s.fma(v, b2);
      s = FloatVector.broadcast(F, x[p + 3]);
      a3 = s.fma(u, a3);
      b3 = s.fma(v, b3);
    }
    a0.intoArray(c, co);
    b0.intoArray(c, co + VL);
    a1.intoArray(c, co + cs);
    b1.intoArray(c, co + cs + VL);
    a2.intoArray(c, co + 2 * cs);
    b2.intoArray(c, co + 2 * cs + VL);
    a3.intoArray(c, co + 3 * cs);
    b3.intoArray(c, co + 3 * cs + VL);
  }
}
