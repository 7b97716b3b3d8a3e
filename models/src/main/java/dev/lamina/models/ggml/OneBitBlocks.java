package dev.lamina.models.ggml;

import dev.lamina.spi.ir.Codebook;
import java.lang.foreign.MemorySegment;

/**
 * IQ1_S and IQ1_M: 256 elements, eight at a time a point of a grid of -1, 0 and 1, moved by an
 * eighth: {@code scale * (point + delta)}, delta 0.125 or -0.125.
 */
final class OneBitBlocks {
  private static final float DELTA = 0.125f;

  private OneBitBlocks() {}

  /**
   * {@code d, i[32], h[8 of 16 bits]}: of each 32 elements, h has three bits above each of four i,
   * then s of the scale {@code d * (2 * s + 1)} in 12..14, and in 15 whether delta is negative.
   */
  static void iq1S(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    for (int k = 0; k < 32; k++) {
      int h = Fields.u16(b, p + 34 + 2 * (k / 4));
      int point = Fields.u8(b, p + 2 + k) | (h >> 3 * (k % 4) & 7) << 8;
      float scale = d * (2 * (h >> 12 & 7) + 1);
      point(point, scale, h >> 15, y, to + 8 * k);
    }
  }

  /**
   * {@code i[32], h[16], s[4 of 16 bits]}: of each 8 elements, four bits of h have three above i
   * and whether delta is negative; of each 16, three bits of s give the scale {@code d * (2 * s +
   * 1)}, four to a number. The highest four bits of the four numbers are d, lowest first.
   */
  static void iq1M(MemorySegment b, long p, float[] y, int to) {
    int bits = 0;
    for (int i = 0; i < 4; i++) {
      bits |= Fields.u16(b, p + 48 + 2 * i) >> 12 << 4 * i;
    }
    float d = Float.float16ToFloat((short) bits);
    for (int k = 0; k < 32; k++) {
      int h = Fields.nibble(b, p + 32 + k / 2, k % 2);
      int s = Fields.u16(b, p + 48 + 2 * (k / 8)) >> 3 * (k / 2 % 4) & 7;
      point(Fields.u8(b, p + k) | (h & 7) << 8, d * (2 * s + 1), h >> 3, y, to + 8 * k);
    }
  }

  private static void point(int point, float scale, int negative, float[] y, int to) {
    float delta = negative == 1 ? -DELTA : DELTA;
    for (int i = 0; i < 8; i++) {
      y[to + i] = scale * (Codebook.IQ1.coordinate(point, i) + delta);
    }
  }
}
