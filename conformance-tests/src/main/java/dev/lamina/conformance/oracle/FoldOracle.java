package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import java.util.List;

/** Reduce and scan. */
final class FoldOracle {
  /** What a fold is named after. */
  private enum Kind {
    SUM,
    MAX,
    MIN
  }

  private FoldOracle() {}

  static RefTensor reduce(CoreOp.ReduceKind kind, RefTensor x, List<Integer> dims, long[] sizes) {
    RefTensor.Builder out = new RefTensor.Builder(x.dtype(), sizes);
    Fold[] folds = new Fold[out.count()];
    for (int i = 0; i < folds.length; i++) {
      folds[i] = new Fold(Kind.valueOf(kind.name()), x.dtype());
    }
    long[] strides = Axes.strides(sizes);
    for (int i = 0; i < x.count(); i++) {
      long[] index = Axes.index(i, x.sizes());
      long at = 0;
      int kept = 0;
      for (int axis = 0; axis < index.length; axis++) {
        if (!dims.contains(axis)) {
          at += index[axis] * strides[kept++];
        }
      }
      folds[(int) at].take(x, i);
    }
    for (int i = 0; i < folds.length; i++) {
      folds[i].give(out, i);
    }
    return out.build();
  }

  static RefTensor scan(CoreOp.ScanKind kind, RefTensor x, int dim, boolean exclusive) {
    RefTensor.Builder out = new RefTensor.Builder(x.dtype(), x.sizes());
    int inner = Axes.product(x.sizes(), dim + 1, x.rank());
    int lines = Axes.product(x.sizes(), 0, dim) * inner;
    for (int line = 0; line < lines; line++) {
      Fold fold = new Fold(Kind.valueOf(kind.name()), x.dtype());
      for (int k = 0; k < x.size(dim); k++) {
        int at = (line / inner * x.size(dim) + k) * inner + line % inner;
        if (exclusive) {
          fold.give(out, at);
        }
        fold.take(x, at);
        if (!exclusive) {
          fold.give(out, at);
        }
      }
    }
    return out.build();
  }

  /** A fold of the elements seen so far. */
  private static final class Fold {
    private final Kind kind;
    private final DType dtype;
    private long integer;
    private double value;
    private double magnitude;
    private double carried;
    private long terms;

    Fold(Kind kind, DType dtype) {
      this.kind = kind;
      this.dtype = dtype;
      switch (kind) {
        case SUM -> {}
        case MAX -> {
          value = Double.NEGATIVE_INFINITY;
          integer = dtype.isFloat() ? 0 : Elements.min(dtype);
        }
        case MIN -> {
          value = Double.POSITIVE_INFINITY;
          integer = dtype.isFloat() ? 0 : Elements.max(dtype);
        }
      }
    }

    void take(RefTensor x, int i) {
      terms++;
      if (!dtype.isFloat()) {
        long v = x.integer(i);
        switch (kind) {
          case SUM -> integer += v;
          case MAX -> integer = Math.max(integer, v);
          case MIN -> integer = Math.min(integer, v);
        }
        return;
      }
      double v = x.real(i);
      switch (kind) {
        case SUM -> {
          value += v;
          magnitude += Math.abs(v);
          carried += x.bound(i);
        }
        case MAX -> value = Math.max(value, v);
        case MIN -> value = Math.min(value, v);
      }
      if (kind != Kind.SUM) {
        carried = Math.max(carried, x.bound(i));
      }
    }

    void give(RefTensor.Builder out, int i) {
      if (!dtype.isFloat()) {
        out.exact(i, Elements.wrap(dtype, integer));
      } else if (kind == Kind.SUM && terms > 1) {
        out.near(i, value, Tolerance.accumulated(terms, magnitude) + carried + Double.MIN_VALUE);
      } else if (carried > 0) {
        out.near(i, value, carried);
      } else {
        out.unsignedZero(i, value);
      }
    }
  }
}
