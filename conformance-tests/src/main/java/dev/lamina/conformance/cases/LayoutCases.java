package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

/** Every kind of op on inputs that are strided, repeated, transposed or off their alignment. */
final class LayoutCases {
  /** A layout of a matrix of 9 rows and 33 columns. */
  private enum Form {
    /** Rows with a gap after each. */
    PADDED_ROWS(40, 1),
    /** Column after column. */
    TRANSPOSED(1, 9),
    /** Every third element. */
    SPACED(99, 3),
    /** The same row again and again. */
    SAME_ROW(0, 1),
    /** The same column again and again. */
    SAME_COLUMN(1, 0),
    /** One element everywhere. */
    SAME_ELEMENT(0, 0);

    final List<Long> strides;

    Form(long row, long column) {
      strides = List.of(row, column);
    }

    String text() {
      return ElementwiseCases.name(this).replace('_', '-');
    }
  }

  /** An op of one matrix. */
  private record Probe(String op, DType dtype, BiFunction<GraphSpec, Value, Value> apply) {}

  private LayoutCases() {}

  static void addTo(CaseList list) {
    for (Probe probe : probes()) {
      for (Form form : Form.values()) {
        list.graph(
            probe.op(),
            probe.dtype().text(),
            "9x33",
            "layout=" + form.text(),
            g ->
                g.out(
                    probe
                        .apply()
                        .apply(g, g.strided(Regime.NORMAL, probe.dtype(), form.strides, 9, 33))),
            Rule.STRUCTURE);
      }
      for (int shift : new int[] {1, 3}) {
        list.graph(
            probe.op(),
            probe.dtype().text(),
            "9x33",
            "layout=shifted-by-" + shift,
            g -> {
              g.offsetElements = shift;
              g.out(probe.apply().apply(g, g.in(Regime.NORMAL, probe.dtype(), 9, 33)));
            },
            Rule.STRUCTURE);
      }
    }
    mixed(list);
  }

  private static List<Probe> probes() {
    List<Probe> probes = new ArrayList<>();
    for (DType dtype : List.of(DType.F32, DType.BF16)) {
      probes.add(new Probe("add", dtype, (g, x) -> g.ops.add(x, x)));
      probes.add(new Probe("exp", dtype, (g, x) -> g.ops.unary(CoreOp.UnaryKind.EXP, x)));
      probes.add(
          new Probe("matmul", dtype, (g, x) -> g.ops.matmul(x, matrix(g, dtype), true, dtype)));
      probes.add(
          new Probe("matmul_b", dtype, (g, x) -> g.ops.matmul(matrix(g, dtype), x, true, dtype)));
      probes.add(
          new Probe("reduce_sum", dtype, (g, x) -> g.ops.reduce(CoreOp.ReduceKind.SUM, x, 1)));
      probes.add(
          new Probe("scan_sum", dtype, (g, x) -> g.ops.scan(CoreOp.ScanKind.SUM, x, 1, false)));
      probes.add(new Probe("argmax", dtype, (g, x) -> g.ops.argmax(x, 1)));
      probes.add(new Probe("topk", dtype, (g, x) -> g.ops.topk(x, 4, 1).getFirst()));
      probes.add(
          new Probe(
              "gather",
              dtype,
              (g, x) -> g.ops.gather(x, g.in(Source.between(-1, 9), DType.I32, 17), 0)));
      probes.add(
          new Probe(
              "scatter_set",
              dtype,
              (g, x) ->
                  g.ops.scatter(
                      CoreOp.ScatterKind.SET,
                      x,
                      g.in(Source.cycle(7, -1, 2), DType.I32, 3),
                      g.in(Regime.UNIFORM, dtype, 3, 33),
                      0)));
      probes.add(
          new Probe(
              "update", dtype, (g, x) -> g.ops.update(x, g.in(Regime.TIES, dtype, 2, 5), 7, 9)));
      probes.add(
          new Probe(
              "concat", dtype, (g, x) -> g.ops.concat(0, x, g.in(Regime.TIES, dtype, 2, 33))));
    }
    for (DType dtype : List.of(DType.F32, DType.I64, DType.U8, DType.BF16)) {
      probes.add(
          new Probe("cast", dtype, (g, x) -> g.ops.add(new CoreOp.Cast(DType.I32, false), x)));
      probes.add(new Probe("permute", dtype, (g, x) -> g.ops.permute(x, 1, 0)));
      probes.add(new Probe("slice", dtype, (g, x) -> g.ops.slice(x, 1, 2, Dim.of(30))));
    }
    return probes;
  }

  private static Value matrix(GraphSpec g, DType dtype) {
    return g.in(Regime.NORMAL, dtype, 5, 33);
  }

  private static void mixed(CaseList list) {
    for (DType dtype : Dtypes.FLOATS) {
      list.graph(
          "select",
          dtype.text(),
          "9x33",
          "layout=each-other",
          g -> {
            Value p = g.strided(Regime.UNIFORM, DType.BOOL, Form.SAME_ROW.strides, 9, 33);
            Value a = g.strided(Regime.NORMAL, dtype, Form.TRANSPOSED.strides, 9, 33);
            Value b = g.strided(Regime.NORMAL, dtype, Form.SAME_COLUMN.strides, 9, 33);
            g.out(g.ops.select(p, a, b));
          },
          Rule.STRUCTURE);
      list.graph(
          "matmul",
          dtype.text(),
          "2x3x5x33x7",
          "layout=shared-heads",
          g -> {
            Value a = g.in(Regime.NORMAL, dtype, 2, 3, 5, 33);
            Value b = g.strided(Regime.NORMAL, dtype, List.of(231L, 0L, 33L, 1L), 2, 3, 7, 33);
            g.out(g.ops.matmul(a, b, true, dtype));
          },
          Rule.STRUCTURE);
    }
  }
}
