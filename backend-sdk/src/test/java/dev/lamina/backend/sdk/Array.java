package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.DType;
import java.util.Arrays;

/**
 * A dense tensor of the test evaluator: floats as doubles that the dtype holds, the rest as longs.
 */
final class Array {
  final DType dtype;
  final long[] sizes;
  final double[] floats;
  final long[] ints;

  Array(DType dtype, long... sizes) {
    this.dtype = dtype;
    this.sizes = sizes.clone();
    int n = (int) Arrays.stream(sizes).reduce(1, Math::multiplyExact);
    this.floats = new double[dtype.isFloat() ? n : 0];
    this.ints = new long[dtype.isFloat() ? 0 : n];
  }

  static Array f32(double[] values, long... sizes) {
    return floats(DType.F32, values, sizes);
  }

  static Array floats(DType dtype, double[] values, long... sizes) {
    Array a = new Array(dtype, sizes);
    for (int i = 0; i < values.length; i++) {
      a.set(i, values[i]);
    }
    return a;
  }

  static Array ints(DType dtype, long[] values, long... sizes) {
    Array a = new Array(dtype, sizes);
    for (int i = 0; i < values.length; i++) {
      a.set(i, values[i]);
    }
    return a;
  }

  static Array i32(long... values) {
    return ints(DType.I32, values, values.length);
  }

  int size() {
    return dtype.isFloat() ? floats.length : ints.length;
  }

  /** Rounds to the dtype, as R1 asks. */
  void set(int i, double value) {
    floats[i] = round(dtype, value);
  }

  /** Wraps to the dtype's width, as R4 asks. */
  void set(int i, long value) {
    ints[i] = wrap(dtype, value);
  }

  /** Copies one element of another array of this dtype, bits and all. */
  void copy(int to, Array from, int at) {
    if (dtype.isFloat()) {
      floats[to] = from.floats[at];
    } else {
      ints[to] = from.ints[at];
    }
  }

  Array reshaped(long... newSizes) {
    Array a = new Array(dtype, newSizes);
    System.arraycopy(floats, 0, a.floats, 0, floats.length);
    System.arraycopy(ints, 0, a.ints, 0, ints.length);
    return a;
  }

  static double round(DType dtype, double value) {
    float f = (float) value;
    return switch (dtype) {
      case F32 -> f;
      case F16 -> Float.float16ToFloat(Float.floatToFloat16(f));
      case BF16 -> bf16(f);
      case F8E4M3, F8E5M2 -> throw new AssertionError("8-bit floats are not evaluated here");
      case I64, I32, I16, I8, U32, U16, U8, BOOL -> throw new AssertionError(dtype);
    };
  }

  private static float bf16(float f) {
    if (Float.isNaN(f)) {
      return f;
    }
    int bits = Float.floatToRawIntBits(f);
    return Float.intBitsToFloat(bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000);
  }

  static long wrap(DType dtype, long value) {
    if (dtype == DType.BOOL) {
      return value == 0 ? 0 : 1;
    }
    int unused = 64 - 8 * dtype.bytes();
    return dtype.isSigned() ? value << unused >> unused : value << unused >>> unused;
  }

  /** Row-major strides. */
  static long[] strides(long[] sizes) {
    long[] strides = new long[sizes.length];
    long s = 1;
    for (int i = sizes.length - 1; i >= 0; i--) {
      strides[i] = s;
      s *= sizes[i];
    }
    return strides;
  }

  /** Index along each axis of element i. */
  static long[] unravel(long i, long[] sizes) {
    long[] index = new long[sizes.length];
    long rest = i;
    for (int a = sizes.length - 1; a >= 0; a--) {
      index[a] = rest % sizes[a];
      rest /= sizes[a];
    }
    return index;
  }

  /** Position of the element at an index along each axis. */
  int at(long... index) {
    long[] strides = strides(sizes);
    long at = 0;
    for (int a = 0; a < sizes.length; a++) {
      if (index[a] < 0 || index[a] >= sizes[a]) {
        throw new AssertionError(
            "index " + Arrays.toString(index) + " outside " + Arrays.toString(sizes));
      }
      at += index[a] * strides[a];
    }
    return (int) at;
  }
}
