package dev.lamina.models.ggml;

import java.lang.foreign.MemorySegment;

/**
 * IQ4_NL, IQ4_XS, MXFP4 and NVFP4: an element is four bits that pick a value of a table, times a
 * scale. Within a sub-block of n elements the low halves of {@code n / 2} bytes come first.
 */
final class TableBlocks {
  /** Non-linear levels, denser around zero. */
  private static final byte[] IQ4 = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  /** Twice the values of an E2M1 float (OCP Microscaling Formats 1.0, 5.3.3). */
  private static final byte[] E2M1 = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

  private TableBlocks() {}

  /** {@code d, q[16]}: 32 elements. */
  static void iq4Nl(MemorySegment b, long p, float[] y, int to) {
    levels(b, p + 2, 32, IQ4, Fields.f16(b, p), y, to);
  }

  /**
   * {@code d, sh[16 bits], sl[4], q[128]}: 8 sub-blocks of 32 with scales {@code d * (s - 32)}, s
   * four bits of sl and two of sh.
   */
  static void iq4Xs(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    int high = Fields.u16(b, p + 2);
    for (int sub = 0; sub < 8; sub++) {
      int s = Fields.nibble(b, p + 4 + sub / 2, sub % 2) | (high >> 2 * sub & 3) << 4;
      levels(b, p + 8 + 16 * sub, 32, IQ4, d * (s - 32), y, to + 32 * sub);
    }
  }

  /** {@code e, q[16]}: 32 elements under the power of two {@code 2^(e - 127)}, halved. */
  static void mxfp4(MemorySegment b, long p, float[] y, int to) {
    int e = Fields.u8(b, p);
    // Halved because the table is doubled; below 2 that makes a subnormal.
    float scale = Float.intBitsToFloat(e < 2 ? 0x00200000 << e : (e - 1) << 23);
    levels(b, p + 1, 32, E2M1, scale, y, to);
  }

  /** {@code s[4], q[32]}: 4 sub-blocks of 16 with E4M3 scales without sign, halved. */
  static void nvfp4(MemorySegment b, long p, float[] y, int to) {
    for (int sub = 0; sub < 4; sub++) {
      levels(b, p + 4 + 8 * sub, 16, E2M1, halfE4m3(Fields.u8(b, p + sub)), y, to + 16 * sub);
    }
  }

  /** Half of an E4M3 number whose sign counts for nothing; 0x7F, its NaN, is zero. */
  private static float halfE4m3(int bits) {
    int exponent = bits >> 3 & 15;
    int mantissa = bits & 7;
    if (bits == 0x7F) {
      return 0;
    }
    return exponent == 0 ? mantissa * 0x1p-10f : (8 + mantissa) * Math.scalb(1f, exponent - 11);
  }

  private static void levels(
      MemorySegment b, long q, int size, byte[] table, float scale, float[] y, int to) {
    for (int i = 0; i < size; i++) {
      y[to + i] = scale * table[Fields.nibble(b, q + i % (size / 2), i / (size / 2))];
    }
  }
}
