package dev.lamina.conformance.oracle;

/** Row-major index arithmetic. */
final class Axes {
  private Axes() {}

  static int count(long[] sizes) {
    long n = 1;
    for (long s : sizes) {
      n = Math.multiplyExact(n, s);
    }
    return Math.toIntExact(n);
  }

  /** Row-major strides. */
  static long[] strides(long[] sizes) {
    long[] strides = new long[sizes.length];
    long stride = 1;
    for (int i = sizes.length - 1; i >= 0; i--) {
      strides[i] = stride;
      stride *= sizes[i];
    }
    return strides;
  }

  /** Splits a flat index. */
  static long[] index(int flat, long[] sizes) {
    long[] index = new long[sizes.length];
    long rest = flat;
    for (int i = sizes.length - 1; i >= 0; i--) {
      index[i] = rest % sizes[i];
      rest /= sizes[i];
    }
    return index;
  }

  /** Joins an index. */
  static int flat(long[] index, long[] strides) {
    long flat = 0;
    for (int i = 0; i < index.length; i++) {
      flat += index[i] * strides[i];
    }
    return Math.toIntExact(flat);
  }

  /** Product of the sizes from one axis up to another. */
  static int product(long[] sizes, int from, int to) {
    long n = 1;
    for (int i = from; i < to; i++) {
      n *= sizes[i];
    }
    return Math.toIntExact(n);
  }
}
