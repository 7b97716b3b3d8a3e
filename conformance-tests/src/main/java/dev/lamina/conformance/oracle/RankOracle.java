package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.DType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Argmax and top-k: ties give the lowest index, NaN counts as -inf (R6). */
final class RankOracle {
  private RankOracle() {}

  static RefTensor argmax(RefTensor x, int dim, long[] sizes) {
    RefTensor.Builder out = new RefTensor.Builder(DType.I32, sizes);
    int inner = Axes.product(x.sizes(), dim + 1, x.rank());
    for (int line = 0; line < out.count(); line++) {
      List<Integer> order = descending(x, dim, inner, line);
      out.exact(line, order.isEmpty() ? 0 : order.getFirst());
    }
    return out.build();
  }

  static List<RefTensor> topk(RefTensor x, int k, int dim) {
    long[] sizes = x.sizes();
    sizes[dim] = k;
    RefTensor.Builder values = new RefTensor.Builder(x.dtype(), sizes);
    RefTensor.Builder indices = new RefTensor.Builder(DType.I32, sizes);
    int inner = Axes.product(x.sizes(), dim + 1, x.rank());
    int lines = Axes.product(x.sizes(), 0, dim) * inner;
    for (int line = 0; line < lines; line++) {
      List<Integer> order = descending(x, dim, inner, line);
      for (int j = 0; j < k; j++) {
        int to = (line / inner * k + j) * inner + line % inner;
        values.copy(to, x, at(x, dim, inner, line, order.get(j)));
        indices.exact(to, order.get(j));
      }
    }
    return List.of(values.build(), indices.build());
  }

  /**
   * Indices along the axis, largest element first; the sort is stable, so ties keep their order.
   */
  private static List<Integer> descending(RefTensor x, int dim, int inner, int line) {
    List<Integer> order = new ArrayList<>();
    for (int k = 0; k < x.size(dim); k++) {
      x.requireExact(at(x, dim, inner, line, k));
      order.add(k);
    }
    Comparator<Integer> larger =
        (p, q) -> {
          int i = at(x, dim, inner, line, p);
          int j = at(x, dim, inner, line, q);
          return x.dtype().isFloat()
              ? Double.compare(key(x.real(j)), key(x.real(i)))
              : Long.compare(x.integer(j), x.integer(i));
        };
    order.sort(larger);
    return order;
  }

  /** Adding 0.0 makes both zeros equal. */
  private static double key(double v) {
    return Double.isNaN(v) ? Double.NEGATIVE_INFINITY : v + 0.0;
  }

  private static int at(RefTensor x, int dim, int inner, int line, int k) {
    return (line / inner * x.size(dim) + k) * inner + line % inner;
  }
}
