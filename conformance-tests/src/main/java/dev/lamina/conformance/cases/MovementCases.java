package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.List;
import java.util.stream.LongStream;

/** View, permute, expand, slice, concat and update: the right element in the right place. */
final class MovementCases {
  private MovementCases() {}

  static void addTo(CaseList list) {
    for (DType dtype : Dtypes.WIDTHS) {
      views(list, dtype);
      permutes(list, dtype);
      expands(list, dtype);
      slices(list, dtype);
      concats(list, dtype);
      updates(list, dtype);
    }
  }

  private static void views(CaseList list, DType dtype) {
    long[][][] pairs = {
      {{}, {1}},
      {{1}, {}},
      {{6}, {2, 3}},
      {{2, 3}, {6}},
      {{4, 33}, {33, 4}},
      {{0, 5}, {7, 0}},
      {{2, 3, 5, 7}, {6, 35}},
      {{1, 65, 1}, {65}}
    };
    for (long[][] p : pairs) {
      list.graph(
          "view",
          dtype.text(),
          Dtypes.shape(p[0]),
          "to=" + Dtypes.shape(p[1]),
          g -> g.out(g.ops.view(g.in(Regime.UNIFORM, dtype, p[0]), Shape.of(p[1]))),
          Rule.STRUCTURE);
    }
  }

  private static void permutes(CaseList list, DType dtype) {
    permute(list, dtype, new Integer[] {1, 0}, 33, 65);
    permute(list, dtype, new Integer[] {1, 0}, 1, 129);
    permute(list, dtype, new Integer[] {1, 0}, 0, 7);
    permute(list, dtype, new Integer[] {0, 1}, 3, 5);
    permute(list, dtype, new Integer[] {2, 0, 1}, 3, 31, 5);
    permute(list, dtype, new Integer[] {0, 2, 1, 3}, 2, 7, 3, 32);
    permute(list, dtype, new Integer[] {3, 2, 1, 0}, 2, 3, 5, 7);
  }

  private static void permute(CaseList list, DType dtype, Integer[] perm, long... sizes) {
    StringBuilder name = new StringBuilder("perm=");
    for (int p : perm) {
      name.append(p);
    }
    list.graph(
        "permute",
        dtype.text(),
        Dtypes.shape(sizes),
        name.toString(),
        g -> g.out(g.ops.permute(g.in(Regime.UNIFORM, dtype, sizes), perm)),
        Rule.STRUCTURE);
  }

  private static void expands(CaseList list, DType dtype) {
    long[][][] pairs = {
      {{1}, {33}}, {{1, 65}, {7, 65}}, {{65, 1}, {65, 7}}, {{1, 1}, {3, 5}},
      {{2, 1, 3}, {2, 31, 3}}, {{1, 5}, {0, 5}}, {{3, 5}, {3, 5}}, {{2, 1, 1, 7}, {2, 3, 5, 7}}
    };
    for (long[][] p : pairs) {
      list.graph(
          "expand",
          dtype.text(),
          Dtypes.shape(p[0]),
          "to=" + Dtypes.shape(p[1]),
          g -> g.out(g.ops.expand(g.in(Regime.UNIFORM, dtype, p[0]), Shape.of(p[1]))),
          Rule.STRUCTURE);
    }
  }

  private static void slices(CaseList list, DType dtype) {
    slice(list, dtype, new long[] {65}, new long[] {3}, new long[] {33}, new long[] {1});
    slice(list, dtype, new long[] {65}, new long[] {1}, new long[] {32}, new long[] {2});
    slice(list, dtype, new long[] {65}, new long[] {64}, new long[] {1}, new long[] {7});
    slice(list, dtype, new long[] {65}, new long[] {0}, new long[] {0}, new long[] {1});
    slice(list, dtype, new long[] {9, 33}, new long[] {2, 5}, new long[] {4, 9}, new long[] {2, 3});
    slice(
        list, dtype, new long[] {9, 33}, new long[] {0, 32}, new long[] {9, 1}, new long[] {1, 1});
    slice(
        list,
        dtype,
        new long[] {2, 3, 5, 7},
        new long[] {1, 0, 2, 0},
        new long[] {1, 2, 2, 4},
        new long[] {1, 2, 2, 2});
    for (DType index : List.of(DType.I32, DType.I64)) {
      list.graph(
          "slice",
          dtype.text(),
          "9x33",
          "dynamic," + index.text(),
          g -> {
            Value x = g.in(Regime.UNIFORM, dtype, 9, 33);
            Value at = g.in(Source.cycle(5), index);
            g.out(g.ops.sliceAt(x, 0, at, Dim.of(3)), g.ops.sliceAt(x, 1, at, Dim.of(28)));
          },
          Rule.STRUCTURE);
    }
  }

