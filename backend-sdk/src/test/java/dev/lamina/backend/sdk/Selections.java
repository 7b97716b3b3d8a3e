package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.CoreOp.ScanKind;
import dev.lamina.spi.ir.DType;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Folds and orders along an axis, for the test evaluator. */
final class Selections {
  private Selections() {}

  static Array reduce(CoreOp.Reduce o, Array x, Array out) {
    double[] sums = new double[out.size()];
    for (int i = 0; i < out.size(); i++) {
      switch (o.kind()) {
        case SUM -> {}
        case MAX -> {
          sums[i] = Double.NEGATIVE_INFINITY;
          least(out, i, true);
        }
        case MIN -> {
          sums[i] = Double.POSITIVE_INFINITY;
          least(out, i, false);
        }
      }
    }
    for (int i = 0; i < x.size(); i++) {
      long[] index = Array.unravel(i, x.sizes);
      long[] kept =
          IntStream.range(0, index.length)
              .filter(a -> !o.dims().contains(a))
              .mapToLong(a -> index[a])
              .toArray();
      int at = out.at(kept);
      if (x.dtype.isFloat()) {
        double v = x.floats[i];
        sums[at] =
            switch (o.kind()) {
              case SUM -> sums[at] + v;
              case MAX -> Math.max(sums[at], v);
              case MIN -> Math.min(sums[at], v);
            };
      } else {
        long v = x.ints[i];
        out.set(
            at,
            switch (o.kind()) {
              case SUM -> out.ints[at] + v;
              case MAX -> Math.max(out.ints[at], v);
              case MIN -> Math.min(out.ints[at], v);
            });
      }
    }
    for (int i = 0; i < out.floats.length; i++) {
      out.set(i, sums[i]);
    }
    return out;
  }

  private static void least(Array out, int i, boolean smallest) {
    if (out.dtype == DType.I32) {
      out.set(i, smallest ? (long) Integer.MIN_VALUE : Integer.MAX_VALUE);
    } else if (!out.dtype.isFloat()) {
      throw new AssertionError("largest of " + out.dtype + " is not evaluated here");
    }
  }

  private static double key(Array x, int i) {
    double v = x.dtype.isFloat() ? x.floats[i] : x.ints[i];
    return Double.isNaN(v) ? Double.NEGATIVE_INFINITY : v;
  }

  private static int[] along(Array x, int dim, long[] rest) {
    long[] index = rest.clone();
    int[] at = new int[(int) x.sizes[dim]];
    for (int j = 0; j < at.length; j++) {
      index[dim] = j;
      at[j] = x.at(index);
    }
    return at;
  }

  static Array argmax(Array x, int dim, Array out) {
    for (int i = 0; i < out.size(); i++) {
      long[] index = Array.unravel(i, out.sizes);
      long[] rest =
          IntStream.range(0, x.sizes.length)
              .mapToLong(a -> a < dim ? index[a] : a == dim ? 0 : index[a - 1])
              .toArray();
      int[] at = along(x, dim, rest);
      int best = 0;
      for (int j = 1; j < at.length; j++) {
        best = key(x, at[j]) > key(x, at[best]) ? j : best;
      }
      out.set(i, (long) best);
    }
    return out;
  }

  static List<Array> topk(Array x, int k, int dim) {
    long[] sizes = x.sizes.clone();
    sizes[dim] = k;
    Array values = new Array(x.dtype, sizes);
    Array indices = new Array(DType.I32, sizes);
    for (int i = 0; i < values.size(); i++) {
      long[] index = Array.unravel(i, sizes);
      if (index[dim] != 0) {
        continue;
      }
      int[] at = along(x, dim, index);
      List<Integer> order =
          IntStream.range(0, at.length)
              .boxed()
              .sorted(Comparator.comparingDouble((Integer j) -> 0.0 - key(x, at[j])))
              .toList();
      for (int j = 0; j < k; j++) {
        index[dim] = j;
        values.copy(values.at(index), x, at[order.get(j)]);
        indices.set(indices.at(index), (long) order.get(j));
      }
    }
    return List.of(values, indices);
  }

  static Array scan(CoreOp.Scan o, Array x, Array out) {
    if (o.kind() != ScanKind.SUM || !x.dtype.isFloat()) {
      throw new AssertionError("only running sums of floats are evaluated here");
    }
    for (int i = 0; i < x.size(); i++) {
      long[] index = Array.unravel(i, x.sizes);
      if (index[o.dim()] != 0) {
        continue;
      }
      double sum = 0;
      for (int at : along(x, o.dim(), index)) {
        double before = sum;
        sum += x.floats[at];
        out.set(at, o.exclusive() ? before : sum);
      }
    }
    return out;
  }
}
