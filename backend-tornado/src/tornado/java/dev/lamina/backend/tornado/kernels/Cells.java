package dev.lamina.backend.tornado.kernels;

import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * Elements of all dtypes in a device's memory, as kernels read and write them.
 *
 * <p>The memory is one range that every kernel gets five times: as bytes, shorts, ints, floats and
 * longs. An address is an offset in bytes. TornadoVM compiles no reinterpretation of bits (5.2.0
 * gives up on {@code Float.floatToRawIntBits} and its inverse), so narrow floats become F32 by
 * tables that lie at the front of the memory, and an F32's bits are read back, byte by byte, from a
 * place that the thread has for itself: C lets bytes alias everything.
 *
 * <p>Masks of bytes and shorts ({@code x & 255}) may become unsigned in what TornadoVM writes, so
 * that a later {@code >>} or {@code <} would differ: code here does not let it matter. What it
 * makes of {@code &&} and {@code ||} is wrong where one side is negated, and of {@code ||} over
 * values of one variable only the last case is left; and what a loop computes is lost where a
 * branch that ends with it meets the other: no kernel has any of them.
 */
public final class Cells {
  /** {@code DType} by ordinal. */
  static final int F32 = 0;

  static final int F16 = 1;
  static final int BF16 = 2;
  static final int F8E4M3 = 3;
  static final int F8E5M2 = 4;
  static final int I64 = 5;
  static final int I32 = 6;
  static final int I16 = 7;
  static final int I8 = 8;
  static final int U32 = 9;
  static final int U16 = 10;
  static final int U8 = 11;

  /** F32 of each F16, at this index in floats; the other tables behind it. */
  static final int F16_TABLE = 0;

  static final int BF16_TABLE = 1 << 16;
  static final int F8E4M3_TABLE = 2 << 16;
  static final int F8E5M2_TABLE = F8E4M3_TABLE + 256;
  private static final int ROOMS = F8E5M2_TABLE + 256;

  /** Most threads of a launch: each has a float of its own behind the tables. */
  public static final int MAX_THREADS = 1 << 16;

  /** Floats in the tables, which the host writes when it takes the memory. */
  public static final int TABLE_FLOATS = ROOMS;

  /** Bytes in front of what may be allocated. */
  public static final int RESERVED_BYTES = 4 * (ROOMS + MAX_THREADS);

  /** Words of a struct, and behind them the blocks of the launch along each axis. */
  public static final int STRUCT_WORDS = 1024;

  static final int GRID_X = STRUCT_WORDS;
  static final int GRID_Z = STRUCT_WORDS + 2;

  /** Words of a struct that kernels may read as floats. */
  public static final int FLOAT_WORDS = 64;

  private static final int WIDTHS =
      2 << 2 * F32
          | 1 << 2 * F16
          | 1 << 2 * BF16
          | 3 << 2 * I64
          | 2 << 2 * I32
          | 1 << 2 * I16
          | 2 << 2 * U32
          | 1 << 2 * U16;

  private Cells() {}

  /** From a table: TornadoVM writes no constant of it. */
  static float infinity(FloatArray floats) {
    return floats.get(F16_TABLE + 0x7C00);
  }

  /** The same of a number that is none. */
  static float nan(FloatArray floats) {
    return floats.get(F16_TABLE + 0x7E00);
  }

  /** The bits of an F32. */
  static int bits(ByteArray bytes, FloatArray floats, int thread, float x) {
    int room = ROOMS + thread;
    floats.set(room, x);
    int at = 4 * room;
    return (bytes.get(at) & 255)
        | (bytes.get(at + 1) & 255) << 8
        | (bytes.get(at + 2) & 255) << 16
        | (bytes.get(at + 3) & 255) << 24;
  }

  static float load(
      ByteArray bytes, ShortArray shorts, FloatArray floats, int data, int i, int dtype) {
    float x;
    if (dtype == F32) {
      x = floats.get((data >> 2) + i);
    } else if (dtype == F16) {
      x = floats.get(F16_TABLE + (shorts.get((data >> 1) + i) & 0xFFFF));
    } else if (dtype == BF16) {
      x = floats.get(BF16_TABLE + (shorts.get((data >> 1) + i) & 0xFFFF));
    } else if (dtype == F8E4M3) {
      x = floats.get(F8E4M3_TABLE + (bytes.get(data + i) & 255));
    } else {
      x = floats.get(F8E5M2_TABLE + (bytes.get(data + i) & 255));
    }
    return x;
  }

  static void store(
      ByteArray bytes,
      ShortArray shorts,
      FloatArray floats,
      int thread,
      int data,
      int i,
      int dtype,
      float x) {
    if (dtype == F32) {
      floats.set((data >> 2) + i, x);
    } else {
      int narrow = narrow(dtype, bits(bytes, floats, thread, x));
      if (dtype <= BF16) {
        shorts.set((data >> 1) + i, (short) narrow);
      } else {
        bytes.set(data + i, (byte) narrow);
      }
    }
  }

  /** Rounds to a dtype and back. */
  static float round(ByteArray bytes, FloatArray floats, int thread, int dtype, float x) {
    float rounded = x;
    if (dtype != F32) {
      int narrow = narrow(dtype, bits(bytes, floats, thread, x));
      int table = F16_TABLE;
      if (dtype == BF16) {
        table = BF16_TABLE;
      } else if (dtype == F8E4M3) {
        table = F8E4M3_TABLE;
      } else if (dtype == F8E5M2) {
        table = F8E5M2_TABLE;
      }
      rounded = floats.get(table + narrow);
    }
    return rounded;
  }

