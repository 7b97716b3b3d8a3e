package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Loops: no, one and many iterations; counts from constants, tensors and symbols. */
final class LoopCases {
  private LoopCases() {}

  static void addTo(CaseList list) {
    for (DType dtype : List.of(DType.F32, DType.BF16, DType.I32)) {
      for (long n : new long[] {0, 1, 2, 7}) {
        accumulate(list, dtype, "const=" + n, Dim.of(n), n);
        accumulate(list, dtype, "tensor=" + n, null, n);
        swap(list, dtype, n);
        rows(list, dtype, n);
      }
    }
    nested(list);
    nothingCarried(list);
  }

  /** One carried value, one that stays: x = x + y. */
  private static Graph addBody(DType dtype, Dim... shape) {
    Ops body = new Ops("add");
    body.tensor("i", TensorType.of(DType.I32, Shape.SCALAR));
    Value x = body.tensor("x", TensorType.of(dtype, shape));
    Value y = body.tensor("y", TensorType.of(dtype, shape));
    body.output("x", body.add(x, y));
    return body.build();
  }

  private static void accumulate(
      CaseList list, DType dtype, String name, @Nullable Dim count, long n) {
    list.graph(
        "loop",
        dtype.text(),
        "33",
        "add," + name,
        g -> {
          Graph body = addBody(dtype, Dim.of(33));
          if (count == null) {
            Value iterations = g.in(Source.cycle(n), DType.I32);
            Value x = g.in(Regime.NORMAL, dtype, 33);
            Value y = g.in(Regime.NORMAL, dtype, 33);
            g.out(g.ops.loop(null, 1, body, List.of(iterations, x, y)).getFirst());
          } else {
            Value x = g.in(Regime.NORMAL, dtype, 33);
            Value y = g.in(Regime.NORMAL, dtype, 33);
            g.out(g.ops.loop(count, 1, body, List.of(x, y)).getFirst());
          }
        },
        Rule.STRUCTURE);
  }

  static void symbolCount(CaseList list, DType dtype, Dim.Sym count) {
    list.graph(
        "loop",
        dtype.text(),
        count.name(),
        "add,symbol",
        g -> {
          Value x = g.symbolic(Regime.TIES, dtype, count, Dim.of(3));
          Value y = g.symbolic(Regime.TIES, dtype, count, Dim.of(3));
          Graph body = addBody(dtype, count, Dim.of(3));
          g.out(g.ops.loop(count, 1, body, List.of(x, y)).getFirst());
          for (long n : new long[] {5, 0, 1, count.max(), 2}) {
            g.round(Map.of(count.name(), n));
          }
        },
        Rule.STRUCTURE);
  }

  /** Two carried values change places: writing one before reading the other shows. */
  private static void swap(CaseList list, DType dtype, long n) {
    list.graph(
        "loop",
        dtype.text(),
        "65",
        "swap,const=" + n,
        g -> {
          Ops body = new Ops("swap");
          body.tensor("i", TensorType.of(DType.I32, Shape.SCALAR));
          Value a = body.tensor("a", TensorType.of(dtype, 65));
          Value b = body.tensor("b", TensorType.of(dtype, 65));
          body.output("a", b);
          body.output("b", a);
          Value x = g.in(Regime.UNIFORM, dtype, 65);
          Value y = g.in(Regime.UNIFORM, dtype, 65);
          List<Value> out = g.ops.loop(Dim.of(n), 2, body.build(), List.of(x, y));
          g.out(out.get(0), out.get(1));
        },
        Rule.STRUCTURE);
  }

  /** The index picks a row and the place it goes to. */
  private static void rows(CaseList list, DType dtype, long n) {
    list.graph(
        "loop",
        dtype.text(),
        "7x33",
        "rows,const=" + n,
        g -> {
          Ops body = new Ops("rows");
          Value i = body.tensor("i", TensorType.of(DType.I32, Shape.SCALAR));
          Value out = body.tensor("out", TensorType.of(dtype, 7, 33));
          Value x = body.tensor("x", TensorType.of(dtype, 7, 33));
          Value row = body.sliceAt(x, 0, i, Dim.of(1));
          Value twice = body.add(row, row);
          List<Dim> zero = List.of(Dim.of(0), Dim.of(0));
          body.output("out", body.add(new CoreOp.Update(zero, List.of(0)), out, twice, i));
          Value start = g.in(Regime.UNIFORM, dtype, 7, 33);
          Value x0 = g.in(Regime.TIES, dtype, 7, 33);
          g.out(g.ops.loop(Dim.of(n), 1, body.build(), List.of(start, x0)).getFirst());
        },
        Rule.STRUCTURE);
  }

  private static void nested(CaseList list) {
    list.graph(
        "loop",
        "i32",
        "5",
        "nested",
        g -> {
          Ops inner = new Ops("inner");
          Value j = inner.tensor("j", TensorType.of(DType.I32, Shape.SCALAR));
          Value s = inner.tensor("s", TensorType.of(DType.I32, 5));
          Value k = inner.tensor("i", TensorType.of(DType.I32, Shape.SCALAR));
          Value step = inner.add(inner.mul(k, k), j);
          inner.output("s", inner.add(s, inner.broadcast(step, Shape.of(5L))));
          Ops outer = new Ops("outer");
          Value i = outer.tensor("i", TensorType.of(DType.I32, Shape.SCALAR));
          Value t = outer.tensor("t", TensorType.of(DType.I32, 5));
          outer.output("t", outer.loop(null, 1, inner.build(), List.of(i, t, i)).getFirst());
          Value x = g.in(Regime.UNIFORM, DType.I32, 5);
          g.out(g.ops.loop(Dim.of(6), 1, outer.build(), List.of(x)).getFirst());
        },
        Rule.STRUCTURE);
  }

  private static void nothingCarried(CaseList list) {
    list.graph(
        "loop",
        "f32",
        "3",
        "nothing-carried",
        g -> {
          Ops body = new Ops("nothing");
          body.tensor("i", TensorType.of(DType.I32, Shape.SCALAR));
          body.tensor("x", TensorType.of(DType.F32, 3));
          Value x = g.in(Regime.NORMAL, DType.F32, 3);
          g.ops.loop(Dim.of(3), 0, body.build(), List.of(x));
          g.out(g.ops.unary(CoreOp.UnaryKind.NEG, x));
        },
        Rule.STRUCTURE);
  }
}
