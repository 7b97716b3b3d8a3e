package dev.lamina.backend.cpuvector;

import dev.lamina.backend.cpuvector.kernels.WorkerPool;
import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;

/**
 * Folds along axes of contiguous tensors: reduce, argmax, scan, topk. A task is some lines; sums of
 * floats are kept in double precision.
 */
final class FoldKernels {
  private static final int TASK_ELEMENTS = 16384;

  private final WorkerPool pool;

  FoldKernels(WorkerPool pool) {
    this.pool = pool;
  }

  /** What a line of a tensor becomes. */
  private interface Line {
    void run(long line);
  }

  private void forEachLine(long lines, long lineElements, Line body) {
    long perTask = Math.max(1, TASK_ELEMENTS / Math.max(1, lineElements));
    int tasks = Math.toIntExact((lines + perTask - 1) / perTask);
    pool.forEach(
        tasks,
        (index, worker) -> {
          long end = Math.min(lines, (index + 1) * perTask);
          for (long i = index * perTask; i < end; i++) {
            body.run(i);
          }
        });
  }

  private static float getFloat(Tensor t, long element) {
    return Elements.getFloat(t.dtype(), t.segment(), t.offset() + element * t.dtype().bytes());
  }

  private static long getLong(Tensor t, long element) {
    return Elements.getLong(t.dtype(), t.segment(), t.offset() + element * t.dtype().bytes());
  }

  private static void setFloat(Tensor t, long element, float v) {
    Elements.setFloat(t.dtype(), t.segment(), t.offset() + element * t.dtype().bytes(), v);
  }

  private static void setLong(Tensor t, long element, long v) {
    Elements.setLong(t.dtype(), t.segment(), t.offset() + element * t.dtype().bytes(), v);
  }

  private static long least(DType d) {
    return d.isSigned() ? -most(d) - 1 : 0;
  }

  private static long most(DType d) {
    int bits = 8 * d.bytes();
    return d.isSigned() ? Long.MAX_VALUE >>> 64 - bits : -1L >>> 64 - bits;
  }

  void reduce(CoreOp.Reduce op, KernelArgs args) {
    Tensor x = args.in(0);
    Tensor out = args.out(0);
    boolean[] folded = new boolean[x.rank()];
    op.dims().forEach(axis -> folded[axis] = true);
    Lines lines = new Lines(x, folded, false);
    Lines inner = new Lines(x, folded, true);
    boolean even = inner.isEven();
    forEachLine(
        out.elements(),
        inner.count(),
        i -> {
          long at = lines.at(i);
          if (x.dtype().isFloat()) {
            setFloat(out, i, (float) foldFloats(op.kind(), x, at, inner, even));
          } else {
            setLong(out, i, foldIntegers(op.kind(), x, at, inner, even));
          }
        });
  }

  private static double foldFloats(
      CoreOp.ReduceKind kind, Tensor x, long at, Lines inner, boolean even) {
    double acc =
        switch (kind) {
          case SUM -> 0;
          case MAX -> Double.NEGATIVE_INFINITY;
          case MIN -> Double.POSITIVE_INFINITY;
        };
    long step = inner.lastStride();
    for (long k = 0; k < inner.count(); k++) {
      double v = getFloat(x, at + (even ? k * step : inner.at(k)));
      acc =
          switch (kind) {
            case SUM -> acc + v;
            case MAX -> Math.max(acc, v);
            case MIN -> Math.min(acc, v);
          };
    }
    return acc;
  }

  private static long foldIntegers(
      CoreOp.ReduceKind kind, Tensor x, long at, Lines inner, boolean even) {
    long acc =
        switch (kind) {
          case SUM -> 0;
          case MAX -> least(x.dtype());
          case MIN -> most(x.dtype());
        };
    long step = inner.lastStride();
    for (long k = 0; k < inner.count(); k++) {
      long v = getLong(x, at + (even ? k * step : inner.at(k)));
      acc =
          switch (kind) {
            case SUM -> acc + v;
            case MAX -> Math.max(acc, v);
            case MIN -> Math.min(acc, v);
          };
    }
    return acc;
  }

  void argmax(CoreOp.Argmax op, KernelArgs args) {
    Tensor x = args.in(0);
    Tensor out = args.out(0);
    Lines lines = new Lines(x, Lines.mark(x, op.dim()), false);
    long step = new Lines(x, Lines.mark(x, op.dim()), true).lastStride();
    long n = x.size(op.dim());
    forEachLine(out.elements(), n, i -> setLong(out, i, largest(x, lines.at(i), step, n)));
  }