  /** Bits of an F32 to those of a narrower float: nearest even, NaN stays NaN. */
  static int narrow(int dtype, int bits) {
    int rest = bits & 0x7FFFFFFF;
    int result;
    if (dtype == BF16) {
      int sign = bits >> 16 & 0x8000;
      result = sign | (rest > 0x7F800000 ? 0x7FC0 : rest + 0x7FFF + (rest >> 16 & 1) >> 16);
    } else if (dtype == F16) {
      int sign = bits >> 16 & 0x8000;
      int magnitude = rest > 0x7F800000 ? 0x7E00 : 0x7C00;
      if (rest < 0x477FF000) {
        magnitude = small(rest, 10, 15);
      }
      result = sign | magnitude;
    } else if (dtype == F8E4M3) {
      // Past its range there is only NaN.
      int magnitude = 0x7F;
      if (rest < 0x7F800000) {
        magnitude = small(rest, 3, 7);
        magnitude = magnitude > 0x7E ? 0x7F : magnitude;
      }
      result = (bits >> 24 & 0x80) | magnitude;
    } else {
      int magnitude = rest > 0x7F800000 ? 0x7E : 0x7C;
      if (rest < 0x7F800000) {
        magnitude = small(rest, 2, 15);
        magnitude = magnitude > 0x7C ? 0x7C : magnitude;
      }
      result = (bits >> 24 & 0x80) | magnitude;
    }
    return result;
  }

  /** A finite magnitude with so many bits of mantissa and this bias. */
  private static int small(int rest, int mantissaBits, int bias) {
    int exponent = (rest >> 23) - 127 + bias;
    int mantissa = (rest & 0x7FFFFF) | 0x800000;
    int drop = exponent > 0 ? 23 - mantissaBits : 24 - mantissaBits - exponent;
    int result = 0;
    if (drop <= 25) {
      // Half of what is dropped, less one where the last bit that stays is even, carries or not.
      int kept = mantissa + (1 << drop - 1) - 1 + (mantissa >> drop & 1) >> drop;
      // The leading one of a normal number adds 1 to the exponent's field.
      result = exponent > 0 ? (exponent - 1 << mantissaBits) + kept : kept;
    }
    return result;
  }

  static long loadLong(
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      LongArray longs,
      int data,
      int i,
      int dtype) {
    long x;
    if (dtype == I64) {
      x = longs.get((data >> 3) + i);
    } else if (dtype == I32) {
      x = ints.get((data >> 2) + i);
    } else if (dtype == U32) {
      x = ints.get((data >> 2) + i) & 0xFFFFFFFFL;
    } else if (dtype == I16) {
      x = shorts.get((data >> 1) + i);
    } else if (dtype == U16) {
      x = shorts.get((data >> 1) + i) & 0xFFFF;
    } else if (dtype == I8) {
      x = bytes.get(data + i);
    } else if (dtype == U8) {
      x = bytes.get(data + i) & 255;
    } else {
      x = (bytes.get(data + i) & 255) == 0 ? 0L : 1L;
    }
    return x;
  }

  static void storeLong(
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      LongArray longs,
      int data,
      int i,
      int dtype,
      long x) {
    if (dtype == I64) {
      longs.set((data >> 3) + i, x);
    } else if (width(dtype) == 4) {
      ints.set((data >> 2) + i, (int) x);
    } else if (width(dtype) == 2) {
      shorts.set((data >> 1) + i, (short) (int) x);
    } else {
      bytes.set(data + i, (byte) (int) x);
    }
  }

  /** The low bits of an integer, extended as its dtype says. */
  static long wrap(int dtype, long x) {
    long y = x;
    if (dtype == I32) {
      y = x << 32 >> 32;
    } else if (dtype == U32) {
      y = x & 0xFFFFFFFFL;
    } else if (dtype == I16) {
      y = x << 48 >> 48;
    } else if (dtype == U16) {
      y = x & 0xFFFFL;
    } else if (dtype == I8) {
      y = x << 56 >> 56;
    } else if (dtype == U8) {
      y = x & 0xFFL;
    } else if (dtype != I64) {
      y = x & 1L;
    }
    return y;
  }

  static int width(int dtype) {
    return 1 << logWidth(dtype);
  }

  /** Two bits a dtype, from F32 on: the logarithm of its width. */
  static int logWidth(int dtype) {
    return WIDTHS >> 2 * dtype & 3;
  }

  /** Moves one unit of so many bytes; 16 as two of 8. */
  static void move(
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      LongArray longs,
      int to,
      int t,
      int from,
      int f,
      int width) {
    if (width == 1) {
      bytes.set(to + t, bytes.get(from + f));
    } else if (width == 2) {
      shorts.set((to >> 1) + t, shorts.get((from >> 1) + f));
    } else if (width == 4) {
      ints.set((to >> 2) + t, ints.get((from >> 2) + f));
    } else if (width == 8) {
      longs.set((to >> 3) + t, longs.get((from >> 3) + f));
    } else {
      longs.set((to >> 3) + 2 * t, longs.get((from >> 3) + 2 * f));
      longs.set((to >> 3) + 2 * t + 1, longs.get((from >> 3) + 2 * f + 1));
    }
  }

  /** Writes what went wrong where the host looks for it after a run with checks. */
  static void report(IntArray ints, LongArray longs, int fault, int code, long got, long limit) {
    if (fault != 0) {
      ints.set(fault >> 2, code);
      longs.set((fault >> 3) + 1, got);
      longs.set((fault >> 3) + 2, limit);
    }
  }
}
