package dev.lamina.backend.cpuvector;

import dev.lamina.backend.sdk.Tensor;

/** Element offsets in a contiguous tensor of the positions of some axes, row-major. */
final class Lines {
  private final long[] sizes;
  private final long[] strides;
  private final long count;

  /**
   * Walks some axes, or all the others.
   *
   * @param t contiguous
   * @param axes marks axes
   * @param marked whether to walk the marked axes, else the others
   */
  Lines(Tensor t, boolean[] axes, boolean marked) {
    int n = 0;
    for (boolean axis : axes) {
      n += axis == marked ? 1 : 0;
    }
    sizes = new long[n];
    strides = new long[n];
    long stride = 1;
    long all = 1;
    for (int axis = t.rank() - 1; axis >= 0; axis--) {
      if (axes[axis] == marked) {
        sizes[--n] = t.size(axis);
        strides[n] = stride;
        all *= t.size(axis);
      }
      stride *= t.size(axis);
    }
    count = all;
  }

  static boolean[] mark(Tensor t, int axis) {
    boolean[] axes = new boolean[t.rank()];
    axes[axis] = true;
    return axes;
  }

  long count() {
    return count;
  }

  /** Distance of neighbours on the last of these axes. */
  long lastStride() {
    return sizes.length == 0 ? 1 : strides[sizes.length - 1];
  }

  /** Offset in elements of position i. */
  long at(long i) {
    long rest = i;
    long at = 0;
    for (int a = sizes.length - 1; a >= 0; a--) {
      at += rest % sizes[a] * strides[a];
      rest /= sizes[a];
    }
    return at;
  }

  /** Whether the positions are evenly spaced, {@link #lastStride} apart. */
  boolean isEven() {
    for (int a = 0; a + 1 < sizes.length; a++) {
      if (strides[a] != strides[a + 1] * sizes[a + 1]) {
        return false;
      }
    }
    return true;
  }
}
