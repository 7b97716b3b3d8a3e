package dev.lamina.backend.reference;

import dev.lamina.backend.sdk.Tensor;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Byte offsets over some axes of a tensor, row-major, the other axes at index 0. After the last one
 * it stands at the first again. For one thread.
 */
final class Walk {
  // Axes over which elements lie evenly apart are one; of axes of a single element nothing is left.
  private final long[] sizes;
  private final long[] steps;
  private final long[] index;
  private final int last;
  private final long count;
  private long at;

  Walk(Tensor tensor, List<Integer> axes) {
    long[] sizes = new long[axes.size() + 1];
    long[] steps = new long[axes.size() + 1];
    sizes[0] = 1;
    int top = 0;
    long n = 1;
    for (int axis : axes) {
      long size = tensor.size(axis);
      long step = tensor.stride(axis) * tensor.dtype().bytes();
      n *= size;
      if (size == 1) {
        continue;
      }
      if (sizes[top] != 1 && steps[top] != step * size) {
        top++;
        sizes[top] = 1;
      }
      sizes[top] *= size;
      steps[top] = step;
    }
    this.sizes = sizes;
    this.steps = steps;
    this.index = new long[top + 1];
    this.last = top;
    this.at = tensor.offset();
    this.count = n;
  }

  /** Over every axis. */
  static Walk over(Tensor tensor) {
    return new Walk(tensor, IntStream.range(0, tensor.rank()).boxed().toList());
  }

  /** Number of positions. */
  long count() {
    return count;
  }

  /** Offset of this position. */
  long at() {
    return at;
  }

  /** Bytes from this position to the next, as long as {@link #run} goes. */
  long step() {
    return steps[last];
  }

  /** How many positions from this one on lie evenly apart, at most {@code most}. */
  int run(long most) {
    return (int) Math.min(most, sizes[last] - index[last]);
  }

  /** Moves over a part of a {@link #run}. */
  void skip(int n) {
    at += n * steps[last];
    index[last] += n;
    for (int i = last; index[i] == sizes[i]; i--) {
      at -= sizes[i] * steps[i];
      index[i] = 0;
      if (i == 0) {
        return;
      }
      at += steps[i - 1];
      index[i - 1]++;
    }
  }

  /** Offset of this position, then moves to the next one. */
  long next() {
    long here = at;
    skip(1);
    return here;
  }
}
