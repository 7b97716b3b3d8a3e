package dev.lamina.models.gemma3n;

import dev.lamina.models.Layers;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;

/**
 * Gemma 3n's streams, {@code [T, N, H]}, of which a layer computes one. Source: arXiv:2301.13310.
 */
final class Streams {
  /** Least mean square of a stream that is brought to the first one's. */
  private static final double LEAST_POWER = 1e-5;

  private final Gemma3nConfig c;
  private final Layers l;
  private final Ops g;
  private final int count;
  private final long width;

  Streams(Gemma3nConfig c, Layers l) {
    this.c = c;
    this.l = l;
    this.g = l.graph();
    this.count = c.streams();
    this.width = c.shape().hiddenSize();
  }

  /** The embeddings {@code [T, H]}, and projections of them of the same size. */
  Value begun(Value x) throws ModelException {
    Value[] all = new Value[count];
    all[0] = single(x);
    for (int i = 1; i < count; i++) {
      Value other = l.linear(x, "streams.in." + (i - 1), width, false);
      all[i] = single(resized(other, x));
    }
    return g.concat(1, all);
  }

  /** The mean of the first stream and of projections of the others of its size, {@code [R, H]}. */
  Value ended(Value all) throws ModelException {
    Value first = one(all, 0);
    Value sum = first;
    for (int i = 1; i < count; i++) {
      Value other = l.linear(one(all, i), "streams.out." + (i - 1), width, false);
      sum = l.add(sum, resized(other, first));
    }
    return l.scale(sum, 1.0 / count);
  }

  /** What a layer's input says the streams will be: each plus a mixture of all. */
  Value predicted(Value all, String module) throws ModelException {
    Value m = modalities(one(all, c.active()), module);
    Value flat = l.linear(m, module + ".predict", (long) count * count, false);
    Value coefs = g.view(flat, all.shape().dim(0), Dim.of(count), Dim.of(count));
    return g.add(g.matmul(coefs, all, false, all.dtype()), all);
  }

  /** The prediction, each stream moved by how far the active one was off. */
  Value corrected(Value predicted, Value computed, String module) throws ModelException {
    Value off = g.sub(computed, active(predicted));
    Value m = modalities(computed, module);
    Value coefs = l.linear(m, module + ".correct", count, false);
    coefs = g.add(coefs, g.fillLike(coefs, 1));
    Shape shape = predicted.shape();
    Value moves = g.mul(g.broadcast(off, shape, 0, 2), g.broadcast(coefs, shape, 0, 1));
    return g.add(moves, predicted);
  }

  /** The stream that the layer computes. */
  Value active(Value all) {
    return one(all, c.active());
  }

  /** The streams, with a branch {@code [R, H]} added to all but the first. */
  Value plusOthers(Value all, Value branch) {
    Value first = g.slice(all, 1, 0, Dim.of(1));
    if (count == 1) {
      return first;
    }
    Value others = g.slice(all, 1, 1, Dim.of(count - 1));
    return g.concat(1, first, g.add(others, g.broadcast(branch, others.shape(), 0, 2)));
  }

  /** {@code [T, N]}, what the coefficients are made of. */
  private Value modalities(Value x, String module) throws ModelException {
    Value in = l.scale(l.norm(x, module + ".routerNorm", c.norm()), 1.0 / width);
    return g.unary(UnaryKind.TANH, l.linear(in, module + ".router", count, false));
  }

  private Value one(Value all, int stream) {
    return g.view(g.slice(all, 1, stream, Dim.of(1)), all.shape().dim(0), Dim.of(width));
  }

  private Value single(Value x) {
    return g.view(x, x.shape().dim(0), Dim.of(1), Dim.of(width));
  }

  /** {@code x[R, H]} with rows as long as those of another. */
  private Value resized(Value x, Value like) {
    Value power = power(x);
    Value own =
        g.unary(UnaryKind.SQRT, g.binary(BinaryKind.MAX, power, g.fillLike(power, LEAST_POWER)));
    Value factor = g.div(g.unary(UnaryKind.SQRT, power(like)), own);
    return g.mul(x, g.broadcast(factor, x.shape(), 0));
  }

  /** The mean square of each row. */
  private Value power(Value x) {
    return l.scale(g.reduce(ReduceKind.SUM, g.mul(x, x), 1), 1.0 / width);
  }
}
