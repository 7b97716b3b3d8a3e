package dev.lamina.backend.sdk;

import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;

/** The least a backend can be: a few kernels, one element at a time, F32 and integers. */
final class PlainKernels implements KernelProvider {
  private int runs;

  /** Whether sums and maxima leave their results unwritten. */
  boolean lazy;

  /** Runs begun minus runs ended, in the high half; runs ended in the low half. */
  int runs() {
    return runs;
  }

  @Override
  public void beginRun() {
    runs += 1 << 16;
  }

  @Override
  public void endRun() {
    runs += 1 - (1 << 16);
  }

  private static KernelChoice dense(String name, Kernel kernel) {
    return KernelChoice.dense(name, Support.Perf.SLOW, Support.Numerics.STRICT, node -> kernel);
  }

  @Override
  public KernelChoice choose(OpSpec spec) {
    if (HostMovement.handles(spec.op())) {
      return HostMovement.choose(spec);
    }
    if (spec.op() instanceof CompositeOp.KvAppend o) {
      return dense("append", args -> append(args, o.layer()));
    }
    if (spec.op() instanceof CompositeOp) {
      return KernelChoice.decompose("nobody wrote it");
    }
    return switch (spec.op()) {
      case CoreOp.Matmul o -> dense("matmul", PlainKernels::matmul);
      case CoreOp.Reduce o ->
          dense("reduce", lazy ? args -> {} : args -> reduceLast(args, o.kind()));
      case CoreOp.Scan o ->
          new KernelChoice("none", new Support.Never("left out"), false, n -> args -> {});
      default -> throw new AssertionError(spec);
    };
  }

  private static void append(KernelArgs args, int layer) {
    HostState pool = args.state(0);
    for (int e = 0; e < pool.spec().entries().size(); e++) {
      if (pool.spec().entries().get(e).layer() == layer) {
        Tensor x = args.in(pool.spec().entries().get(e).name().equals("k") ? 1 : 2);
        for (int t = 0; t < args.in(3).elements(); t++) {
          long slot = at(args.in(3), t);
          long row = x.elements() / x.size(0);
          for (int i = 0; slot >= 0 && i < row; i++) {
            Elements.setFloat(
                DType.F32, pool.entry(e), (slot * row + i) * 4, value(x, t * row + i));
          }
        }
      }
    }
  }

  static float value(Tensor t, long i) {
    return Elements.getFloat(t.dtype(), t.segment(), t.offset() + i * t.dtype().bytes());
  }

  private static long at(Tensor t, long i) {
    return Elements.getLong(t.dtype(), t.segment(), t.offset() + i * t.dtype().bytes());
  }

  private static void matmul(KernelArgs args) {
    Tensor a = args.in(0);
    Tensor b = args.in(1);
    Tensor out = args.out(0);
    long m = a.size(0);
    long k = a.size(1);
    long n = b.size(1);
    for (long i = 0; i < m; i++) {
      for (long j = 0; j < n; j++) {
        float sum = 0;
        for (long l = 0; l < k; l++) {
          sum += value(a, i * k + l) * value(b, l * n + j);
        }
        Elements.setFloat(DType.F32, out.segment(), out.offset() + (i * n + j) * 4, sum);
      }
    }
  }

  private static void reduceLast(KernelArgs args, CoreOp.ReduceKind kind) {
    Tensor x = args.in(0);
    Tensor out = args.out(0);
    long n = x.size(x.rank() - 1);
    for (long i = 0; i < out.elements(); i++) {
      float sum = kind == CoreOp.ReduceKind.SUM ? 0 : Float.NEGATIVE_INFINITY;
      for (long j = 0; j < n; j++) {
        float v = value(x, i * n + j);
        sum = kind == CoreOp.ReduceKind.SUM ? sum + v : Math.max(sum, v);
      }
      Elements.setFloat(DType.F32, out.segment(), out.offset() + i * 4, sum);
    }
  }

  @Override
  public Kernel elementwise(Expr expr) {
    return args -> each(expr, args);
  }

  private static void each(Expr expr, KernelArgs args) {
    Tensor out = args.out(0);
    for (long i = 0; i < out.elements(); i++) {
      long to = out.offset() + i * out.dtype().bytes();
      double v = eval(expr, args, i);
      if (out.dtype().isFloat()) {
        Elements.setFloat(out.dtype(), out.segment(), to, (float) v);
      } else {
        Elements.setLong(out.dtype(), out.segment(), to, (long) v);
      }
    }
  }

  private static double eval(Expr expr, KernelArgs args, long i) {
    return switch (expr) {
      case Expr.Input in -> element(args.in(in.index()), i);
      case Expr.Constant c ->
          c.dtype().isFloat() ? Float.intBitsToFloat((int) c.value().bits()) : c.value().bits();
      case Expr.Unary u ->
          switch (u.kind()) {
            case NEG -> -eval(u.x(), args, i);
            default -> throw new AssertionError(u);
          };
      case Expr.Binary b -> {
        double x = eval(b.a(), args, i);
        double y = eval(b.b(), args, i);
        double r =
            switch (b.kind()) {
              case ADD -> x + y;
              case SUB -> x - y;
              case MUL -> x * y;
              case MAX -> Math.max(x, y);
              default -> throw new AssertionError(b);
            };
        yield b.dtype().isFloat() ? (float) r : r;
      }
      case Expr.Compare c -> eval(c.a(), args, i) < eval(c.b(), args, i) ? 1 : 0;
      case Expr.Select s -> eval(s.p(), args, i) != 0 ? eval(s.a(), args, i) : eval(s.b(), args, i);
      case Expr.Cast c ->
          c.dtype().isFloat() ? (float) eval(c.x(), args, i) : (long) eval(c.x(), args, i);
    };
  }

  private static double element(Tensor t, long index) {
    long at = 0;
    long rest = index;
    for (int axis = t.rank() - 1; axis >= 0; axis--) {
      at += rest % t.size(axis) * t.stride(axis);
      rest /= t.size(axis);
    }
    long bytes = t.offset() + at * t.dtype().bytes();
    return t.dtype().isFloat()
        ? Elements.getFloat(t.dtype(), t.segment(), bytes)
        : Elements.getLong(t.dtype(), t.segment(), bytes);
  }
}