  private static void slice(
      CaseList list, DType dtype, long[] sizes, long[] start, long[] size, long[] step) {
    list.graph(
        "slice",
        dtype.text(),
        Dtypes.shape(sizes),
        "at=" + Dtypes.shape(start) + ",size=" + Dtypes.shape(size) + ",step=" + Dtypes.shape(step),
        g ->
            g.out(
                g.ops.add(
                    new CoreOp.Slice(
                        dims(start), dims(size), LongStream.of(step).boxed().toList(), List.of()),
                    g.in(Regime.UNIFORM, dtype, sizes))),
        Rule.STRUCTURE);
  }

  private static List<Dim> dims(long... values) {
    return LongStream.of(values).mapToObj(Dim::of).toList();
  }

  private static void concats(CaseList list, DType dtype) {
    concat(list, dtype, 0, new long[] {3, 7}, new long[] {1, 7}, new long[] {33, 7});
    concat(list, dtype, 1, new long[] {3, 7}, new long[] {3, 0}, new long[] {3, 65});
    concat(list, dtype, 0, new long[] {129});
    concat(list, dtype, 1, new long[] {2, 3, 5}, new long[] {2, 4, 5});
    concat(list, dtype, 0, new long[] {0}, new long[] {0});
  }

  private static void concat(CaseList list, DType dtype, int dim, long[]... parts) {
    StringBuilder shape = new StringBuilder();
    for (long[] p : parts) {
      shape.append(shape.isEmpty() ? "" : "+").append(Dtypes.shape(p));
    }
    list.graph(
        "concat",
        dtype.text(),
        shape.toString(),
        "dim=" + dim,
        g -> {
          Value[] xs = new Value[parts.length];
          for (int i = 0; i < parts.length; i++) {
            xs[i] = g.in(Regime.UNIFORM, dtype, parts[i]);
          }
          g.out(g.ops.concat(dim, xs));
        },
        Rule.STRUCTURE);
  }

  private static void updates(CaseList list, DType dtype) {
    update(list, dtype, new long[] {65}, new long[] {33}, 0);
    update(list, dtype, new long[] {65}, new long[] {7}, 58);
    update(list, dtype, new long[] {65}, new long[] {0}, 65);
    update(list, dtype, new long[] {9, 33}, new long[] {9, 33}, 0, 0);
    update(list, dtype, new long[] {9, 33}, new long[] {2, 31}, 7, 1);
    list.graph(
        "update",
        dtype.text(),
        "9x33",
        "dynamic",
        g -> {
          Value x = g.in(Regime.UNIFORM, dtype, 9, 33);
          Value upd = g.in(Regime.UNIFORM, dtype, 3, 5);
          Value row = g.in(Source.cycle(6), DType.I32);
          Value column = g.in(Source.cycle(28), DType.I64);
          g.out(g.ops.add(new CoreOp.Update(dims(0, 0), List.of(0, 1)), x, upd, row, column));
        },
        Rule.STRUCTURE);
  }

  private static void update(CaseList list, DType dtype, long[] sizes, long[] size, long... start) {
    list.graph(
        "update",
        dtype.text(),
        Dtypes.shape(sizes),
        "at=" + Dtypes.shape(start) + ",size=" + Dtypes.shape(size),
        g ->
            g.out(
                g.ops.update(
                    g.in(Regime.UNIFORM, dtype, sizes), g.in(Regime.UNIFORM, dtype, size), start)),
        Rule.STRUCTURE);
  }
}
