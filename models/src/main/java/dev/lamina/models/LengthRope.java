package dev.lamina.models;

import dev.lamina.models.RopeScaling.Dynamic;
import dev.lamina.models.RopeScaling.LongRope;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;

/**
 * Rotary embeddings whose frequencies depend on how long a sequence may become. All positions of a
 * sequence have the same ones, from its first token on, so that keys which are kept stay right. In
 * core ops, since each token has frequencies of its own.
 */
final class LengthRope {
  private final Layers l;
  private final Ops g;
  private final RopeParameters rope;
  private final RopeFrequencies pretrained;

  private LengthRope(Layers l, RopeParameters rope, int pretrainedLength) {
    this.l = l;
    this.g = l.graph;
    this.rope = rope;
    this.pretrained = RopeFrequencies.of(rope, pretrainedLength);
  }

  /**
   * Turns the heads by their positions.
   *
   * @param l layers of the graph
   * @param x {@code [T, heads, D]}
   * @param rope the embedding
   * @param style which elements turn together
   * @param pretrainedLength longest sequence that turns as in pretraining
   * @return {@code [T, heads, D]}
   */
  static Value turned(
      Layers l, Value x, RopeParameters rope, RopeStyle style, int pretrainedLength) {
    return new LengthRope(l, rope, pretrainedLength).turned(x, style);
  }

  private Value turned(Value x, RopeStyle style) {
    Dim t = x.shape().dim(0);
    int count = rope.rotaryDims() / 2;
    Dim pairs = Dim.of(count);
    Shape each = Shape.of(t, pairs);
    Value position = g.cast(g.view(l.positions, t), DType.F32);
    Value angle = g.mul(g.broadcast(position, each, 0), frequencies(each));
    Shape half = Shape.of(t, x.shape().dim(1), pairs);
    Value cos = g.broadcast(scaled(g.unary(UnaryKind.COS, angle)), half, 0, 2);
    Value sin = g.broadcast(scaled(g.unary(UnaryKind.SIN, angle)), half, 0, 2);
    Value wide = g.cast(x, DType.F32);
    Value turns = g.slice(wide, 2, 0, Dim.of(2L * count));
    boolean neighbours = style == RopeStyle.INTERLEAVED;
    Value[] ab =
        neighbours ? neighbours(turns, half) : RecurrentLayers.split(g, turns, count, count);
    Value a = g.sub(g.mul(ab[0], cos), g.mul(ab[1], sin));
    Value b = g.add(g.mul(ab[1], cos), g.mul(ab[0], sin));
    List<Value> parts = new ArrayList<>(neighbours ? List.of(joined(a, b)) : List.of(a, b));
    long rest = x.shape().dim(2).upperBound() - 2L * count;
    if (rest > 0) {
      parts.add(g.slice(wide, 2, 2L * count, Dim.of(rest)));
    }
    Value all = parts.size() == 1 ? parts.getFirst() : g.concat(2, parts.toArray(Value[]::new));
    return g.cast(all, x.dtype());
  }

  private Value scaled(Value x) {
    return l.scale(x, pretrained.scale());
  }

  /** Radians a position, F32 {@code [T, D / 2]}. */
  private Value frequencies(Shape each) {
    Value limit = l.lengths.limits();
    Value plain = row("rope.freqs", pretrained.freqs(), each);
    return switch (rope.scaling()) {
      case LongRope r -> {
        Value beyond =
            g.compare(CompareKind.LT, g.fillLike(limit, r.originalMaxPositions()), limit);
        float[] far = RopeFrequencies.of(rope, Integer.MAX_VALUE).freqs();
        yield g.select(g.broadcast(beyond, each, 0), row("rope.longFreqs", far, each), plain);
      }
      case Dynamic d -> {
        // theta' = theta * stretch^(D / (D - 2)), so frequency i shrinks by stretch^(-2i / (D -
        // 2)).
        Value length = g.cast(limit, DType.F32);
        length = g.binary(BinaryKind.MAX, length, g.fillLike(length, d.maxPositions()));
        Value stretch = l.scale(length, d.factor() / d.maxPositions());
        stretch = g.sub(stretch, g.fillLike(stretch, d.factor() - 1));
        Value log = g.broadcast(g.unary(UnaryKind.LOG, stretch), each, 0);
        float[] exponents = new float[rope.rotaryDims() / 2];
        for (int i = 0; i < exponents.length; i++) {
          exponents[i] = (float) (-2.0 * i / (rope.rotaryDims() - 2));
        }
        Value shrink = g.unary(UnaryKind.EXP, g.mul(log, row("rope.exponents", exponents, each)));
        yield g.mul(plain, shrink);
      }
      default -> throw new AssertionError(rope.scaling());
    };
  }

  private Value row(String name, float[] values, Shape each) {
    return g.broadcast(RecurrentLayers.constant(l, name, values), each, 1);
  }

  private Value[] neighbours(Value x, Shape half) {
    List<Dim> dims = new ArrayList<>(half.dims());
    dims.add(Dim.of(2));
    Value pairs = g.view(x, new Shape(dims));
    return new Value[] {
      g.view(g.slice(pairs, 3, 0, Dim.of(1)), half), g.view(g.slice(pairs, 3, 1, Dim.of(1)), half)
    };
  }

  private Value joined(Value a, Value b) {
    List<Dim> dims = new ArrayList<>(a.shape().dims());
    dims.add(Dim.of(1));
    Shape column = new Shape(dims);
    Value both = g.concat(3, g.view(a, column), g.view(b, column));
    long width = 2 * a.shape().dim(2).upperBound();
    return g.view(both, a.shape().with(2, Dim.of(width)));
  }
}