  private static long largest(Tensor x, long at, long step, long n) {
    long best = 0;
    for (long k = 1; k < n; k++) {
      if (isLarger(x, at + k * step, at + best * step)) {
        best = k;
      }
    }
    return best;
  }

  /** Whether one element sorts before another; NaN counts as -inf (R6). */
  private static boolean isLarger(Tensor x, long a, long b) {
    if (x.dtype().isFloat()) {
      return key(getFloat(x, a)) > key(getFloat(x, b));
    }
    return getLong(x, a) > getLong(x, b);
  }

  private static float key(float v) {
    return Float.isNaN(v) ? Float.NEGATIVE_INFINITY : v;
  }

  void scan(CoreOp.Scan op, KernelArgs args) {
    Tensor x = args.in(0);
    Tensor out = args.out(0);
    Lines lines = new Lines(x, Lines.mark(x, op.dim()), false);
    long step = new Lines(x, Lines.mark(x, op.dim()), true).lastStride();
    long n = x.size(op.dim());
    forEachLine(
        lines.count(),
        n,
        i -> {
          if (x.dtype().isFloat()) {
            scanFloats(op, x, out, lines.at(i), step, n);
          } else {
            scanIntegers(op, x, out, lines.at(i), step, n);
          }
        });
  }

  private static void scanFloats(CoreOp.Scan op, Tensor x, Tensor out, long at, long step, long n) {
    boolean sum = op.kind() == CoreOp.ScanKind.SUM;
    double acc = sum ? 0 : Double.NEGATIVE_INFINITY;
    for (long k = 0; k < n; k++) {
      double v = getFloat(x, at + k * step);
      double next = sum ? acc + v : Math.max(acc, v);
      setFloat(out, at + k * step, (float) (op.exclusive() ? acc : next));
      acc = next;
    }
  }

  private static void scanIntegers(
      CoreOp.Scan op, Tensor x, Tensor out, long at, long step, long n) {
    boolean sum = op.kind() == CoreOp.ScanKind.SUM;
    long acc = sum ? 0 : least(x.dtype());
    for (long k = 0; k < n; k++) {
      long v = getLong(x, at + k * step);
      long next = sum ? Elements.wrap(x.dtype(), acc + v) : Math.max(acc, v);
      setLong(out, at + k * step, op.exclusive() ? acc : next);
      acc = next;
    }
  }

  void topk(CoreOp.Topk op, KernelArgs args) {
    Tensor x = args.in(0);
    Tensor values = args.out(0);
    Tensor indices = args.out(1);
    Lines lines = new Lines(x, Lines.mark(x, op.dim()), false);
    Lines results = new Lines(values, Lines.mark(values, op.dim()), false);
    long step = new Lines(x, Lines.mark(x, op.dim()), true).lastStride();
    int n = Math.toIntExact(x.size(op.dim()));
    int k = Math.toIntExact(op.k());
    forEachLine(
        lines.count(),
        n,
        i -> {
          long at = lines.at(i);
          int[] order = sorted(x, at, step, n);
          for (int r = 0; r < k; r++) {
            long to = results.at(i) + r * step;
            copyBits(x, at + order[r] * step, values, to);
            setLong(indices, to, order[r]);
          }
        });
  }

  private static void copyBits(Tensor x, long from, Tensor out, long to) {
    int width = x.dtype().bytes();
    MemorySegment.copy(
        x.segment(), x.offset() + from * width, out.segment(), out.offset() + to * width, width);
  }

  /** Indices in descending order of their elements, the lowest first on ties: a merge sort. */
  private static int[] sorted(Tensor x, long at, long step, int n) {
    int[] from = new int[n];
    int[] to = new int[n];
    for (int i = 0; i < n; i++) {
      from[i] = i;
    }
    for (int width = 1; width < n; width *= 2) {
      for (int start = 0; start < n; start += 2 * width) {
        merge(x, at, step, from, to, start, Math.min(n, start + width), width);
      }
      int[] swap = from;
      from = to;
      to = swap;
    }
    return from;
  }

  private static void merge(
      Tensor x, long at, long step, int[] from, int[] to, int start, int middle, int width) {
    int end = Math.min(from.length, middle + width);
    int a = start;
    int b = middle;
    for (int i = start; i < end; i++) {
      boolean right =
          a == middle || b < end && isLarger(x, at + from[b] * step, at + from[a] * step);
      to[i] = right ? from[b++] : from[a++];
    }
  }
}
