package dev.lamina.backend.reference;

import dev.lamina.backend.sdk.Tensor;

/** Byte offsets of a tensor's elements in row-major order of its indices. */
final class Offsets {
  private final Tensor tensor;
  private final long[] index;
  private long at;

  Offsets(Tensor tensor) {
    this.tensor = tensor;
    this.index = new long[tensor.rank()];
    this.at = tensor.offset();
  }

  /** Offset of the element this stands at, then moves to the next one. */
  long next() {
    long here = at;
    int bytes = tensor.dtype().bytes();
    for (int axis = index.length - 1; axis >= 0; axis--) {
      at += tensor.stride(axis) * bytes;
      if (++index[axis] < tensor.size(axis)) {
        break;
      }
      at -= tensor.size(axis) * tensor.stride(axis) * bytes;
      index[axis] = 0;
    }
    return here;
  }
}
