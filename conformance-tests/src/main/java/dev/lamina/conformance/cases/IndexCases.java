package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.spi.ir.CoreOp.ScatterKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Value;
import java.util.List;

/** Gather and scatter: every dtype, every axis, padding rows, duplicates where they are legal. */
final class IndexCases {
  private IndexCases() {}

  static void addTo(CaseList list) {
    for (DType dtype : DType.values()) {
      gather(list, dtype, DType.I32, 0, new long[] {33, 7}, 65);
      set(list, dtype, DType.I32, 0, new long[] {33, 7}, 20);
      if (dtype != DType.BOOL && !(dtype.isFloat() && dtype.bytes() == 1)) {
        add(list, dtype, DType.I32, 0, Regime.NORMAL, new long[] {9, 7}, 65);
      }
    }
    for (DType index : List.of(DType.I32, DType.I64)) {
      for (DType dtype : List.of(DType.F32, DType.BF16, DType.U8)) {
        for (long n : Grid.FEW) {
          gather(list, dtype, index, 1, new long[] {3, 17}, n);
        }
        gather(list, dtype, index, 0, new long[] {65}, 33);
        gather(list, dtype, index, 1, new long[] {2, 9, 5}, 3, 4);
        gather(list, dtype, index, 0, new long[] {5, 0}, 3);
        gather(list, dtype, index, 0, new long[] {9, 129});
        set(list, dtype, index, 1, new long[] {3, 65}, 33);
        set(list, dtype, index, 0, new long[] {65}, 65);
        set(list, dtype, index, 0, new long[] {65, 3}, 0);
        set(list, dtype, index, 1, new long[] {2, 33, 5}, 4, 5);
      }
    }
    for (DType dtype : Dtypes.FLOATS) {
      add(list, dtype, DType.I64, 1, Regime.OUTLIERS, new long[] {3, 17}, 129);
      add(list, dtype, DType.I32, 0, Regime.NORMAL, new long[] {1}, 257);
      add(list, dtype, DType.I32, 1, Regime.TIES, new long[] {2, 9, 5}, 3, 4);
      add(list, dtype, DType.I32, 0, Regime.NANS, new long[] {9, 5}, 7);
    }
  }

  private static String name(int dim, DType index, long[] indices) {
    return "dim=" + dim + ",idx=" + index.text() + ":" + Dtypes.shape(indices);
  }

  private static void gather(
      CaseList list, DType dtype, DType index, int dim, long[] sizes, long... indices) {
    list.graph(
        "gather",
        dtype.text(),
        Dtypes.shape(sizes),
        name(dim, index, indices),
        g -> {
          Value x = g.in(Regime.UNIFORM, dtype, sizes);
          g.out(g.ops.gather(x, g.in(Source.between(-2, sizes[dim]), index, indices), dim));
        },
        Rule.R8);
  }

  private static void set(
      CaseList list, DType dtype, DType index, int dim, long[] sizes, long... indices) {
    list.graph(
        "scatter_set",
        dtype.text(),
        Dtypes.shape(sizes),
        name(dim, index, indices),
        g -> {
          Value x = g.in(Regime.UNIFORM, dtype, sizes);
          Value idx = g.in(Source.distinctRows((int) sizes[dim]), index, indices);
          Value upd = g.in(Regime.UNIFORM, dtype, rows(sizes, dim, indices));
          g.out(g.ops.scatter(ScatterKind.SET, x, idx, upd, dim));
        },
        Rule.R8);
  }

  private static void add(
      CaseList list,
      DType dtype,
      DType index,
      int dim,
      Regime regime,
      long[] sizes,
      long... indices) {
    list.graph(
        "scatter_add",
        dtype.text(),
        Dtypes.shape(sizes),
        name(dim, index, indices) + "," + regime.text(),
        g -> {
          Value x = g.in(regime, dtype, sizes);
          Value idx = g.in(Source.between(-2, sizes[dim]), index, indices);
          Value upd = g.in(regime, dtype, rows(sizes, dim, indices));
          g.out(g.ops.scatter(ScatterKind.ADD, x, idx, upd, dim));
        },
        Rule.R8);
  }

  private static long[] rows(long[] sizes, int dim, long[] indices) {
    long[] rows = new long[sizes.length - 1 + indices.length];
    System.arraycopy(sizes, 0, rows, 0, dim);
    System.arraycopy(indices, 0, rows, dim, indices.length);
    System.arraycopy(sizes, dim + 1, rows, dim + indices.length, sizes.length - dim - 1);
    return rows;
  }
}
