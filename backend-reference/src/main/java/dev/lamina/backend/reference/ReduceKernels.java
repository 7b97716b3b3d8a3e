package dev.lamina.backend.reference;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import java.util.ArrayList;
import java.util.List;

/** Folds along axes: reduce, argmax, scan. Sums of floats are kept in F64. */
final class ReduceKernels {
  private static final int LINE = 256;

  private ReduceKernels() {}

  static void reduce(CoreOp.Reduce op, KernelArgs args) {
    Tensor x = args.in(0);
    Tensor out = args.out(0);
    List<Integer> kept = new ArrayList<>();
    for (int axis = 0; axis < x.rank(); axis++) {
      if (!op.dims().contains(axis)) {
        kept.add(axis);
      }
    }
    Walk target = Walk.over(out);
    Walk outer = new Walk(x, kept);
    Walk inner = new Walk(x, op.dims());
    float[] line = args.scratch(() -> new float[LINE]);
    for (long i = 0; i < out.elements(); i++) {
      long base = outer.next() - x.offset();
      if (x.dtype().isFloat()) {
        float folded = fold(op.kind(), x, base, inner, line);
        Elements.setFloat(x.dtype(), out.segment(), target.next(), folded);
      } else {
        long folded = foldIntegers(op.kind(), x, base, inner);
        Elements.setLong(x.dtype(), out.segment(), target.next(), folded);
      }
    }
  }

  private static float fold(CoreOp.ReduceKind kind, Tensor x, long base, Walk inner, float[] line) {
    double acc = kind == CoreOp.ReduceKind.SUM ? 0 : least(kind);
    long left = inner.count();
    while (left > 0) {
      int n = inner.run(Math.min(left, LINE));
      Elements.getFloats(x.dtype(), x.segment(), base + inner.at(), inner.step(), line, 0, n);
      for (int i = 0; i < n; i++) {
        double v = line[i];
        acc =
            switch (kind) {
              case SUM -> acc + v;
              case MAX -> Math.max(acc, v);
              case MIN -> Math.min(acc, v);
            };
      }
      inner.skip(n);
      left -= n;
    }
    return (float) acc;
  }

  private static long foldIntegers(CoreOp.ReduceKind kind, Tensor x, long base, Walk inner) {
    DType d = x.dtype();
    long acc =
        switch (kind) {
          case SUM -> 0;
          case MAX -> minOf(d);
          case MIN -> maxOf(d);
        };
    for (long i = 0; i < inner.count(); i++) {
      long v = Elements.getLong(d, x.segment(), base + inner.next());
      acc =
          switch (kind) {
            case SUM -> acc + v;
            case MAX -> Math.max(acc, v);
            case MIN -> Math.min(acc, v);
          };
    }
    return acc;
  }

  private static double least(CoreOp.ReduceKind kind) {
    return kind == CoreOp.ReduceKind.MAX ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
  }

  private static long maxOf(DType d) {
    int bits = 8 * d.bytes();
    return d.isSigned() ? Long.MAX_VALUE >>> 64 - bits : -1L >>> 64 - bits;
  }

  private static long minOf(DType d) {
    return d.isSigned() ? -maxOf(d) - 1 : 0;
  }

  static void argmax(CoreOp.Argmax op, KernelArgs args) {
    Tensor x = args.in(0);
    Tensor out = args.out(0);
    Walk target = Walk.over(out);
    Walk outer = new Walk(x, othersThan(op.dim(), x.rank()));
    for (long i = 0; i < out.elements(); i++) {
      long base = outer.next();
      long best = 0;
      for (long k = 1; k < x.size(op.dim()); k++) {
        if (larger(x, at(x, base, op.dim(), k), at(x, base, op.dim(), best))) {
          best = k;
        }
      }
      Elements.setLong(DType.I32, out.segment(), target.next(), best);
    }
  }

  private static long at(Tensor x, long base, int dim, long k) {
    return base + k * x.stride(dim) * x.dtype().bytes();
  }

  /** Whether the element at a sorts above the one at b; NaN counts as -inf (R6). */
  static boolean larger(Tensor x, long a, long b) {
    DType d = x.dtype();
    if (d.isFloat()) {
      return key(Elements.getFloat(d, x.segment(), a)) > key(Elements.getFloat(d, x.segment(), b));
    }
    return Elements.getLong(d, x.segment(), a) > Elements.getLong(d, x.segment(), b);
  }

  private static float key(float v) {
    return Float.isNaN(v) ? Float.NEGATIVE_INFINITY : v;
  }

  static void scan(CoreOp.Scan op, KernelArgs args) {
    Tensor x = args.in(0);
    Tensor out = args.out(0);
    List<Integer> others = othersThan(op.dim(), x.rank());
    Walk from = new Walk(x, others);
    Walk to = new Walk(out, others);
    for (long i = 0; i < from.count(); i++) {
      scanLine(op, x, from.next(), out, to.next());
    }
  }

  private static void scanLine(CoreOp.Scan op, Tensor x, long from, Tensor out, long to) {
    DType d = x.dtype();
    boolean sum = op.kind() == CoreOp.ScanKind.SUM;
    double f = sum ? 0 : Double.NEGATIVE_INFINITY;
    long l = sum ? 0 : minOf(d);
    for (long k = 0; k < x.size(op.dim()); k++) {
      long target = at(out, to, op.dim(), k);
      double beforeFloat = f;
      long beforeInteger = l;
      if (d.isFloat()) {
        double v = Elements.getFloat(d, x.segment(), at(x, from, op.dim(), k));
        f = sum ? f + v : Math.max(f, v);
        Elements.setFloat(d, out.segment(), target, (float) (op.exclusive() ? beforeFloat : f));
      } else {
        long v = Elements.getLong(d, x.segment(), at(x, from, op.dim(), k));
        l = sum ? Elements.wrap(d, l + v) : Math.max(l, v);
        Elements.setLong(d, out.segment(), target, op.exclusive() ? beforeInteger : l);
      }
    }
  }

  static List<Integer> othersThan(int dim, int rank) {
    List<Integer> axes = new ArrayList<>();
    for (int axis = 0; axis < rank; axis++) {
      if (axis != dim) {
        axes.add(axis);
      }
    }
    return axes;
  }
}
