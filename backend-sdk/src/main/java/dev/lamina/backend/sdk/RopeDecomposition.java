package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.f32;
import static dev.lamina.backend.sdk.Elementwise.times;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.GraphException;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;

/** Rotary embedding: F32 angles, rotation in F32, one rounding; the rest of a head passes as is. */
final class RopeDecomposition {
  private RopeDecomposition() {}

  static Value rope(Ops g, CompositeOp.Rope op, Value x, Value positions, Value freqs) {
    Dim pairs = Dim.of(op.rotaryDims() / 2);
    Value angle = angles(g, op, positions, freqs);
    Shape half = x.shape().with(2, pairs);
    Value cos = g.broadcast(times(g, g.unary(UnaryKind.COS, angle), op.scale()), half, 0, 2);
    Value sin = g.broadcast(times(g, g.unary(UnaryKind.SIN, angle), op.scale()), half, 0, 2);
    boolean neox = op.style() == CompositeOp.RopeStyle.NEOX;
    int half0 = op.rotaryDims() / 2;
    Value a = f32(g, neox ? g.slice(x, 2, 0, pairs) : everySecond(g, x, 0, pairs));
    Value b = f32(g, neox ? g.slice(x, 2, half0, pairs) : everySecond(g, x, 1, pairs));
    Value turnedA = g.cast(g.sub(g.mul(a, cos), g.mul(b, sin)), x.dtype());
    Value turnedB = g.cast(g.add(g.mul(b, cos), g.mul(a, sin)), x.dtype());
    List<Value> parts = new ArrayList<>();
    if (neox) {
      parts.add(turnedA);
      parts.add(turnedB);
    } else {
      parts.add(interleave(g, turnedA, turnedB, op.rotaryDims()));
    }
    long rest = headDim(x) - op.rotaryDims();
    if (rest > 0) {
      parts.add(g.slice(x, 2, op.rotaryDims(), Dim.of(rest)));
    }
    return parts.size() == 1 ? parts.getFirst() : g.concat(2, parts.toArray(Value[]::new));
  }

  /** {@code [T, pairs]} F32: position of the pair's section times its frequency. */
  private static Value angles(Ops g, CompositeOp.Rope op, Value positions, Value freqs) {
    Shape shape = Shape.of(positions.shape().dim(1), freqs.shape().dim(0));
    List<Value> parts = new ArrayList<>();
    int row = 0;
    for (int pairs : op.sections().isEmpty() ? List.of(op.rotaryDims() / 2) : op.sections()) {
      if (pairs > 0) {
        Value p = g.view(g.slice(positions, 0, row, Dim.of(1)), shape.dim(0));
        parts.add(g.broadcast(p, shape.with(1, Dim.of(pairs)), 0));
      }
      row++;
    }
    Value at = parts.size() == 1 ? parts.getFirst() : g.concat(1, parts.toArray(Value[]::new));
    return g.mul(g.cast(at, DType.F32), g.broadcast(freqs, shape, 1));
  }

  private static Value everySecond(Ops g, Value x, long first, Dim pairs) {
    List<Dim> start = List.of(Dim.of(0), Dim.of(0), Dim.of(first));
    List<Dim> size = x.shape().with(2, pairs).dims();
    return g.add(new CoreOp.Slice(start, size, List.of(1L, 1L, 2L), List.of()), x);
  }

  private static Value interleave(Ops g, Value a, Value b, long rotaryDims) {
    List<Dim> dims = new ArrayList<>(a.shape().dims());
    dims.add(Dim.of(1));
    Shape column = new Shape(dims);
    Value both = g.concat(3, g.view(a, column), g.view(b, column));
    return g.view(both, a.shape().with(2, Dim.of(rotaryDims)));
  }

  private static long headDim(Value x) {
    if (x.shape().dim(2) instanceof Dim.Const c) {
      return c.value();
    }
    throw new GraphException("rope: expected a constant headDim to decompose, got " + x);
  }
}
