package dev.lamina.backend.cpuvector.kernels;

import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;

/** Single elements of the three float types that the kernels read and write. */
final class Elements {
  private Elements() {}

  /** Whether a kernel of this package reads and writes the type. */
  static boolean handles(DType type) {
    return type == DType.F32 || type == DType.F16 || type == DType.BF16;
  }

  /** Widens the element at a byte offset; exact, NaN and infinities included. */
  static float load(DType type, MemorySegment segment, long offset) {
    return switch (type) {
      case F32 -> segment.get(Lanes.F32, offset);
      case F16 -> Float.float16ToFloat(segment.get(Lanes.I16, offset));
      case BF16 -> Float.intBitsToFloat(segment.get(Lanes.I16, offset) << 16);
      case F8E4M3, F8E5M2, I64, I32, I16, I8, U32, U16, U8, BOOL -> throw refuse(type);
    };
  }

  /** Rounds to nearest even and stores at a byte offset. */
  static void store(DType type, MemorySegment segment, long offset, float value) {
    switch (type) {
      case F32 -> segment.set(Lanes.F32, offset, value);
      case F16 -> segment.set(Lanes.I16, offset, Float.floatToFloat16(value));
      case BF16 -> segment.set(Lanes.I16, offset, toBf16(value));
      case F8E4M3, F8E5M2, I64, I32, I16, I8, U32, U16, U8, BOOL -> throw refuse(type);
    }
  }

  /** Widens n consecutive elements. */
  static void load(DType type, MemorySegment segment, long offset, float[] dst, int at, int n) {
    switch (type) {
      case F32 -> MemorySegment.copy(segment, Lanes.F32, offset, dst, at, n);
      case F16 -> {
        for (int i = 0; i < n; i++) {
          dst[at + i] = Float.float16ToFloat(segment.get(Lanes.I16, offset + 2L * i));
        }
      }
      case BF16 -> {
        for (int i = 0; i < n; i++) {
          dst[at + i] = Float.intBitsToFloat(segment.get(Lanes.I16, offset + 2L * i) << 16);
        }
      }
      case F8E4M3, F8E5M2, I64, I32, I16, I8, U32, U16, U8, BOOL -> throw refuse(type);
    }
  }

  /** Rounds and stores n consecutive elements. */
  static void store(DType type, MemorySegment segment, long offset, float[] src, int at, int n) {
    switch (type) {
      case F32 -> MemorySegment.copy(src, at, segment, Lanes.F32, offset, n);
      case F16 -> {
        for (int i = 0; i < n; i++) {
          segment.set(Lanes.I16, offset + 2L * i, Float.floatToFloat16(src[at + i]));
        }
      }
      case BF16 -> {
        for (int i = 0; i < n; i++) {
          segment.set(Lanes.I16, offset + 2L * i, toBf16(src[at + i]));
        }
      }
      case F8E4M3, F8E5M2, I64, I32, I16, I8, U32, U16, U8, BOOL -> throw refuse(type);
    }
  }

  private static short toBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if ((bits & 0x7FFFFFFF) > 0x7F800000) {
      return (short) (bits >>> 16 | 0x40);
    }
    return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
  }

  private static IllegalArgumentException refuse(DType type) {
    return new IllegalArgumentException(
        "cpu kernel: expected f32, f16 or bf16 elements, got " + type.text());
  }
}
