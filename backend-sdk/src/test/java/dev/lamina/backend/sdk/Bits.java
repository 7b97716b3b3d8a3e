package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.DType;

/** Elements as bits, for the test evaluator. */
final class Bits {
  private Bits() {}

  static double toDouble(DType dtype, long bits) {
    return switch (dtype) {
      case F32 -> Float.intBitsToFloat((int) bits);
      case F16 -> Float.float16ToFloat((short) bits);
      case BF16 -> Float.intBitsToFloat((int) bits << 16);
      case F8E4M3 -> Float8.e4m3ToFloat((byte) bits);
      default -> throw new AssertionError(dtype);
    };
  }

  private static long bits(Array x, int i) {
    return switch (x.dtype) {
      case F32 -> Float.floatToRawIntBits((float) x.floats[i]);
      case F16 -> Float.floatToFloat16((float) x.floats[i]);
      case BF16 -> Float.floatToRawIntBits((float) x.floats[i]) >>> 16;
      default -> x.ints[i];
    };
  }

  private static void put(Array x, int i, long bits) {
    if (x.dtype.isFloat()) {
      x.floats[i] = toDouble(x.dtype, bits);
    } else {
      x.set(i, bits);
    }
  }

  static Array bitcast(Array x, Array out) {
    int from = x.dtype.bytes();
    int to = out.dtype.bytes();
    if (x.size() == out.size()) {
      for (int i = 0; i < out.size(); i++) {
        put(out, i, bits(x, i));
      }
    } else if (from < to) {
      for (int i = 0; i < out.size(); i++) {
        long b = 0;
        for (int j = to - 1; j >= 0; j--) {
          b = b << 8 | x.ints[i * to + j];
        }
        put(out, i, b);
      }
    } else {
      for (int i = 0; i < out.size(); i++) {
        out.set(i, bits(x, i / from) >>> 8 * (i % from) & 255);
      }
    }
    return out;
  }
}
