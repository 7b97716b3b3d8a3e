package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.I;
import static dev.lamina.backend.cpuvector.kernels.Lanes.LE;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Widens and transposes as many rows of a matrix as a vector has lanes into a panel.
 *
 * <p>A square of ints (of one float or two halves each) is transposed by a butterfly of one stage
 * for each power of two below its size, two in each pass through a small array, and widened in a
 * last pass. Each pass is a loop of its own: with widening in the second, C2 stopped inlining in
 * one JVM of four (NodeCountInliningCutoff) and boxed the vectors for good. Twin: {@link Pack},
 * which moves the same values.
 */
final class VectorPack {
  private static final int HIGH = 0xFFFF0000;
  private static final int HALF_MASK = 0x8FFFE000;
  private static final float HALF_SCALE = 0x1p112f;

  /** Rows between those that the first pass combines. */
  private static final int QUARTER = VL / 4;

  private static final IntVector LOW_HALF = stage(VL / 2, 0);
  private static final IntVector HIGH_HALF = stage(VL / 2, VL / 2);
  private static final IntVector LOW_QUARTER = stage(VL / 4, 0);
  private static final IntVector HIGH_QUARTER = stage(VL / 4, VL / 4);
  private static final IntVector LOW2 = stage(2, 0);
  private static final IntVector HIGH2 = stage(2, 2);
  private static final IntVector LOW1 = stage(1, 0);
  private static final IntVector HIGH1 = stage(1, 1);

  private VectorPack() {}

  /** Indices into two vectors a, b that exchange blocks of s lanes; a's block at {@code from}. */
  private static IntVector stage(int s, int from) {
    int[] lanes = new int[VL];
    for (int l = 0; l < VL; l++) {
      int inA = (l & ~s) + from;
      int inB = VL + (l & ~s) + from;
      lanes[l] = ((l & s) == 0 ? inA : inB) & (2 * VL - 1);
    }
    return IntVector.fromArray(I, lanes, 0);
  }

  /**
   * Fills VL columns of a panel.
   *
   * @param m source, without F16 infinities or NaN
   * @param row first of VL rows
   * @param k0 first column
   * @param kc columns, a multiple of VL for F32 and of 2 VL for halves
   * @param panel takes a line of them for each column
   * @param at first element written
   * @param stride distance of lines
   * @param square scratch of VL x VL ints
   */
  static void rows(
      Matrix m, int row, int k0, int kc, float[] panel, int at, int stride, int[] square) {
    long p = m.row(row) + (long) k0 * m.type.bytes();
    int step = step(m.type);
    for (int k = 0; k < kc; k += step, p += 4L * VL) {
      firstPass(m.data, p, m.rowBytes, square);
      if (VL == 16) {
        secondPass(square);
      } else if (VL == 8) {
        lastStage(square);
      }
      if (m.type == DType.F32) {
        floats(square, panel, at + k * stride, stride);
      } else if (m.type == DType.BF16) {
        brainHalves(square, panel, at + k * stride, stride);
      } else {
        halves(square, panel, at + k * stride, stride);
      }
    }
  }

  /** Columns in a vector of this type. */
  static int step(DType type) {
    return 4 * VL / type.bytes();
  }

  private static void firstPass(MemorySegment m, long p, long rowBytes, int[] square) {
    long quarter = QUARTER * rowBytes;
    for (int i = 0; i < QUARTER; i++) {
      long q = p + i * rowBytes;
      IntVector a = IntVector.fromMemorySegment(I, m, q, LE);
      IntVector b = IntVector.fromMemorySegment(I, m, q + quarter, LE);
      IntVector c = IntVector.fromMemorySegment(I, m, q + 2 * quarter, LE);
      IntVector d = IntVector.fromMemorySegment(I, m, q + 3 * quarter, LE);
      IntVector ac = LOW_HALF.selectFrom(a, c);
      IntVector ca = HIGH_HALF.selectFrom(a, c);
      IntVector bd = LOW_HALF.selectFrom(b, d);
      IntVector db = HIGH_HALF.selectFrom(b, d);
      LOW_QUARTER.selectFrom(ac, bd).intoArray(square, i * VL);
      HIGH_QUARTER.selectFrom(ac, bd).intoArray(square, (i + QUARTER) * VL);
      LOW_QUARTER.selectFrom(ca, db).intoArray(square, (i + 2 * QUARTER) * VL);
      HIGH_QUARTER.selectFrom(ca, db).intoArray(square, (i + 3 * QUARTER) * VL);
    }
  }

  /** The third and fourth stage of sixteen lanes. */
  private static void secondPass(int[] square) {
    for (int i = 0; i < VL * VL; i += 4 * VL) {
      IntVector a = IntVector.fromArray(I, square, i);
      IntVector b = IntVector.fromArray(I, square, i + VL);
      IntVector c = IntVector.fromArray(I, square, i + 2 * VL);
      IntVector d = IntVector.fromArray(I, square, i + 3 * VL);
      IntVector ac = LOW2.selectFrom(a, c);
      IntVector ca = HIGH2.selectFrom(a, c);
      IntVector bd = LOW2.selectFrom(b, d);
      IntVector db = HIGH2.selectFrom(b, d);
      LOW1.selectFrom(ac, bd).intoArray(square, i);
      HIGH1.selectFrom(ac, bd).intoArray(square, i + VL);
      LOW1.selectFrom(ca, db).intoArray(square, i + 2 * VL);
      HIGH1.selectFrom(ca, db).intoArray(square, i + 3 * VL);
    }
  }

  /** The third stage of eight lanes. */
  private static void lastStage(int[] square) {
    for (int i = 0; i < VL * VL; i += 2 * VL) {
      IntVector a = IntVector.fromArray(I, square, i);
      IntVector b = IntVector.fromArray(I, square, i + VL);
      LOW1.selectFrom(a, b).intoArray(square, i);
      HIGH1.selectFrom(a, b).intoArray(square, i + VL);
    }
  }

  private static void floats(int[] square, float[] panel, int at, int stride) {
    for (int i = 0; i < VL; i++) {
      IntVector v = IntVector.fromArray(I, square, i * VL);
      v.reinterpretAsFloats().intoArray(panel, at + i * stride);
    }
  }

  private static void brainHalves(int[] square, float[] panel, int at, int stride) {
    for (int i = 0; i < VL; i++) {
      IntVector v = IntVector.fromArray(I, square, i * VL);
      int q = at + 2 * i * stride;
      v.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(panel, q);
      v.and(HIGH).reinterpretAsFloats().intoArray(panel, q + stride);
    }
  }

  private static void halves(int[] square, float[] panel, int at, int stride) {
    for (int i = 0; i < VL; i++) {
      IntVector v = IntVector.fromArray(I, square, i * VL);
      IntVector even =
          v.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_MASK);
      IntVector odd = v.lanewise(VectorOperators.ASHR, 3).and(HALF_MASK);
      int q = at + 2 * i * stride;
      even.reinterpretAsFloats().mul(HALF_SCALE).intoArray(panel, q);
      odd.reinterpretAsFloats().mul(HALF_SCALE).intoArray(panel, q + stride);
    }
  }
}
