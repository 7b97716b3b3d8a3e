package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The positions that attention looks at, by their scores in double.
 *
 * @param op the attributes
 * @param page slots of a page
 * @param q {@code [T, H, D]}
 * @param w {@code [T, H]}
 * @param keys {@code [slots, 1, D]}
 * @param cuSeqlensQ {@code [S + 1]}
 * @param kvLens {@code [S]}
 * @param blockTable {@code [S, P]}
 */
public record SelectionOracle(
    CompositeOp.IndexTopk op,
    int page,
    RefTensor q,
    RefTensor w,
    RefTensor keys,
    RefTensor cuSeqlensQ,
    RefTensor kvLens,
    RefTensor blockTable) {
  /** Scores that differ by less than this share of their terms may change places in F32. */
  private static final double GAP = 1e-5;

  /** The positions {@code [T, k]}. */
  public RefTensor topk() {
    RefTensor.Builder out = new RefTensor.Builder(DType.I32, q.size(0), op.k());
    for (int i = 0; i < out.count(); i++) {
      out.exact(i, -1);
    }
    for (int s = 0; s < kvLens.count(); s++) {
      long end = cuSeqlensQ.integer(s + 1);
      for (long t = cuSeqlensQ.integer(s); t < end; t++) {
        row(out, s, (int) t, (int) (kvLens.integer(s) - end + t));
      }
    }
    return out.build();
  }

  private void row(RefTensor.Builder out, int s, int t, int position) {
    double[] scores = new double[position + 1];
    double[] terms = new double[position + 1];
    for (int j = 0; j <= position; j++) {
      for (int h = 0; h < q.size(1); h++) {
        double dot = op.scale() * dot(s, t, h, j);
        scores[j] += w.real(t * q.size(1) + h) * Math.max(0, dot);
        terms[j] += Math.abs(w.real(t * q.size(1) + h) * dot);
      }
    }
    List<Integer> order =
        IntStream.rangeClosed(0, position)
            .boxed()
            .sorted(Comparator.comparingDouble(j -> -scores[j]))
            .toList();
    for (int i = 0; i < Math.min(op.k(), order.size()); i++) {
      out.exact(t * op.k() + i, order.get(i));
      if (i + 1 < order.size()) {
        int a = order.get(i);
        int b = order.get(i + 1);
        double gap = scores[a] - scores[b];
        if (gap != 0 && gap < GAP * (terms[a] + terms[b])) {
          throw new AssertionError("ill-posed case: positions %d and %d".formatted(a, b));
        }
      }
    }
  }

  private double dot(int s, int t, int h, int j) {
    int width = keys.size(2);
    int slot = (int) blockTable.integer(s * blockTable.size(1) + j / page) * page + j % page;
    double dot = 0;
    for (int d = 0; d < width; d++) {
      dot += q.real((t * q.size(1) + h) * width + d) * keys.real(slot * width + d);
    }
    return dot;
  }
}
