package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.F;
import static dev.lamina.backend.cpuvector.kernels.Lanes.I;
import static dev.lamina.backend.cpuvector.kernels.Lanes.LE;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;
import static dev.lamina.backend.cpuvector.kernels.Streaming.GROUP;

import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * MXFP4 in the form of {@link VectorStreaming}, for eight lanes: the 32 levels of a block are taken
 * from a table at once, as bytes, and multiplied as those of Q8_0 are; a level of 1 counts as 2^24.
 */
final class StreamedMxFp4 {
  static final float UNIT = 0x1p24f;

  private static final int BYTES = QuantFormat.MXFP4.bytes();

  /** Bytes before a block that are read with it: its scale and levels then end a vector. */
  static final int BEFORE = 15;

  private static final int HIGHEST = 0xFF000000;
  private static final VectorSpecies<Integer> FOUR = IntVector.SPECIES_128;
  private static final VectorShuffle<Integer> AGAIN = VectorShuffle.fromOp(I, i -> i % 4);
  private static final VectorShuffle<Integer> UPPER = VectorShuffle.fromOp(I, i -> i % 4 + 4);
  private static final IntVector HALVES = IntVector.fromArray(I, shifts(), 0);
  private static final ByteVector E2M1 =
      ByteVector.fromArray(ByteVector.SPECIES_PREFERRED, table(), 0);

  private StreamedMxFp4() {}

  private static int[] shifts() {
    int[] shifts = new int[VL];
    for (int l = 4; l < VL; l++) {
      shifts[l] = 4;
    }
    return shifts;
  }

  private static byte[] table() {
    byte[] levels = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
    byte[] again = new byte[Float.BYTES * VL];
    for (int i = 0; i < again.length; i++) {
      again[i] = levels[i % levels.length];
    }
    return again;
  }

  /** Rows of weights times a row of x; row r's sums go to {@code acc[r * VL]}. */
  static void rows(MemorySegment m, long p, int rows, float[] x, int cols, float[] acc) {
    long q = p;
    for (int r = 0; r < rows; r++) {
      FloatVector a = FloatVector.zero(F);
      int k = 0;
      while (k != cols) {
        IntVector block = IntVector.fromMemorySegment(I, m, q - BEFORE, LE);
        IntVector v = levels(block.rearrange(UPPER));
        FloatVector t = FloatVector.zero(F);
        for (int i = 0; i < GROUP; i += VL) {
          t = floats(v).fma(FloatVector.fromArray(F, x, k + i), t);
          v = v.lanewise(VectorOperators.LSHL, 8);
        }
        a = t.fma(FloatVector.broadcast(F, scale(block.lane(3) >>> 24)), a);
        q += BYTES;
        k += GROUP;
      }
      a.intoArray(acc, r * VL);
    }
  }

  /** Levels of n columns as floats; scales of their groups, VL a group, from group {@code g} on. */
  static void levels(MemorySegment m, long p, int n, float[] piece, float[] spread, int g) {
    long q = p;
    int k = 0;
    int to = g * VL;
    while (k != n) {
      IntVector v = levels(bytes(m, q + 1));
      for (int i = 0; i < GROUP; i += VL) {
        floats(v).intoArray(piece, k + i);
        v = v.lanewise(VectorOperators.LSHL, 8);
      }
      FloatVector.broadcast(F, scale(m.get(ValueLayout.JAVA_BYTE, q) & 255)).intoArray(spread, to);
      q += BYTES;
      k += GROUP;
      to += VL;
    }
  }

  private static float scale(int e) {
    return Float.intBitsToFloat(e < 2 ? 0x00200000 << e : (e - 1) << 23);
  }

  /** Sixteen bytes twice. */
  private static IntVector bytes(MemorySegment m, long q) {
    return ((IntVector) IntVector.fromMemorySegment(FOUR, m, q, LE).reinterpretShape(I, 0))
        .rearrange(AGAIN);
  }

  /** The levels of 16 bytes, given twice: those of the lower halves, then those of the upper. */
  private static IntVector levels(IntVector twice) {
    return twice
        .lanewise(VectorOperators.LSHR, HALVES)
        .and(0x0F0F0F0F)
        .reinterpretAsBytes()
        .selectFrom(E2M1)
        .reinterpretAsInts();
  }

  private static FloatVector floats(IntVector v) {
    return (FloatVector) v.and(HIGHEST).convert(VectorOperators.I2F, 0);
  }
}
