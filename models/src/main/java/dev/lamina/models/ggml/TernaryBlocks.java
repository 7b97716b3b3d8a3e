package dev.lamina.models.ggml;

import java.lang.foreign.MemorySegment;

/** TQ1_0 and TQ2_0: 256 elements of -1, 0 or 1 times one scale {@code d}. */
final class TernaryBlocks {
  private static final int[] POWERS_OF_3 = {1, 3, 9, 27, 81};

  private TernaryBlocks() {}

  /**
   * {@code q[48], r[4], d}: five elements a byte of q, four a byte of r, as the fraction {@code
   * byte / 256} in base 3. The first 32 bytes hold five planes of 32 elements, the other 16 five
   * planes of 16, r four planes of 4.
   */
  static void tq1(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p + 52);
    int at = planes(b, p, 32, 5, d, y, to);
    at = planes(b, p + 32, 16, 5, d, y, at);
    planes(b, p + 48, 4, 4, d, y, at);
  }

  private static int planes(
      MemorySegment b, long q, int bytes, int planes, float d, float[] y, int to) {
    int at = to;
    for (int plane = 0; plane < planes; plane++) {
      for (int i = 0; i < bytes; i++) {
        // Times 3^plane the wanted digit is the first one after the point.
        int fraction = Fields.u8(b, q + i) * POWERS_OF_3[plane] & 0xFF;
        y[at++] = d * ((fraction * 3 >> 8) - 1);
      }
    }
    return at;
  }

  /** {@code q[64], d}: of each 128 elements, 32 bytes hold four planes of 32. */
  static void tq2(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p + 64);
    for (int i = 0; i < 256; i++) {
      int q = Fields.u8(b, p + 32 * (i / 128) + i % 32) >> 2 * (i / 32 % 4) & 3;
      y[to + i] = d * (q - 1);
    }
  }
}
