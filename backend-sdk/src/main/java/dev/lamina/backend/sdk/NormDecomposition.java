package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.f32;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.plus;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.List;
import java.util.stream.IntStream;

/** Norms over the last axis, in F32 with one rounding at the end. */
final class NormDecomposition {
  private NormDecomposition() {}

  static Value rms(Ops g, CompositeOp.RmsNorm op, List<Value> in) {
    Value x = f32(g, in.getFirst());
    Value scaled = g.mul(x, perRow(g, inverseRoot(g, x, op.eps()), x.shape()));
    if (op.weighted()) {
      Value w = f32(g, in.get(1));
      scaled = g.mul(scaled, perColumn(g, op.plusOne() ? plus(g, w, 1.0) : w, x.shape()));
    }
    return g.cast(scaled, in.getFirst().dtype());
  }

  static Value layer(Ops g, CompositeOp.LayerNorm op, List<Value> in) {
    Value x = f32(g, in.getFirst());
    Value centred = g.sub(x, perRow(g, mean(g, x), x.shape()));
    Value scaled = g.mul(centred, perRow(g, inverseRoot(g, centred, op.eps()), x.shape()));
    Value out = g.mul(scaled, perColumn(g, f32(g, in.get(1)), x.shape()));
    if (op.biased()) {
      out = g.add(out, perColumn(g, f32(g, in.get(2)), x.shape()));
    }
    return g.cast(out, in.getFirst().dtype());
  }

  /** {@code 1 / sqrt(mean(x^2) + eps)} a row. */
  private static Value inverseRoot(Ops g, Value x, double eps) {
    return g.unary(UnaryKind.RSQRT, plus(g, mean(g, g.mul(x, x)), eps));
  }

  private static Value mean(Ops g, Value x) {
    int last = x.shape().rank() - 1;
    Value sum = g.sumFrom(x, last);
    Value count =
        switch (x.shape().dim(last)) {
          case Dim.Const c -> like(g, sum, (double) c.value());
          case Dim.Sym s -> {
            Value n = g.sumFrom(g.fill(Shape.of(s), Scalar.f32(1)), 0);
            yield g.broadcast(n, sum.shape());
          }
        };
    return g.div(sum, count);
  }

  private static Value perRow(Ops g, Value row, Shape shape) {
    return g.broadcast(row, shape, IntStream.range(0, shape.rank() - 1).toArray());
  }

  private static Value perColumn(Ops g, Value column, Shape shape) {
    return g.broadcast(g.cast(column, DType.F32), shape, shape.rank() - 1);
  }
}
