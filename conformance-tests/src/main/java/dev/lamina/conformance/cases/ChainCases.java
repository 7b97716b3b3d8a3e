package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * Several ops in one graph: fusion, views of views, writes in place, storage that is used again.
 */
final class ChainCases {
  private ChainCases() {}

  static void addTo(CaseList list) {
    for (DType dtype : Dtypes.FLOATS) {
      fusion(list, dtype);
      views(list, dtype);
      liveness(list, dtype);
      writes(list, dtype);
      softmax(list, dtype);
    }
    integers(list);
    outputs(list);
  }

  /** As any caller runs it, and with debug checks, where memory between ops begins as NaN. */
  private static void chain(
      CaseList list, String name, DType dtype, BiConsumer<GraphSpec, DType> body) {
    list.graph("chain", dtype.text(), "-", name, g -> body.accept(g, dtype), Rule.R1);
    list.graph(
        "chain",
        dtype.text(),
        "-",
        "debug," + name,
        g -> {
          g.options = DebugCases.DEBUG;
          body.accept(g, dtype);
        },
        Rule.R1);
  }

  private static void fusion(CaseList list, DType dtype) {
    chain(
        list,
        "mul-add-rounds-twice",
        dtype,
        (g, d) -> {
          Value a = g.in(Regime.NORMAL, d, 1057);
          Value b = g.in(Regime.NORMAL, d, 1057);
          Value c = g.in(Regime.NORMAL, d, 1057);
          g.out(g.ops.add(g.ops.mul(a, b), c), g.ops.sub(g.ops.mul(a, b), c));
        });
    chain(
        list,
        "long-elementwise",
        dtype,
        (g, d) -> {
          Value x = g.in(Regime.UNIFORM, d, 17, 61);
          Value y = x;
          for (int i = 0; i < 12; i++) {
            y = i % 3 == 2 ? g.ops.mul(y, x) : i % 3 == 1 ? g.ops.sub(y, x) : g.ops.add(y, x);
          }
          g.out(y);
        });
    chain(
        list,
        "cast-between",
        dtype,
        (g, d) -> {
          Value x = g.in(Regime.NORMAL, d, 513);
          Value wide = g.ops.cast(x, DType.F32);
          Value third = g.ops.mul(wide, g.ops.fill(Shape.of(513), Scalar.f32(1.0 / 3)));
          Value narrow = g.ops.cast(third, d);
          g.out(g.ops.add(narrow, x), third);
        });
    chain(
        list,
        "compare-select",
        dtype,
        (g, d) -> {
          Value x = g.in(Regime.NANS, d, 5, 129);
          Value zero = g.ops.cast(g.ops.fill(Shape.of(5, 129), Scalar.f32(0)), d);
          Value p = g.ops.compare(CompareKind.LT, x, zero);
          g.out(g.ops.select(p, g.ops.unary(UnaryKind.NEG, x), zero), p);
        });
    chain(
        list,
        "broadcast-row-and-column",
        dtype,
        (g, d) -> {
          Shape shape = Shape.of(9, 33);
          Value row = g.ops.broadcast(g.in(Regime.NORMAL, d, 33), shape, 1);
          Value column = g.ops.broadcast(g.in(Regime.NORMAL, d, 9), shape, 0);
          g.out(g.ops.mul(row, column), g.ops.add(column, row));
        });
    chain(
        list,
        "iota-mask",
        dtype,
        (g, d) -> {
          Shape shape = Shape.of(9, 33);
          Value i = g.ops.iota(shape, 0, DType.I32);
          Value j = g.ops.iota(shape, 1, DType.I32);
          Value p = g.ops.compare(CompareKind.LE, j, i);
          Value low = g.ops.cast(g.ops.fill(shape, Scalar.f32(Double.NEGATIVE_INFINITY)), d);
          g.out(g.ops.select(p, g.in(Regime.NORMAL, d, 9, 33), low));
        });
  }

  private static void views(CaseList list, DType dtype) {
    chain(
        list,
        "view-of-permute",
        dtype,
        (g, d) -> {
          Value x = g.in(Regime.UNIFORM, d, 3, 5, 33);
          g.out(g.ops.view(g.ops.permute(x, 1, 0, 2), Shape.of(5, 99)));
        });
    chain(
        list,
        "view-of-expand",
        dtype,
        (g, d) -> {
          Value x = g.ops.expand(g.in(Regime.UNIFORM, d, 3, 1, 33), Shape.of(3, 4, 33));
          g.out(g.ops.view(x, Shape.of(12, 33)), g.ops.add(x, x));
        });
    chain(
        list,
        "view-of-slice-of-permute",
        dtype,
        (g, d) -> {
          Value x = g.ops.permute(g.in(Regime.UNIFORM, d, 33, 9), 1, 0);
          Value s = g.ops.slice(x, 1, 5, Dim.of(20));
          g.out(g.ops.view(s, Shape.of(180)), g.ops.reduce(ReduceKind.MAX, s, 0));
        });
    chain(
        list,
        "matmul-of-permuted-heads",
        dtype,
        (g, d) -> {
          Value q = g.ops.permute(g.in(Regime.NORMAL, d, 7, 2, 33), 1, 0, 2);
          Value k = g.ops.permute(g.in(Regime.NORMAL, d, 9, 2, 33), 1, 0, 2);
          Value scores = g.ops.matmul(q, k, true, DType.F32);
          g.out(g.ops.view(g.ops.permute(scores, 1, 0, 2), Shape.of(7, 18)));
        });
    chain(
        list,
        "bitcast-of-slice",
        dtype,
        (g, d) -> {
          Value bytes = g.ops.bitcast(g.in(Regime.UNIFORM, d, 9, 7), DType.U8);
          Value back = g.ops.bitcast(g.ops.slice(bytes, 1, 2, Dim.of(4)), d);
          g.out(back);
        });
  }

