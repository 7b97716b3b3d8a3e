package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.F;
import static dev.lamina.backend.cpuvector.kernels.Lanes.I;
import static dev.lamina.backend.cpuvector.kernels.Lanes.LE;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;
import static dev.lamina.backend.cpuvector.kernels.Streaming.GROUP;

import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Q6_K in the form of {@link VectorStreaming}, for eight lanes: bytes of a group as ints, the six
 * bits of a level at the top of each, so that a level of 1 counts as 2^26. The first four ints of a
 * group are 16 columns and the other four the next 16, so the two scales of a group are those of
 * the lower and of the upper lanes. Groups come as the bytes hold them: of 128 columns the first,
 * the third, the second and the fourth 32.
 */
final class StreamedQ6K {
  static final float UNIT = 0x1p26f;

  private static final int BYTES = QuantFormat.Q6_K.bytes();
  private static final int COLUMNS = QuantFormat.Q6_K.elements();
  private static final int HALF = COLUMNS / 2;

  /** The high bits of the first half of a block, counted from its low bits. */
  private static final int HIGH_AT = 128;

  /** Those of the second half, counted from the low bits of that. */
  private static final int NEXT_HIGH_AT = HIGH_AT - GROUP;

  private static final int SCALES_AT = 192;
  private static final int FACTOR_AT = 208;
  private static final int HIGHEST = 0xFF000000;
  private static final int LOW_BITS = 0x3C3C3C3C;
  private static final int HIGH_BITS = 0xC0C0C0C0;

  /** Turns six bits into six bits less 32, in two's complement. */
  private static final int SIGNS = 0xAAAAAAAA;

  private static final VectorSpecies<Byte> B = ByteVector.SPECIES_64;
  private static final VectorShuffle<Float> FIRST = pair(0);
  private static final VectorShuffle<Float> SECOND = pair(1);
  private static final VectorShuffle<Float> THIRD = pair(2);
  private static final VectorShuffle<Float> FOURTH = pair(3);

  private StreamedQ6K() {}

  /** Two of eight scales, over four lanes each. */
  private static VectorShuffle<Float> pair(int i) {
    return VectorShuffle.fromOp(F, lane -> (2 * i + lane / 4) % VL);
  }

  /** A row of weights times a row of x, to VL sums from {@code at} on. */
  static void row(
      MemorySegment m, long p, float[] x, int cols, float[] spread, float[] acc, int at) {
    FloatVector a = FloatVector.zero(F);
    long q = p;
    long high = HIGH_AT;
    int k = 0;
    while (k != cols) {
      IntVector h = highBits(m, q + high);
      int end = k + HALF;
      while (k != end) {
        IntVector v = IntVector.fromMemorySegment(I, m, q, LE);
        IntVector u = lower(v, h);
        IntVector w = upper(v, h);
        FloatVector t = FloatVector.zero(F);
        FloatVector s = FloatVector.zero(F);
        for (int i = 0; i < GROUP; i += VL) {
          t = floats(u).fma(FloatVector.fromArray(F, x, k + i), t);
          u = u.lanewise(VectorOperators.LSHL, 8);
          s = floats(w).fma(FloatVector.fromArray(F, x, k + GROUP + i), s);
          w = w.lanewise(VectorOperators.LSHL, 8);
        }
        a = t.fma(FloatVector.fromArray(F, spread, k / GROUP * VL), a);
        a = s.fma(FloatVector.fromArray(F, spread, k / GROUP * VL + VL), a);
        h = h.lanewise(VectorOperators.LSHR, 2);
        q += GROUP;
        k += 2 * GROUP;
      }
      // The high bits of the second half are as much nearer as its low bits are further on.
      high = HIGH_AT + NEXT_HIGH_AT - high;
      q += high == HIGH_AT ? BYTES - HIGH_AT : 0;
    }
    a.intoArray(acc, at);
  }

  /** Levels of n columns, a multiple of a block, as floats. */
  static void levels(MemorySegment m, long p, int n, float[] piece) {
    long q = p;
    long high = HIGH_AT;
    int k = 0;
    while (k != n) {
      IntVector h = highBits(m, q + high);
      int end = k + HALF;
      while (k != end) {
        IntVector v = IntVector.fromMemorySegment(I, m, q, LE);
        IntVector u = lower(v, h);
        IntVector w = upper(v, h);
        for (int i = 0; i < GROUP; i += VL) {
          floats(u).intoArray(piece, k + i);
          u = u.lanewise(VectorOperators.LSHL, 8);
          floats(w).intoArray(piece, k + GROUP + i);
          w = w.lanewise(VectorOperators.LSHL, 8);
        }
        h = h.lanewise(VectorOperators.LSHR, 2);
        q += GROUP;
        k += 2 * GROUP;
      }
      // The high bits of the second half are as much nearer as its low bits are further on.
      high = HIGH_AT + NEXT_HIGH_AT - high;
      q += high == HIGH_AT ? BYTES - HIGH_AT : 0;
    }
  }

  /** The high bits of 128 columns, the sign turned into that of less 32. */
  private static IntVector highBits(MemorySegment m, long q) {
    return IntVector.fromMemorySegment(I, m, q, LE).lanewise(VectorOperators.XOR, SIGNS);
  }

  /** Scales of the groups of n columns, VL a group, from group {@code g} on. */
  static void factors(MemorySegment m, long p, int n, float[] spread, int g) {
    long q = p;
    int to = g * VL;
    int end = to + n / GROUP * VL;
    while (to != end) {
      float d = Float.float16ToFloat(m.get(Lanes.I16, q + FACTOR_AT));
      FloatVector s = scales(m, q + SCALES_AT).mul(d);
      FloatVector t = scales(m, q + SCALES_AT + VL).mul(d);
      s.rearrange(FIRST).intoArray(spread, to);
      s.rearrange(THIRD).intoArray(spread, to + VL);
      s.rearrange(SECOND).intoArray(spread, to + 2 * VL);
      s.rearrange(FOURTH).intoArray(spread, to + 3 * VL);
      t.rearrange(FIRST).intoArray(spread, to + 4 * VL);
      t.rearrange(THIRD).intoArray(spread, to + 5 * VL);
      t.rearrange(SECOND).intoArray(spread, to + 6 * VL);
      t.rearrange(FOURTH).intoArray(spread, to + 7 * VL);
      q += BYTES;
      to += COLUMNS / GROUP * VL;
    }
  }

  /** Levels whose low bits are the lower halves of bytes, whose high bits come next. */
  private static IntVector lower(IntVector four, IntVector two) {
    return four.lanewise(VectorOperators.LSHL, 2)
        .and(LOW_BITS)
        .or(two.lanewise(VectorOperators.LSHL, 6).and(HIGH_BITS));
  }

  /** Levels whose low bits are the upper halves, whose high bits come four bits later. */
  private static IntVector upper(IntVector four, IntVector two) {
    return four.lanewise(VectorOperators.LSHR, 2)
        .and(LOW_BITS)
        .or(two.lanewise(VectorOperators.LSHL, 2).and(HIGH_BITS));
  }

  private static FloatVector floats(IntVector v) {
    return (FloatVector) v.and(HIGHEST).convert(VectorOperators.I2F, 0);
  }

  private static FloatVector scales(MemorySegment m, long q) {
    return (FloatVector)
        ByteVector.fromMemorySegment(B, m, q, LE).convertShape(VectorOperators.B2F, F, 0);
  }
}
