package dev.lamina.backend.reference;

import dev.lamina.backend.sdk.Tensor;
import java.util.List;

/** Byte offsets over some axes of a tensor, row-major, the other axes at index 0. */
final class Walk {
  private final Tensor tensor;
  private final int[] axes;
  private final long[] index;
  private final long count;
  private long at;

  Walk(Tensor tensor, List<Integer> axes) {
    this.tensor = tensor;
    this.axes = axes.stream().mapToInt(Integer::intValue).toArray();
    this.index = new long[this.axes.length];
    this.at = tensor.offset();
    long n = 1;
    for (int axis : this.axes) {
      n *= tensor.size(axis);
    }
    this.count = n;
  }

  /** Number of positions. */
  long count() {
    return count;
  }

  /** Offset of this position, then moves to the next one. */
  long next() {
    long here = at;
    int bytes = tensor.dtype().bytes();
    for (int i = axes.length - 1; i >= 0; i--) {
      at += tensor.stride(axes[i]) * bytes;
      if (++index[i] < tensor.size(axes[i])) {
        break;
      }
      at -= tensor.size(axes[i]) * tensor.stride(axes[i]) * bytes;
      index[i] = 0;
    }
    return here;
  }
}