  private static void liveness(CaseList list, DType dtype) {
    chain(
        list,
        "early-value-read-late",
        dtype,
        (g, d) -> {
          Value x = g.in(Regime.UNIFORM, d, 33, 33);
          Value early = g.ops.unary(UnaryKind.NEG, x);
          Value y = early;
          for (int i = 0; i < 5; i++) {
            y = g.ops.permute(y, 1, 0);
            y = g.ops.reduce(ReduceKind.MAX, g.ops.view(y, Shape.of(1, 33, 33)), 0);
          }
          g.out(g.ops.add(y, early));
        });
    chain(
        list,
        "unused-result",
        dtype,
        (g, d) -> {
          Value x = g.in(Regime.UNIFORM, d, 65);
          g.ops.unary(UnaryKind.ABS, x);
          g.ops.topk(x, 3, 0);
          g.out(g.ops.unary(UnaryKind.NEG, x));
        });
    chain(
        list,
        "same-value-twice",
        dtype,
        (g, d) -> {
          Value x = g.in(Regime.UNIFORM, d, 65);
          Value y = g.ops.add(x, x);
          g.out(y, y);
        });
  }

  private static void writes(CaseList list, DType dtype) {
    chain(
        list,
        "scatter-keeps-its-source",
        dtype,
        (g, d) -> {
          Value x = g.in(Regime.UNIFORM, d, 17, 5);
          Value copy = g.ops.unary(UnaryKind.NEG, x);
          Value idx = g.in(Source.cycle(3, -1, 16, 0), DType.I32, 4);
          Value upd = g.in(Regime.UNIFORM, d, 4, 5);
          Value set = g.ops.scatter(CoreOp.ScatterKind.SET, copy, idx, upd, 0);
          g.out(set, copy);
        });
    chain(
        list,
        "updates-in-a-row",
        dtype,
        (g, d) -> {
          Value x = g.ops.unary(UnaryKind.ABS, g.in(Regime.UNIFORM, d, 9, 33));
          for (int i = 0; i < 4; i++) {
            x = g.ops.update(x, g.in(Regime.UNIFORM, d, 1, 33), 2 * i, 0);
          }
          g.out(x);
        });
    chain(
        list,
        "update-reads-what-it-overwrites",
        dtype,
        (g, d) -> {
          Value x = g.ops.unary(UnaryKind.NEG, g.in(Regime.UNIFORM, d, 65));
          Value part = g.ops.slice(x, 0, 3, Dim.of(30));
          g.out(g.ops.update(x, part, 10), part);
        });
  }

  private static void softmax(CaseList list, DType dtype) {
    for (Regime regime : List.of(Regime.NORMAL, Regime.LARGE, Regime.NEGATIVE)) {
      chain(
          list,
          "softmax," + regime.text(),
          dtype,
          (g, d) -> {
            Shape shape = Shape.of(7, 65);
            Value x = g.ops.cast(g.in(regime, d, 7, 65), DType.F32);
            Value max = g.ops.broadcast(g.ops.reduce(ReduceKind.MAX, x, 1), shape, 0);
            Value e = g.ops.unary(UnaryKind.EXP, g.ops.sub(x, max));
            Value sum = g.ops.broadcast(g.ops.reduce(ReduceKind.SUM, e, 1), shape, 0);
            g.out(g.ops.cast(g.ops.div(e, sum), d));
          });
    }
  }

  private static void integers(CaseList list) {
    for (DType dtype : Dtypes.INTEGERS) {
      chain(
          list,
          "hash",
          dtype,
          (g, d) -> {
            Value x = g.in(Regime.UNIFORM, d, 257);
            Value three = g.ops.fill(Shape.of(257), Scalar.integer(d, 3));
            for (int i = 0; i < 6; i++) {
              x = g.ops.binary(BinaryKind.XOR, x, g.ops.binary(BinaryKind.SHR, x, three));
              x = g.ops.mul(x, g.ops.fill(Shape.of(257), Scalar.integer(d, 0x6D2B79F5L)));
            }
            g.out(x);
          });
    }
  }

  private static void outputs(CaseList list) {
    chain(
        list,
        "input-is-output",
        DType.F32,
        (g, d) -> {
          Value x = g.in(Regime.NANS, d, 33);
          g.out(x, g.ops.permute(g.ops.view(x, Shape.of(3, 11)), 1, 0));
        });
    for (DType dtype : List.of(DType.F32, DType.BF16, DType.I32)) {
      for (boolean apart : new boolean[] {false, true}) {
        String suffix = apart ? "-bound-apart" : "";
        list.graph(
            "sharing",
            dtype.text(),
            "17x5",
            "scatter" + suffix,
            g -> {
              Value x = g.in(Regime.UNIFORM, dtype, 17, 5);
              Value idx = g.in(Source.cycle(3, -1, 16, 0), DType.I32, 4);
              Value upd = g.in(Regime.UNIFORM, dtype, 4, 5);
              g.apart = apart;
              g.ops.output("out0", g.ops.scatter(CoreOp.ScatterKind.SET, x, idx, upd, 0), 0);
            },
            Rule.STRUCTURE);
        list.graph(
            "sharing",
            dtype.text(),
            "9x9",
            "transpose" + suffix,
            g -> {
              Value x = g.in(Regime.UNIFORM, dtype, 9, 9);
              g.apart = apart;
              g.ops.output("out0", g.ops.add(g.ops.permute(x, 1, 0), x), 0);
            },
            Rule.STRUCTURE);
      }
    }
  }
}
