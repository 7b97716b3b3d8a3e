package dev.lamina.backend.reference;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Scalar;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * A fused expression, evaluated block by block: every value of the expression has a row of {@link
 * #BLOCK} lanes, floats in {@code float[]}, integers and BOOL in {@code long[]}.
 */
final class ElementwiseKernel implements Kernel {
  private static final int BLOCK = 256;

  private final List<Expr> order = new ArrayList<>();
  private final Map<Expr, Integer> rows = new IdentityHashMap<>();
  private final Map<Integer, Integer> rowOfInput = new HashMap<>();

  ElementwiseKernel(Expr expr) {
    visit(expr);
  }

  private void visit(Expr e) {
    if (rows.containsKey(e)) {
      return;
    }
    switch (e) {
      case Expr.Input i -> {
        // An operand may occur more than once; its offsets advance once a block.
        Integer known = rowOfInput.putIfAbsent(i.index(), order.size());
        if (known != null) {
          rows.put(e, known);
          return;
        }
      }
      case Expr.Constant c -> {}
      case Expr.Unary u -> visit(u.x());
      case Expr.Binary b -> {
        visit(b.a());
        visit(b.b());
      }
      case Expr.Compare c -> {
        visit(c.a());
        visit(c.b());
      }
      case Expr.Select s -> {
        visit(s.p());
        visit(s.a());
        visit(s.b());
      }
      case Expr.Cast c -> visit(c.x());
    }
    rows.put(e, order.size());
    order.add(e);
  }

  /** Lanes of every value of the expression. */
  private static final class Lanes {
    private final float[][] floats;
    private final long[][] integers;

    Lanes(int values) {
      floats = new float[values][BLOCK];
      integers = new long[values][BLOCK];
    }
  }

  @Override
  public void run(KernelArgs args) {
    Lanes lanes = args.scratch(() -> new Lanes(order.size()));
    Tensor out = args.out(0);
    // One cursor a row, not an input: an expression may read the same input in several places.
    Walk[] inputs = new Walk[order.size()];
    for (int row = 0; row < inputs.length; row++) {
      if (order.get(row) instanceof Expr.Input in) {
        inputs[row] = Walk.over(args.in(in.index()));
      }
    }
    Walk target = Walk.over(out);
    for (long start = 0; start < out.elements(); start += BLOCK) {
      int n = (int) Math.min(BLOCK, out.elements() - start);
      for (int row = 0; row < order.size(); row++) {
        evaluate(order.get(row), row, n, lanes, args, inputs);
      }
      store(out, target, lanes, n);
    }
  }

  private void store(Tensor out, Walk target, Lanes lanes, int n) {
    int last = order.size() - 1;
    if (!out.dtype().isFloat()) {
      for (int i = 0; i < n; i++) {
        Elements.setLong(out.dtype(), out.segment(), target.next(), lanes.integers[last][i]);
      }
      return;
    }
    int done = 0;
    while (done < n) {
      int run = target.run(n - done);
      float[] from = lanes.floats[last];
      Elements.setFloats(out.dtype(), out.segment(), target.at(), target.step(), from, done, run);
      target.skip(run);
      done += run;
    }
  }

  private void evaluate(Expr e, int row, int n, Lanes lanes, KernelArgs args, Walk[] inputs) {
    float[] f = lanes.floats[row];
    long[] l = lanes.integers[row];
    switch (e) {
      case Expr.Input in -> load(args.in(in.index()), inputs[row], n, f, l);
      case Expr.Constant c -> fill(c.value(), n, f, l);
      case Expr.Unary u -> unary(u, n, lanes, f, l);
      case Expr.Binary b -> binary(b, n, lanes, f, l);
      case Expr.Compare c -> compare(c, n, lanes, l);
      case Expr.Select s -> {
        long[] p = lanes.integers[row(s.p())];
        int a = row(s.a());
        int b = row(s.b());
        for (int i = 0; i < n; i++) {
          int from = p[i] != 0 ? a : b;
          f[i] = lanes.floats[from][i];
          l[i] = lanes.integers[from][i];
        }
      }
      case Expr.Cast c -> cast(c, n, lanes, f, l);
    }
  }

  private int row(Expr e) {
    Integer row = rows.get(e);
    if (row == null) {
      throw new AssertionError(e);
    }
    return row;
  }

  private static void load(Tensor in, Walk from, int n, float[] f, long[] l) {
    if (!in.dtype().isFloat()) {
      for (int i = 0; i < n; i++) {
        l[i] = Elements.getLong(in.dtype(), in.segment(), from.next());
      }
      return;
    }
    int done = 0;
    while (done < n) {
      int run = from.run(n - done);
      Elements.getFloats(in.dtype(), in.segment(), from.at(), from.step(), f, done, run);
      from.skip(run);
      done += run;
    }
  }

  private static void fill(Scalar value, int n, float[] f, long[] l) {
    if (value.dtype().isFloat()) {
      Arrays.fill(f, 0, n, ofBits(value.dtype(), value.bits()));
    } else {
      Arrays.fill(l, 0, n, value.bits());
    }
  }

  /** The float of a dtype's bits. */
  static float ofBits(DType dtype, long bits) {
    var bytes = java.lang.foreign.MemorySegment.ofArray(new long[] {bits});
    return Elements.getFloat(dtype, bytes, 0);
  }

  private void unary(Expr.Unary u, int n, Lanes lanes, float[] f, long[] l) {
    int x = row(u.x());
    DType d = u.dtype();
    for (int i = 0; i < n; i++) {
      if (d.isFloat()) {
        f[i] = Elements.round(d, Functions.unary(u.kind(), lanes.floats[x][i]));
      } else {
        l[i] = Functions.unary(u.kind(), d, lanes.integers[x][i]);
      }
    }
  }

  private void binary(Expr.Binary b, int n, Lanes lanes, float[] f, long[] l) {
    int x = row(b.a());
    int y = row(b.b());
    DType d = b.dtype();
    for (int i = 0; i < n; i++) {
      if (d.isFloat()) {
        float v = Functions.binary(b.kind(), lanes.floats[x][i], lanes.floats[y][i]);
        f[i] = Elements.round(d, v);
      } else {
        l[i] = Functions.binary(b.kind(), d, lanes.integers[x][i], lanes.integers[y][i]);
      }
    }
  }

  private void compare(Expr.Compare c, int n, Lanes lanes, long[] l) {
    int x = row(c.a());
    int y = row(c.b());
    boolean floats = c.a().dtype().isFloat();
    for (int i = 0; i < n; i++) {
      boolean holds =
          floats
              ? Functions.compare(c.kind(), lanes.floats[x][i], lanes.floats[y][i])
              : Functions.compare(c.kind(), lanes.integers[x][i], lanes.integers[y][i]);
      l[i] = holds ? 1 : 0;
    }
  }

  private void cast(Expr.Cast c, int n, Lanes lanes, float[] f, long[] l) {
    int x = row(c.x());
    DType from = c.x().dtype();
    DType to = c.dtype();
    for (int i = 0; i < n; i++) {
      if (from.isFloat() && to.isFloat()) {
        f[i] = Elements.round(to, lanes.floats[x][i]);
      } else if (from.isFloat()) {
        l[i] = Functions.toInteger(lanes.floats[x][i], to, c.sat());
      } else if (to.isFloat()) {
        f[i] = Elements.round(to, (float) lanes.integers[x][i]);
      } else {
        l[i] = integerCast(to, lanes.integers[x][i], c.sat());
      }
    }
  }

  private static long integerCast(DType to, long x, boolean sat) {
    if (to == DType.BOOL) {
      return x != 0 ? 1 : 0;
    }
    long wrapped = Elements.wrap(to, x);
    if (!sat || wrapped == x) {
      return wrapped;
    }
    int bits = 8 * to.bytes();
    long max = to.isSigned() ? Long.MAX_VALUE >>> 64 - bits : -1L >>> 64 - bits;
    return x < 0 ? (to.isSigned() ? -max - 1 : 0) : max;
  }
}
