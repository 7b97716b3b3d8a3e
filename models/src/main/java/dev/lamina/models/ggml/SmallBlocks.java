package dev.lamina.models.ggml;

import java.lang.foreign.MemorySegment;

/**
 * Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0: 32 elements under one scale {@code d}, and a minimum {@code m}
 * in the types that end in 1. Four bits of element {@code i < 16} are the low half of byte {@code
 * i}, those of {@code 16 + i} the high half.
 */
final class SmallBlocks {
  private static final int SIZE = 32;
  private static final int HALF = 16;

  private SmallBlocks() {}

  /** {@code d, q[16]}: {@code d * (q - 8)}. */
  static void q4Signed(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    for (int i = 0; i < SIZE; i++) {
      y[to + i] = d * (low4(b, p + 2, i) - 8);
    }
  }

  /** {@code d, m, q[16]}: {@code d * q + m}. */
  static void q4Affine(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    float m = Fields.f16(b, p + 2);
    for (int i = 0; i < SIZE; i++) {
      y[to + i] = d * low4(b, p + 4, i) + m;
    }
  }

  /** {@code d, h[32 bits], q[16]}: {@code d * (q - 16)}, bit {@code i} of h being q's fifth. */
  static void q5Signed(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    int h = Fields.u32(b, p + 2);
    for (int i = 0; i < SIZE; i++) {
      y[to + i] = d * ((low4(b, p + 6, i) | (h >>> i & 1) << 4) - 16);
    }
  }

  /** {@code d, m, h[32 bits], q[16]}: {@code d * q + m}. */
  static void q5Affine(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    float m = Fields.f16(b, p + 2);
    int h = Fields.u32(b, p + 4);
    for (int i = 0; i < SIZE; i++) {
      y[to + i] = d * (low4(b, p + 8, i) | (h >>> i & 1) << 4) + m;
    }
  }

  /** {@code d, q[32]}, q signed: {@code d * q}. */
  static void q8Signed(MemorySegment b, long p, float[] y, int to) {
    float d = Fields.f16(b, p);
    for (int i = 0; i < SIZE; i++) {
      y[to + i] = d * Fields.i8(b, p + 2 + i);
    }
  }

  private static int low4(MemorySegment b, long q, int i) {
    return Fields.nibble(b, q + i % HALF, i / HALF);
  }
}
