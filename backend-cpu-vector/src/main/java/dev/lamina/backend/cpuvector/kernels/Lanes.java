package dev.lamina.backend.cpuvector.kernels;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width of this machine and the tile sizes that follow from it.
 *
 * <p>Species must be static finals: passed as an argument to a method that is not inlined they cost
 * twenty times the speed.
 */
final class Lanes {
  static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;

  /** Floats in a vector: 16, 8 or 4. */
  static final int VL = F.length();

  /** Columns of a micro-kernel's tile: two vectors. */
  static final int NR = 2 * VL;

  /**
   * Most rows of a micro-kernel's tile. 2 x 8 accumulators and 8 broadcast elements need the 32
   * registers of AVX-512 and NEON; AVX2 has 16.
   */
  static final int MR = VL == 8 ? 6 : 8;

  /** Depth of a block of packed weights: four panels of 64 KiB stay in the second cache. */
  static final int KC = 512;

  static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LE);
  static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LE);
  static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LE);
  static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LE);

  private Lanes() {}

  /** Smallest multiple of a power of two that holds n. */
  static int roundUp(int n, int powerOfTwo) {
    return (n + powerOfTwo - 1) & -powerOfTwo;
  }

  /** Sum of VL floats by halving, an order that no compiler changes. */
  static float fold(float[] s, int at) {
    if (VL == 16) {
      return half8(s, at, 8);
    }
    if (VL == 8) {
      return half4(
          s[at] + s[at + 4], s[at + 1] + s[at + 5], s[at + 2] + s[at + 6], s[at + 3] + s[at + 7]);
    }
    return half4(s[at], s[at + 1], s[at + 2], s[at + 3]);
  }

  private static float half8(float[] s, int at, int h) {
    float a = s[at] + s[at + h];
    float b = s[at + 1] + s[at + 1 + h];
    float c = s[at + 2] + s[at + 2 + h];
    float d = s[at + 3] + s[at + 3 + h];
    float e = s[at + 4] + s[at + 4 + h];
    float f = s[at + 5] + s[at + 5 + h];
    float g = s[at + 6] + s[at + 6 + h];
    float i = s[at + 7] + s[at + 7 + h];
    return half4(a + e, b + f, c + g, d + i);
  }

  private static float half4(float a, float b, float c, float d) {
    return (a + c) + (b + d);
  }
}
