package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CoreOp;
import java.util.ArrayList;
import java.util.List;

/** Reduce and scan of floats; integers go to the right kernel. Bugs override a method. */
final class PlainFold {
  private PlainFold() {}

  /** Folds axes away. */
  static class Reduce implements Kernel {
    final CoreOp.Reduce op;
    private final Kernel right;

    Reduce(CoreOp.Reduce op, Kernel right) {
      this.op = op;
      this.right = right;
    }

    @Override
    public void run(KernelArgs args) {
      Cells x = Cells.in(args, 0);
      if (!x.isFloat()) {
        right.run(args);
        return;
      }
      Cells out = Cells.out(args, 0);
      List<List<Integer>> terms = new ArrayList<>();
      for (int i = 0; i < out.count(); i++) {
        terms.add(new ArrayList<>());
      }
      for (int i = 0; i < x.count(); i++) {
        terms.get(target(x, i)).add(i);
      }
      for (int i = 0; i < terms.size(); i++) {
        List<Integer> of = terms.get(i);
        out.set(i, fold(of.stream().mapToDouble(x::get).toArray()));
      }
    }

    private int target(Cells x, int flat) {
      int at = 0;
      int stride = 1;
      int rest = flat;
      for (int axis = x.tensor().rank() - 1; axis >= 0; axis--) {
        if (!op.dims().contains(axis)) {
          at += rest % x.size(axis) * stride;
          stride *= x.size(axis);
        }
        rest /= x.size(axis);
      }
      return at;
    }

    double fold(double[] terms) {
      double acc = start();
      for (int i = 0; i < terms.length; i++) {
        acc = step(acc, terms[i]);
      }
      return acc;
    }

    double start() {
      return switch (op.kind()) {
        case SUM -> 0;
        case MAX -> Double.NEGATIVE_INFINITY;
        case MIN -> Double.POSITIVE_INFINITY;
      };
    }

    double step(double acc, double term) {
      return switch (op.kind()) {
        case SUM -> acc + term;
        case MAX -> Math.max(acc, term);
        case MIN -> Math.min(acc, term);
      };
    }
  }

  /** Runs along an axis. */
  static class Scan implements Kernel {
    final CoreOp.Scan op;
    private final Kernel right;

    Scan(CoreOp.Scan op, Kernel right) {
      this.op = op;
      this.right = right;
    }

    @Override
    public void run(KernelArgs args) {
      Cells x = Cells.in(args, 0);
      if (!x.isFloat()) {
        right.run(args);
        return;
      }
      Cells out = Cells.out(args, 0);
      int n = x.size(op.dim());
      int inner = 1;
      for (int axis = op.dim() + 1; axis < x.tensor().rank(); axis++) {
        inner *= x.size(axis);
      }
      int lines = n == 0 ? 0 : x.count() / n;
      for (int line = 0; line < lines; line++) {
        int base = line / inner * n * inner + line % inner;
        double[] in = new double[n];
        for (int k = 0; k < n; k++) {
          in[k] = x.get(base + (long) k * inner);
        }
        double[] result = scan(in, line);
        for (int k = 0; k < n; k++) {
          out.set(base + (long) k * inner, result[k]);
        }
      }
    }

    double[] scan(double[] x, int line) {
      double[] out = new double[x.length];
      double acc = start();
      for (int k = 0; k < x.length; k++) {
        acc = carry(acc, k, x.length);
        double next = step(acc, x[k]);
        out[k] = exclusive() ? acc : next;
        acc = next;
      }
      return out;
    }

    boolean exclusive() {
      return op.exclusive();
    }

    double start() {
      return op.kind() == CoreOp.ScanKind.SUM ? 0 : Double.NEGATIVE_INFINITY;
    }

    /** What is known of the elements before k. */
    double carry(double acc, int k, int length) {
      return acc;
    }

    double step(double acc, double term) {
      return op.kind() == CoreOp.ScanKind.SUM ? acc + term : Math.max(acc, term);
    }
  }
}
