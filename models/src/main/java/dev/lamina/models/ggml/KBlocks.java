package dev.lamina.models.ggml;

import java.lang.foreign.MemorySegment;

/**
 * The K types: 256 elements in sub-blocks of 16 or 32, whose own scales (and minima) are small
 * integers under the block's {@code d} (and {@code dmin}). Of the sub-block's scale {@code s} and
 * minimum {@code m}, an element is {@code (d * s) * q - dmin * m}, or {@code (d * s) * q}.
 */
final class KBlocks {
  private static final int SIZE = 256;

  private KBlocks() {}

  /** {@code sm[16], q[64], d, dmin}: s and m are the halves of a byte a sub-block of 16. */
  static void q2(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p + 80);
    float dmin = Fields.f16(b, p + 82);
    for (int sub = 0; sub < 16; sub++) {
      float scale = d * Fields.nibble(b, p + sub, 0);
      float min = dmin * Fields.nibble(b, p + sub, 1);
      for (int i = 16 * sub; i < 16 * sub + 16; i++) {
        y[to + i] = scale * twoBits(b, p + 16, i) - min;
      }
    }
  }

  /**
   * {@code h[32], q[64], s[12], d}: sub-blocks of 16, scales of six bits less 32. An element is q,
   * less 4 unless its bit of h is set.
   */
  static void q3(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p + 108);
    for (int sub = 0; sub < 16; sub++) {
      int low = Fields.nibble(b, p + 96 + sub % 8, sub / 8);
      int high = Fields.u8(b, p + 104 + sub % 4) >> 2 * (sub / 4) & 3;
      float scale = d * ((low | high << 4) - 32);
      for (int i = 16 * sub; i < 16 * sub + 16; i++) {
        int above = Fields.u8(b, p + i % 32) >> i / 32 & 1;
        y[to + i] = scale * (twoBits(b, p + 32, i) - (above == 1 ? 0 : 4));
      }
    }
  }

  /** {@code d, dmin, sm[12], q[128]}: sub-blocks of 32. */
  static void q4(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    float dmin = Fields.f16(b, p + 2);
    for (int sub = 0; sub < 8; sub++) {
      float scale = d * scale6(b, p + 4, sub);
      float min = dmin * min6(b, p + 4, sub);
      for (int i = 0; i < 32; i++) {
        y[to + 32 * sub + i] = scale * fourBits(b, p + 16, sub, i) - min;
      }
    }
  }

  /** {@code d, dmin, sm[12], h[32], q[128]}: sub-blocks of 32, h having the fifth bits. */
  static void q5(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    float dmin = Fields.f16(b, p + 2);
    for (int sub = 0; sub < 8; sub++) {
      float scale = d * scale6(b, p + 4, sub);
      float min = dmin * min6(b, p + 4, sub);
      for (int i = 0; i < 32; i++) {
        int fifth = Fields.u8(b, p + 16 + i) >> sub & 1;
        y[to + 32 * sub + i] = scale * (fourBits(b, p + 48, sub, i) | fifth << 4) - min;
      }
    }
  }

  /** {@code q[128], h[64], s[16], d}: sub-blocks of 16, s signed, six bits less 32. */
  static void q6(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p + 208);
    for (int i = 0; i < SIZE; i++) {
      int half = i / 128;
      int low = Fields.nibble(b, p + 64 * half + i % 64, i / 64 % 2);
      int high = twoBits(b, p + 128, i);
      float scale = d * Fields.i8(b, p + 192 + i / 16);
      y[to + i] = scale * ((low | high << 4) - 32);
    }
  }

  /** Of each 128 elements, 32 bytes hold four planes of 32 elements, lowest bits first. */
  private static int twoBits(MemorySegment b, long q, int i) {
    return Fields.u8(b, q + 32 * (i / 128) + i % 32) >> 2 * (i / 32 % 4) & 3;
  }

  /** Two sub-blocks share 32 bytes: the even one has the low halves. */
  private static int fourBits(MemorySegment b, long q, int sub, int i) {
    return Fields.nibble(b, q + 32 * (sub / 2) + i, sub % 2);
  }

  /** Six bits: the first four lie whole in bytes 0-3; of the others 8-11 have the low halves. */
  private static int scale6(MemorySegment b, long sm, int sub) {
    return sub < 4
        ? Fields.u8(b, sm + sub) & 63
        : Fields.nibble(b, sm + 4 + sub, 0) | Fields.u8(b, sm + sub - 4) >> 6 << 4;
  }

  /** Likewise, in bytes 4-7 and the high halves of 8-11. */
  private static int min6(MemorySegment b, long sm, int sub) {
    return sub < 4
        ? Fields.u8(b, sm + 4 + sub) & 63
        : Fields.nibble(b, sm + 4 + sub, 1) | Fields.u8(b, sm + sub) >> 6 << 4;
  }
}
