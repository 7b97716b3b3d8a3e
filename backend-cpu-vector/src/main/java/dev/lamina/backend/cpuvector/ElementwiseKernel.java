package dev.lamina.backend.cpuvector;

import dev.lamina.backend.cpuvector.kernels.WorkerPool;
import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Scalar;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * A fused expression, block by block: each value of it has a row of lanes, floats in {@code
 * float[]}, integers and BOOL in {@code long[]}, so that one operation is one plain loop. Blocks
 * are spread over the pool.
 */
final class ElementwiseKernel implements Kernel {
  private static final int BLOCK = 1024;
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Rows of every thread, shared by all expressions of a provider. */
  static final class Scratch {
    private final WorkerPool pool;
    private final Rows[] rows;

    Scratch(WorkerPool pool) {
      this.pool = pool;
      rows = new Rows[pool.size()];
      for (int i = 0; i < rows.length; i++) {
        rows[i] = new Rows();
      }
    }
  }

  private static final class Rows {
    private float[][] floats = new float[0][];
    private long[][] longs = new long[0][];

    void fit(int values) {
      if (floats.length < values) {
        floats = new float[values][BLOCK];
        longs = new long[values][BLOCK];
      }
    }
  }

  private final Scratch scratch;
  private final List<Expr> order = new ArrayList<>();
  private final Map<Expr, Integer> rowOf = new IdentityHashMap<>();

  ElementwiseKernel(Expr expr, Scratch scratch) {
    this.scratch = scratch;
    visit(expr);
  }

