package dev.lamina.models.ggml;

import dev.lamina.spi.ir.Codebook;
import java.lang.foreign.MemorySegment;

/**
 * IQ2_XXS to IQ3_S: 256 elements, four or eight at a time a point of a grid of positive numbers,
 * each with a sign: {@code (scale * point) * sign}.
 */
final class GridBlocks {
  private GridBlocks() {}

  /**
   * {@code d, (i[4 bytes], v[32 bits])[8]}: of each 32 elements, four points, and in v four times 7
   * bits of signs, then the scale {@code (d * (0.5 + v[28..31])) * 0.25}.
   */
  static void iq2Xxs(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    for (int group = 0; group < 8; group++) {
      long at = p + 2 + 8 * group;
      int v = Fields.u32(b, at + 4);
      float scale = d * (0.5f + (v >>> 28)) * 0.25f;
      for (int k = 0; k < 4; k++) {
        int signs = evenSigns(v >>> 7 * k);
        point8(Codebook.IQ2_XXS, Fields.u8(b, at + k), signs, scale, y, to + 32 * group + 8 * k);
      }
    }
  }

  /** {@code d, w[32 of 16 bits], s[8]}: w is 9 bits of point, 7 of signs; s four bits a 16. */
  static void iq2Xs(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    for (int k = 0; k < 32; k++) {
      int w = Fields.u16(b, p + 2 + 2 * k);
      float scale = d * (0.5f + Fields.nibble(b, p + 66 + k / 4, k / 2 % 2)) * 0.25f;
      point8(Codebook.IQ2_XS, w & 511, evenSigns(w >> 9), scale, y, to + 8 * k);
    }
  }

  /** {@code d, i[32], signs[32], h[8], s[8]}: two bits of h above each i; s four bits a 16. */
  static void iq2S(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    for (int k = 0; k < 32; k++) {
      int high = Fields.u8(b, p + 66 + k / 4) >> 2 * (k % 4) & 3;
      int point = Fields.u8(b, p + 2 + k) | high << 8;
      float scale = d * (0.5f + Fields.nibble(b, p + 74 + k / 4, k / 2 % 2)) * 0.25f;
      point8(Codebook.IQ2_S, point, Fields.u8(b, p + 34 + k), scale, y, to + 8 * k);
    }
  }

  /** {@code d, i[64], v[8 of 32 bits]}: as in IQ2_XXS, the last factor being 0.5. */
  static void iq3Xxs(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    for (int k = 0; k < 64; k++) {
      int v = Fields.u32(b, p + 66 + 4 * (k / 8));
      float scale = d * (0.5f + (v >>> 28)) * 0.5f;
      int signs = evenSigns(v >>> 7 * (k / 2 % 4)) >> 4 * (k % 2);
      point4(Codebook.IQ3_XXS, Fields.u8(b, p + 2 + k), signs, scale, y, to + 4 * k);
    }
  }

  /**
   * {@code d, i[64], h[8], signs[32], s[4]}: one bit of h above each i; s four bits a 32, the scale
   * {@code d * (1 + 2 * s)}.
   */
  static void iq3S(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    for (int k = 0; k < 64; k++) {
      int high = Fields.u8(b, p + 66 + k / 8) >> k % 8 & 1;
      int point = Fields.u8(b, p + 2 + k) | high << 8;
      float scale = d * (1 + 2 * Fields.nibble(b, p + 106 + k / 16, k / 8 % 2));
      int signs = Fields.nibble(b, p + 74 + k / 2, k % 2);
      point4(Codebook.IQ3_S, point, signs, scale, y, to + 4 * k);
    }
  }

  /** Eight signs of the lowest seven bits: the eighth makes their number even. */
  private static int evenSigns(int bits) {
    int seven = bits & 127;
    return seven | (Integer.bitCount(seven) & 1) << 7;
  }

  private static void point8(Codebook grid, int point, int signs, float scale, float[] y, int to) {
    for (int i = 0; i < 8; i++) {
      y[to + i] = scale * grid.coordinate(point, i) * (1 - 2 * (signs >> i & 1));
    }
  }

  private static void point4(Codebook grid, int point, int signs, float scale, float[] y, int to) {
    for (int i = 0; i < 4; i++) {
      y[to + i] = scale * grid.coordinate(point, i) * (1 - 2 * (signs >> i & 1));
    }
  }
}
