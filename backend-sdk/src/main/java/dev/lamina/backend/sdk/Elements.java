package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Reads and writes single elements: floats as binary32 rounded once to nearest even, integers and
 * BOOL as {@code long}.
 */
public final class Elements {
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt I32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort I16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong I64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Elements() {}

  /** The float at a byte offset. */
  public static float getFloat(DType dtype, MemorySegment s, long at) {
    return switch (dtype) {
      case F32 -> s.get(F32, at);
      case F16 -> Float.float16ToFloat(s.get(I16, at));
      case BF16 -> Float.intBitsToFloat(s.get(I16, at) << 16);
      case F8E4M3 -> Float8.e4m3ToFloat(s.get(ValueLayout.JAVA_BYTE, at));
      case F8E5M2 -> Float.float16ToFloat((short) (s.get(ValueLayout.JAVA_BYTE, at) << 8));
      case I64, I32, I16, I8, U32, U16, U8, BOOL -> throw notFloat(dtype);
    };
  }

  /**
   * Reads floats that lie evenly apart.
   *
   * @param at byte offset of the first
   * @param step bytes from one to the next, of any sign, 0 too
   * @param to what they are written to, from {@code start} on
   * @param n how many
   */
  public static void getFloats(
      DType dtype, MemorySegment s, long at, long step, float[] to, int start, int n) {
    if (dtype == DType.F32 && step == Float.BYTES) {
      MemorySegment.copy(s, F32, at, to, start, n);
    } else if (dtype == DType.F32) {
      for (int i = 0; i < n; i++) {
        to[start + i] = s.get(F32, at + i * step);
      }
    } else if (dtype == DType.BF16) {
      for (int i = 0; i < n; i++) {
        to[start + i] = Float.intBitsToFloat(s.get(I16, at + i * step) << 16);
      }
    } else {
      for (int i = 0; i < n; i++) {
        to[start + i] = getFloat(dtype, s, at + i * step);
      }
    }
  }

  /**
   * Writes floats evenly apart, each rounded once to nearest even.
   *
   * @param at byte offset of the first
   * @param step bytes from one to the next
   * @param from what is written, from {@code start} on
   * @param n how many
   */
  public static void setFloats(
      DType dtype, MemorySegment s, long at, long step, float[] from, int start, int n) {
    if (dtype == DType.F32 && step == Float.BYTES) {
      MemorySegment.copy(from, start, s, F32, at, n);
      return;
    }
    for (int i = 0; i < n; i++) {
      setFloat(dtype, s, at + i * step, from[start + i]);
    }
  }

  /** Writes a float, rounded once to nearest even. */
  public static void setFloat(DType dtype, MemorySegment s, long at, float value) {
    switch (dtype) {
      case F32 -> s.set(F32, at, value);
      case F16 -> s.set(I16, at, Float.floatToFloat16(value));
      case BF16 -> s.set(I16, at, toBf16(value));
      case F8E4M3 -> s.set(ValueLayout.JAVA_BYTE, at, Float8.toE4m3(value));
      case F8E5M2 -> s.set(ValueLayout.JAVA_BYTE, at, Float8.toE5m2(value));
      case I64, I32, I16, I8, U32, U16, U8, BOOL -> throw notFloat(dtype);
    }
  }

  /** A float rounded to a float dtype and widened again. */
  public static float round(DType dtype, float value) {
    return switch (dtype) {
      case F32 -> value;
      case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
      case BF16 -> Float.intBitsToFloat(toBf16(value) << 16);
      case F8E4M3 -> Float8.e4m3ToFloat(Float8.toE4m3(value));
      case F8E5M2 -> Float.float16ToFloat((short) (Float8.toE5m2(value) << 8));
      case I64, I32, I16, I8, U32, U16, U8, BOOL -> throw notFloat(dtype);
    };
  }

  /** The upper half of a binary32, rounded to nearest even; NaN stays NaN. */
  public static short toBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | 0x40);
    }
    return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
  }

  /** The integer or BOOL at a byte offset; unsigned types are zero-extended. */
  public static long getLong(DType dtype, MemorySegment s, long at) {
    return switch (dtype) {
      case I64 -> s.get(I64, at);
      case I32 -> s.get(I32, at);
      case U32 -> s.get(I32, at) & 0xFFFFFFFFL;
      case I16 -> s.get(I16, at);
      case U16 -> s.get(I16, at) & 0xFFFFL;
      case I8 -> s.get(ValueLayout.JAVA_BYTE, at);
      case U8 -> s.get(ValueLayout.JAVA_BYTE, at) & 0xFFL;
      case BOOL -> s.get(ValueLayout.JAVA_BYTE, at) != 0 ? 1 : 0;
      case F32, F16, BF16, F8E4M3, F8E5M2 -> throw notInteger(dtype);
    };
  }

  /** Writes the low bits of an integer. */
  public static void setLong(DType dtype, MemorySegment s, long at, long value) {
    switch (dtype) {
      case I64 -> s.set(I64, at, value);
      case I32, U32 -> s.set(I32, at, (int) value);
      case I16, U16 -> s.set(I16, at, (short) value);
      case I8, U8, BOOL -> s.set(ValueLayout.JAVA_BYTE, at, (byte) value);
      case F32, F16, BF16, F8E4M3, F8E5M2 -> throw notInteger(dtype);
    }
  }

  /** The low bits of an integer, extended as its dtype says. */
  public static long wrap(DType dtype, long value) {
    return switch (dtype) {
      case I64 -> value;
      case I32 -> (int) value;
      case U32 -> value & 0xFFFFFFFFL;
      case I16 -> (short) value;
      case U16 -> value & 0xFFFFL;
      case I8 -> (byte) value;
      case U8 -> value & 0xFFL;
      case BOOL -> value & 1;
      case F32, F16, BF16, F8E4M3, F8E5M2 -> throw notInteger(dtype);
    };
  }

  private static IllegalArgumentException notFloat(DType dtype) {
    return new IllegalArgumentException("element: expected a float dtype, got " + dtype.text());
  }

  private static IllegalArgumentException notInteger(DType dtype) {
    return new IllegalArgumentException("element: expected an integer dtype, got " + dtype.text());
  }
}
