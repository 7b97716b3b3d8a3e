package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.ScatterKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** One executable run with a symbol at its least, largest and next sizes, in changing order. */
final class SymbolCases {
  private static final Dim.Sym T = Dim.sym("T", 0, 65);

  private SymbolCases() {}

  static void addTo(CaseList list) {
    for (DType dtype : Dtypes.FLOATS) {
      symbol(list, "add", dtype, g -> g.out(g.ops.add(rows(g, dtype), rows(g, dtype))));
      symbol(list, "exp", dtype, g -> g.out(g.ops.unary(UnaryKind.EXP, rows(g, dtype))));
      symbol(
          list,
          "matmul_m",
          dtype,
          g -> g.out(g.ops.matmul(rows(g, dtype), g.in(Regime.NORMAL, dtype, 7, 33), true, dtype)));
      symbol(
          list,
          "matmul_k",
          dtype,
          g ->
              g.out(
                  g.ops.matmul(
                      g.symbolic(Regime.NORMAL, dtype, Dim.of(5), T),
                      g.symbolic(Regime.NORMAL, dtype, Dim.of(7), T),
                      true,
                      DType.F32)));
      symbol(
          list,
          "matmul_n",
          dtype,
          g ->
              g.out(
                  g.ops.matmul(
                      g.in(Regime.NORMAL, dtype, 5, 33), rows(g, dtype), true, DType.F32)));
      for (int dim : new int[] {0, 1}) {
        symbol(
            list,
            "reduce_sum_dim" + dim,
            dtype,
            g -> g.out(g.ops.reduce(ReduceKind.SUM, rows(g, dtype), dim)));
        symbol(list, "argmax_dim" + dim, dtype, g -> g.out(g.ops.argmax(rows(g, dtype), dim)));
      }
      symbol(
          list,
          "scan_sum",
          dtype,
          g -> g.out(g.ops.scan(CoreOp.ScanKind.SUM, rows(g, dtype), 0, false)));
      symbol(list, "topk", dtype, g -> g.out(g.ops.topk(rows(g, dtype), 5, 1).getFirst()));
      moves(list, dtype);
    }
    two(list);
    multiple(list);
    loops(list);
  }

  private static Value rows(GraphSpec g, DType dtype) {
    return g.symbolic(Regime.NORMAL, dtype, T, Dim.of(33));
  }

  private static void moves(CaseList list, DType dtype) {
    symbol(
        list,
        "permute_view",
        dtype,
        g ->
            g.out(
                g.ops.view(
                    g.ops.permute(
                        g.symbolic(Regime.NORMAL, dtype, T, Dim.of(3), Dim.of(5)), 1, 0, 2),
                    Shape.of(Dim.of(3), T, Dim.of(5)))));
    symbol(
        list,
        "expand",
        dtype,
        g ->
            g.out(
                g.ops.expand(g.in(Regime.NORMAL, dtype, 1, 7), Shape.of(T, Dim.of(7))),
                g.ops.iota(Shape.of(Dim.of(3), T), 1, DType.I32)));
    symbol(
        list,
        "gather",
        dtype,
        g ->
            g.out(
                g.ops.gather(
                    g.in(Regime.NORMAL, dtype, 17, 5),
                    g.symbolic(Source.between(-2, 17), DType.I32, T),
                    0)));
    symbol(
        list,
        "scatter_set",
        dtype,
        g ->
            g.out(
                g.ops.scatter(
                    ScatterKind.SET,
                    g.in(Regime.NORMAL, dtype, 70, 5),
                    g.symbolic(Source.distinctRows(70), DType.I32, T),
                    g.symbolic(Regime.NORMAL, dtype, T, Dim.of(5)),
                    0)));
    symbol(
        list,
        "concat",
        dtype,
        g -> g.out(g.ops.concat(1, rows(g, dtype), rows(g, dtype), rows(g, dtype))));
    list.graph(
        "symbol",
        dtype.text(),
        "T",
        "slice_at_symbol",
        g -> {
          Value x = g.in(Regime.NORMAL, dtype, 70, 5);
          g.out(
              g.ops.add(
                  new CoreOp.Slice(
                      List.of(T, Dim.of(1)),
                      List.of(Dim.of(5), Dim.of(3)),
                      List.of(1L, 1L),
                      List.of()),
                  x),
              g.ops.iota(Shape.of(T), 0, DType.I32));
          rounds(g);
        },
        Rule.STRUCTURE);
  }

  private static void symbol(CaseList list, String op, DType dtype, Consumer<GraphSpec> body) {
    list.graph(
        "symbol",
        dtype.text(),
        "T",
        op,
        g -> {
          body.accept(g);
          rounds(g);
        },
        Rule.STRUCTURE);
  }

  private static void rounds(GraphSpec g) {
    for (long t : new long[] {65, 0, 1, 64, 65, 33, 2}) {
      g.round(Map.of("T", t));
    }
  }

  private static void two(CaseList list) {
    Dim.Sym a = Dim.sym("A", 1, 33);
    Dim.Sym b = Dim.sym("B", 1, 65);
    list.graph(
        "symbol",
        "f32",
        "AxB",
        "two",
        g -> {
          Value x = g.symbolic(Regime.NORMAL, DType.F32, a, b);
          Value y = g.symbolic(Regime.NORMAL, DType.F32, b, a);
          g.out(
              g.ops.matmul(x, y, false, DType.F32),
              g.ops.add(g.ops.permute(x, 1, 0), y),
              g.ops.reduce(ReduceKind.MAX, x, 0));
          g.round(Map.of("A", 33L, "B", 65L)).round(Map.of("A", 1L, "B", 65L));
          g.round(Map.of("A", 33L, "B", 1L)).round(Map.of("A", 32L, "B", 64L));
          g.round(Map.of("A", 1L, "B", 1L)).round(Map.of("A", 7L, "B", 31L));
        },
        Rule.STRUCTURE);
  }

  private static void multiple(CaseList list) {
    Dim.Sym m = new Dim.Sym("M", 16, 64, 16);
    list.graph(
        "symbol",
        "f32",
        "M",
        "multiple-of-16",
        g -> {
          g.out(g.ops.unary(UnaryKind.NEG, g.symbolic(Regime.NORMAL, DType.F32, m, Dim.of(3))));
          g.round(Map.of("M", 16L)).round(Map.of("M", 64L)).round(Map.of("M", 48L));
        },
        Rule.STRUCTURE);
  }

  private static void loops(CaseList list) {
    for (DType dtype : List.of(DType.F32, DType.I32)) {
      LoopCases.symbolCount(list, dtype, T);
    }
  }
}
