package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.F;
import static dev.lamina.backend.cpuvector.kernels.Lanes.I;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Reductions and softmax pieces over rows, n a multiple of VL. Twins: {@link ScalarRows}. */
final class VectorRows {
  private static final IntVector IOTA = IntVector.broadcast(I, 0).addIndex(1);

  private VectorRows() {}

  static void logits(float[] s, int at, int n, float scale, float cap, float slope, int first) {
    for (int i = 0; i < n; i += VL) {
      FloatVector.fromArray(F, s, at + i).mul(scale).intoArray(s, at + i);
    }
    if (cap > 0) {
      softcap(s, at, n, cap);
    }
    if (slope != 0) {
      alibi(s, at, n, slope, first);
    }
  }

  private static void softcap(float[] s, int at, int n, float cap) {
    for (int i = 0; i < n; i += VL) {
      VectorMath.tanh(FloatVector.fromArray(F, s, at + i).div(cap)).mul(cap).intoArray(s, at + i);
    }
  }

  private static void alibi(float[] s, int at, int n, float slope, int first) {
    for (int i = 0; i < n; i += VL) {
      FloatVector distance = (FloatVector) IOTA.add(first + i).convert(VectorOperators.I2F, 0);
      FloatVector z = FloatVector.fromArray(F, s, at + i);
      FloatVector.broadcast(F, slope).fma(distance, z).intoArray(s, at + i);
    }
  }

  static float max(float[] s, int at, int n) {
    IntVector m = IntVector.broadcast(I, Integer.MIN_VALUE);
    for (int i = 0; i < n; i += VL) {
      IntVector x = FloatVector.fromArray(F, s, at + i).reinterpretAsInts();
      IntVector flip = x.lanewise(VectorOperators.ASHR, 31).and(0x7FFFFFFF);
      m = m.max(x.lanewise(VectorOperators.XOR, flip));
    }
    return ScalarRows.fromOrdered(m.reduceLanes(VectorOperators.MAX));
  }

  static void exp(float[] s, int at, int n, float max, float[] sums, int to) {
    FloatVector sum = FloatVector.fromArray(F, sums, to);
    for (int i = 0; i < n; i += VL) {
      FloatVector p = VectorMath.exp(FloatVector.fromArray(F, s, at + i).sub(max));
      p.intoArray(s, at + i);
      sum = sum.add(p);
    }
    sum.intoArray(sums, to);
  }

  static float sumOfSquares(float[] s, int at, int n, float[] lanes) {
    FloatVector sum = FloatVector.zero(F);
    for (int i = 0; i < n; i += VL) {
      FloatVector x = FloatVector.fromArray(F, s, at + i);
      sum = x.fma(x, sum);
    }
    sum.intoArray(lanes, 0);
    return Lanes.fold(lanes, 0);
  }

  static float sum(float[] s, int at, int n, float[] lanes) {
    FloatVector sum = FloatVector.zero(F);
    for (int i = 0; i < n; i += VL) {
      sum = sum.add(FloatVector.fromArray(F, s, at + i));
    }
    sum.intoArray(lanes, 0);
    return Lanes.fold(lanes, 0);
  }

  static boolean isFinite(float[] s, int at, int n) {
    IntVector max = IntVector.zero(I);
    for (int i = 0; i < n; i += VL) {
      max = max.max(FloatVector.fromArray(F, s, at + i).reinterpretAsInts().and(0x7FFFFFFF));
    }
    return max.reduceLanes(VectorOperators.MAX) < 0x7F800000;
  }

  /** Copies rows of n floats, {@code rowBytes} apart, to rows {@code stride} apart. */
  static void copy(
      MemorySegment m, long p, long rowBytes, int rows, int n, float[] dst, int at, int stride) {
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < n; i += VL) {
        FloatVector.fromMemorySegment(F, m, p + r * rowBytes + 4L * i, Lanes.LE)
            .intoArray(dst, at + r * stride + i);
      }
    }
  }
}
