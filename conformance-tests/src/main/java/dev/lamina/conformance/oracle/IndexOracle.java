package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.CoreOp;

/** Gather and scatter: an index below 0 reads zeros and writes nothing (R8). */
final class IndexOracle {
  private IndexOracle() {}

  static RefTensor gather(RefTensor x, RefTensor idx, int dim, long[] sizes) {
    RefTensor.Builder out = new RefTensor.Builder(x.dtype(), sizes);
    int inner = Axes.product(x.sizes(), dim + 1, x.rank());
    int outer = Axes.product(x.sizes(), 0, dim);
    for (int o = 0; o < outer; o++) {
      for (int k = 0; k < idx.count(); k++) {
        long row = idx.integer(k);
        for (int in = 0; in < inner && row >= 0; in++) {
          int from = (o * x.size(dim) + (int) row) * inner + in;
          out.copy((o * idx.count() + k) * inner + in, x, from);
        }
      }
    }
    return out.build();
  }

  static RefTensor scatter(
      CoreOp.ScatterKind kind, RefTensor x, RefTensor idx, RefTensor upd, int dim) {
    return switch (kind) {
      case SET -> set(x, idx, upd, dim);
      case ADD -> add(x, idx, upd, dim);
    };
  }

  private static RefTensor set(RefTensor x, RefTensor idx, RefTensor upd, int dim) {
    RefTensor.Builder out = new RefTensor.Builder(x.dtype(), x.sizes());
    for (int i = 0; i < x.count(); i++) {
      out.copy(i, x, i);
    }
    forEachUpdate(x, idx, dim, (to, from) -> out.copy(to, upd, from));
    return out.build();
  }

  private static RefTensor add(RefTensor x, RefTensor idx, RefTensor upd, int dim) {
    RefTensor.Builder out = new RefTensor.Builder(x.dtype(), x.sizes());
    long[] integers = new long[x.count()];
    double[] sums = new double[x.count()];
    double[] magnitudes = new double[x.count()];
    double[] carried = new double[x.count()];
    long[] terms = new long[x.count()];
    boolean isFloat = x.dtype().isFloat();
    for (int i = 0; i < x.count(); i++) {
      integers[i] = x.bits(i);
      sums[i] = x.real(i);
      magnitudes[i] = Math.abs(sums[i]);
      carried[i] = x.bound(i);
    }
    forEachUpdate(
        x,
        idx,
        dim,
        (to, from) -> {
          integers[to] += isFloat ? 0 : upd.integer(from);
          sums[to] += upd.real(from);
          magnitudes[to] += Math.abs(upd.real(from));
          carried[to] += upd.bound(from);
          terms[to]++;
        });
    for (int i = 0; i < x.count(); i++) {
      if (!isFloat) {
        out.exact(i, Elements.wrap(x.dtype(), integers[i]));
      } else if (terms[i] == 0) {
        out.copy(i, x, i);
      } else {
        double slack = Tolerance.accumulated(terms[i] + 1, magnitudes[i]) + Double.MIN_VALUE;
        out.near(i, sums[i], slack + carried[i]);
      }
    }
    return out.build();
  }

  /** Element {@code from} of the updates goes to element {@code to} of x. */
  private interface Target {
    void take(int to, int from);
  }

  private static void forEachUpdate(RefTensor x, RefTensor idx, int dim, Target target) {
    int inner = Axes.product(x.sizes(), dim + 1, x.rank());
    int outer = Axes.product(x.sizes(), 0, dim);
    for (int o = 0; o < outer; o++) {
      for (int k = 0; k < idx.count(); k++) {
        long row = idx.integer(k);
        for (int in = 0; in < inner && row >= 0; in++) {
          int to = (o * x.size(dim) + (int) row) * inner + in;
          target.take(to, (o * idx.count() + k) * inner + in);
        }
      }
    }
  }
}
