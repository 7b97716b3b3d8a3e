package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.I;
import static dev.lamina.backend.cpuvector.kernels.Lanes.LE;
import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;

import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Widens and transposes 16 rows of a matrix into a panel, for 512-bit vectors.
 *
 * <p>A 16 x 16 block of ints (of one float or two halves each) is transposed in place by a
 * butterfly of four stages, two in each of two passes through a small array, and widened in a
 * third. Each pass is a loop of its own: with widening in the second, C2 stopped inlining in one
 * JVM of four (NodeCountInliningCutoff) and boxed the vectors for good. About 0.42 cycles a half, a
 * tenth of a scalar loop. Twin: {@link Pack}, which moves the same values.
 */
final class VectorPack {
  /** Whether the vectors are 512 bits wide; narrower ones use the scalar form. */
  static final boolean USABLE = Lanes.VL == 16;

  private static final int HIGH = 0xFFFF0000;
  private static final int HALF_MASK = 0x8FFFE000;
  private static final float HALF_SCALE = 0x1p112f;

  private static final IntVector LOW8 = stage(8, 0);
  private static final IntVector HIGH8 = stage(8, 8);
  private static final IntVector LOW4 = stage(4, 0);
  private static final IntVector HIGH4 = stage(4, 4);
  private static final IntVector LOW2 = stage(2, 0);
  private static final IntVector HIGH2 = stage(2, 2);
  private static final IntVector LOW1 = stage(1, 0);
  private static final IntVector HIGH1 = stage(1, 1);

  private VectorPack() {}

  /** Indices into two vectors a, b that exchange blocks of s lanes; a's block at {@code from}. */
  private static IntVector stage(int s, int from) {
    int n = Lanes.VL;
    int[] lanes = new int[n];
    for (int l = 0; l < n; l++) {
      int inA = (l & ~s) + from;
      int inB = n + (l & ~s) + from;
      lanes[l] = ((l & s) == 0 ? inA : inB) & (2 * n - 1);
    }
    return IntVector.fromArray(I, lanes, 0);
  }

  /**
   * Fills 16 columns of a panel.
   *
   * @param m source, without F16 infinities or NaN
   * @param row first of 16 rows
   * @param k0 first column
   * @param kc columns, a multiple of 16 for F32 and of 32 for halves
   * @param panel {@code [kc][NR]}
   * @param at first element written
   * @param square scratch of 256 ints
   */
  static void rows16(Matrix m, int row, int k0, int kc, float[] panel, int at, int[] square) {
    long p = m.row(row) + (long) k0 * m.type.bytes();
    int step = 64 / m.type.bytes();
    for (int k = 0; k < kc; k += step, p += 64) {
      firstPass(m.data, p, m.rowBytes, square);
      secondPass(square);
      if (m.type == DType.F32) {
        floats(square, panel, at + k * NR);
      } else if (m.type == DType.BF16) {
        brainHalves(square, panel, at + k * NR);
      } else {
        halves(square, panel, at + k * NR);
      }
    }
  }

  private static void firstPass(MemorySegment m, long p, long rowBytes, int[] square) {
    for (int i = 0; i < 4; i++) {
      long q = p + i * rowBytes;
      IntVector a = IntVector.fromMemorySegment(I, m, q, LE);
      IntVector b = IntVector.fromMemorySegment(I, m, q + 4 * rowBytes, LE);
      IntVector c = IntVector.fromMemorySegment(I, m, q + 8 * rowBytes, LE);
      IntVector d = IntVector.fromMemorySegment(I, m, q + 12 * rowBytes, LE);
      IntVector ac = LOW8.selectFrom(a, c);
      IntVector ca = HIGH8.selectFrom(a, c);
      IntVector bd = LOW8.selectFrom(b, d);
      IntVector db = HIGH8.selectFrom(b, d);
      LOW4.selectFrom(ac, bd).intoArray(square, i * 16);
      HIGH4.selectFrom(ac, bd).intoArray(square, i * 16 + 64);
      LOW4.selectFrom(ca, db).intoArray(square, i * 16 + 128);
      HIGH4.selectFrom(ca, db).intoArray(square, i * 16 + 192);
    }
  }

  private static void secondPass(int[] square) {
    for (int i = 0; i < 256; i += 64) {
      IntVector a = IntVector.fromArray(I, square, i);
      IntVector b = IntVector.fromArray(I, square, i + 16);
      IntVector c = IntVector.fromArray(I, square, i + 32);
      IntVector d = IntVector.fromArray(I, square, i + 48);
      IntVector ac = LOW2.selectFrom(a, c);
      IntVector ca = HIGH2.selectFrom(a, c);
      IntVector bd = LOW2.selectFrom(b, d);
      IntVector db = HIGH2.selectFrom(b, d);
      LOW1.selectFrom(ac, bd).intoArray(square, i);
      HIGH1.selectFrom(ac, bd).intoArray(square, i + 16);
      LOW1.selectFrom(ca, db).intoArray(square, i + 32);
      HIGH1.selectFrom(ca, db).intoArray(square, i + 48);
    }
  }

  private static void floats(int[] square, float[] panel, int at) {
    for (int i = 0; i < 16; i++) {
      IntVector v = IntVector.fromArray(I, square, i * 16);
      v.reinterpretAsFloats().intoArray(panel, at + i * NR);
    }
  }

  private static void brainHalves(int[] square, float[] panel, int at) {
    for (int i = 0; i < 16; i++) {
      IntVector v = IntVector.fromArray(I, square, i * 16);
      int q = at + 2 * i * NR;
      v.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(panel, q);
      v.and(HIGH).reinterpretAsFloats().intoArray(panel, q + NR);
    }
  }

  private static void halves(int[] square, float[] panel, int at) {
    for (int i = 0; i < 16; i++) {
      IntVector v = IntVector.fromArray(I, square, i * 16);
      IntVector even =
          v.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(HALF_MASK);
      IntVector odd = v.lanewise(VectorOperators.ASHR, 3).and(HALF_MASK);
      int q = at + 2 * i * NR;
      even.reinterpretAsFloats().mul(HALF_SCALE).intoArray(panel, q);
      odd.reinterpretAsFloats().mul(HALF_SCALE).intoArray(panel, q + NR);
    }
  }
}
