package dev.lamina.backend.sdk;

/** Strides of one shape's elements under another shape. */
final class Strides {
  private Strides() {}

  /**
   * Finds strides for the same elements in row-major order under new sizes.
   *
   * @param from a tensor
   * @param sizes new sizes, with as many elements
   * @param rank number of new axes
   * @param strides filled in
   * @return false if the elements can't be addressed so without a copy
   */
  static boolean reshape(Tensor from, long[] sizes, int rank, long[] strides) {
    if (from.isContiguous()) {
      dense(sizes, rank, strides);
      return true;
    }
    int a = next(from, -1);
    int b = 0;
    while (b < rank) {
      if (sizes[b] == 1) {
        strides[b++] = 0;
        continue;
      }
      if (a == from.rank()) {
        return false;
      }
      int first = b;
      long pa = from.size(a);
      long pb = sizes[b++];
      while (pa != pb) {
        if (pa > pb) {
          if (b == rank) {
            return false;
          }
          pb *= sizes[b++];
        } else {
          int n = next(from, a);
          if (n == from.rank() || from.stride(a) != from.stride(n) * from.size(n)) {
            return false;
          }
          pa *= from.size(n);
          a = n;
        }
      }
      long stride = from.stride(a);
      for (int i = b - 1; i >= first; i--) {
        strides[i] = stride;
        stride *= sizes[i];
      }
      a = next(from, a);
    }
    return a == from.rank();
  }

  private static int next(Tensor t, int axis) {
    int n = axis + 1;
    while (n < t.rank() && t.size(n) == 1) {
      n++;
    }
    return n;
  }

  static void dense(long[] sizes, int rank, long[] strides) {
    long stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
      strides[i] = stride;
      stride *= sizes[i];
    }
  }
}