  private void visit(Expr e) {
    if (rowOf.containsKey(e)) {
      return;
    }
    switch (e) {
      case Expr.Input i -> {}
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
    rowOf.put(e, order.size());
    order.add(e);
  }

  private int row(Expr e) {
    Integer row = rowOf.get(e);
    if (row == null) {
      throw new AssertionError("elementwise: not visited " + e);
    }
    return row;
  }

  @Override
  public void run(KernelArgs args) {
    long elements = args.out(0).elements();
    scratch.pool.forEach(
        Math.toIntExact((elements + BLOCK - 1) / BLOCK),
        (block, worker) -> {
          Rows rows = scratch.rows[worker];
          rows.fit(order.size());
          long start = (long) block * BLOCK;
          int n = (int) Math.min(BLOCK, elements - start);
          for (int r = 0; r < order.size(); r++) {
            evaluate(order.get(r), rows, r, args, start, n);
          }
          store(args.out(0), rows, start, n);
        });
  }

  private void store(Tensor out, Rows rows, long start, int n) {
    DType d = out.dtype();
    MemorySegment m = out.segment();
    long at = out.offset() + start * d.bytes();
    int last = order.size() - 1;
    if (d == DType.F32) {
      MemorySegment.copy(rows.floats[last], 0, m, F32, at, n);
      return;
    }
    for (int i = 0; i < n; i++) {
      if (d.isFloat()) {
        Elements.setFloat(d, m, at + (long) i * d.bytes(), rows.floats[last][i]);
      } else {
        Elements.setLong(d, m, at + (long) i * d.bytes(), rows.longs[last][i]);
      }
    }
  }

  private void evaluate(Expr e, Rows rows, int r, KernelArgs args, long start, int n) {
    float[] f = rows.floats[r];
    long[] l = rows.longs[r];
    switch (e) {
      case Expr.Input in -> load(args.in(in.index()), start, n, f, l);
      case Expr.Constant c -> fill(c.value(), n, f, l);
      case Expr.Unary u -> {
        int x = row(u.x());
        if (u.dtype().isFloat()) {
          ScalarFunctions.unary(u.kind(), rows.floats[x], f, n);
          round(u.dtype(), f, n);
        } else {
          ScalarFunctions.unary(u.kind(), u.dtype(), rows.longs[x], l, n);
        }
      }
      case Expr.Binary b -> {
        int x = row(b.a());
        int y = row(b.b());
        if (b.dtype().isFloat()) {
          ScalarFunctions.binary(b.kind(), rows.floats[x], rows.floats[y], f, n);
          round(b.dtype(), f, n);
        } else {
          ScalarFunctions.binary(b.kind(), b.dtype(), rows.longs[x], rows.longs[y], l, n);
        }
      }
      case Expr.Compare c -> compare(c, rows, l, n);
      case Expr.Select s -> select(s, rows, f, l, n);
      case Expr.Cast c -> cast(c, rows, f, l, n);
    }
  }

  private static void round(DType d, float[] f, int n) {
    if (d != DType.F32) {
      for (int i = 0; i < n; i++) {
        f[i] = Elements.round(d, f[i]);
      }
    }
  }

  private void compare(Expr.Compare c, Rows rows, long[] l, int n) {
    int x = row(c.a());
    int y = row(c.b());
    if (c.a().dtype().isFloat()) {
      ScalarFunctions.compare(c.kind(), rows.floats[x], rows.floats[y], l, n);
    } else {
      ScalarFunctions.compare(c.kind(), rows.longs[x], rows.longs[y], l, n);
    }
  }

  private void select(Expr.Select s, Rows rows, float[] f, long[] l, int n) {
    long[] p = rows.longs[row(s.p())];
    int a = row(s.a());
    int b = row(s.b());
    if (s.dtype().isFloat()) {
      for (int i = 0; i < n; i++) {
        f[i] = p[i] != 0 ? rows.floats[a][i] : rows.floats[b][i];
      }
    } else {
      for (int i = 0; i < n; i++) {
        l[i] = p[i] != 0 ? rows.longs[a][i] : rows.longs[b][i];
      }
    }
  }

  private void cast(Expr.Cast c, Rows rows, float[] f, long[] l, int n) {
    int x = row(c.x());
    DType from = c.x().dtype();
    DType to = c.dtype();
    if (from.isFloat() && to.isFloat()) {
      System.arraycopy(rows.floats[x], 0, f, 0, n);
      round(to, f, n);
    } else if (from.isFloat()) {
      ScalarFunctions.cast(rows.floats[x], to, c.sat(), l, n);
    } else if (to.isFloat()) {
      for (int i = 0; i < n; i++) {
        f[i] = (float) rows.longs[x][i];
      }
      round(to, f, n);
    } else {
      ScalarFunctions.cast(rows.longs[x], to, c.sat(), l, n);
    }
  }

  private static void fill(Scalar value, int n, float[] f, long[] l) {
    DType d = value.dtype();
    if (d.isFloat()) {
      MemorySegment bits = MemorySegment.ofArray(new long[] {value.bits()});
      java.util.Arrays.fill(f, 0, n, Elements.getFloat(d, bits, 0));
    } else {
      java.util.Arrays.fill(l, 0, n, value.bits());
    }
  }

  private static void load(Tensor in, long start, int n, float[] f, long[] l) {
    DType d = in.dtype();
    if (in.isContiguous()) {
      long at = in.offset() + start * d.bytes();
      if (d == DType.F32) {
        MemorySegment.copy(in.segment(), F32, at, f, 0, n);
      } else {
        loadLine(in, at, d.bytes(), 0, n, f, l);
      }
      return;
    }
    // Runs along the last axis, whatever its stride.
    int last = in.rank() - 1;
    long width = in.size(last);
    int done = 0;
    while (done < n) {
      long index = start + done;
      long column = index % width;
      long at = column * in.stride(last);
      long rest = index / width;
      for (int axis = last - 1; axis >= 0; axis--) {
        at += rest % in.size(axis) * in.stride(axis);
        rest /= in.size(axis);
      }
      int run = (int) Math.min(n - done, width - column);
      loadLine(in, in.offset() + at * d.bytes(), in.stride(last) * d.bytes(), done, run, f, l);
      done += run;
    }
  }

  private static void loadLine(Tensor in, long at, long step, int to, int n, float[] f, long[] l) {
    DType d = in.dtype();
    for (int i = 0; i < n; i++) {
      if (d.isFloat()) {
        f[to + i] = Elements.getFloat(d, in.segment(), at + i * step);
      } else {
        l[to + i] = Elements.getLong(d, in.segment(), at + i * step);
      }
    }
  }
}
