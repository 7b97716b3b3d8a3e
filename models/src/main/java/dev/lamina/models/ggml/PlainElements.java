package dev.lamina.models.ggml;

import java.lang.foreign.MemorySegment;

/** F32, F16 and BF16: blocks of one element. */
final class PlainElements {
  private PlainElements() {}

  static void f32(MemorySegment b, long p, float[] y, int to) {
    y[to] = Float.intBitsToFloat(Fields.u32(b, p));
  }

  static void f16(MemorySegment b, long p, float[] y, int to) {
    y[to] = Fields.f16(b, p);
  }

  static void bf16(MemorySegment b, long p, float[] y, int to) {
    y[to] = Float.intBitsToFloat(Fields.u16(b, p) << 16);
  }
}
