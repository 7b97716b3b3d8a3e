package dev.lamina.models;

import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;

/**
 * Weights of two experts that are chosen one after the other: the best is weighed among all that
 * are near it, the second among those near it without the first. Source: arXiv:2409.12136.
 */
final class SparseMixer {
  private SparseMixer() {}

  /**
   * Weighs the chosen.
   *
   * @param g the graph
   * @param logits F32 {@code [T, E]}
   * @param ids {@code [T, 2]}, the best first
   * @param jitter experts count whose logit, as a share, is at most twice this below the best
   * @return F32 {@code [T, 2]}
   */
  static Value weights(Ops g, Value logits, Value ids, double jitter) {
    Value first = g.view(g.slice(ids, 1, 0, Dim.of(1)), logits.shape().dim(0));
    Value index = g.iota(logits.shape(), 1, DType.I32);
    Value chosen = g.compare(CompareKind.EQ, index, g.broadcast(first, logits.shape(), 0));
    Value none = g.fillLike(logits, Double.NEGATIVE_INFINITY);
    Value rest = g.select(chosen, none, logits);
    return g.concat(1, share(g, logits, logits, jitter), share(g, logits, rest, jitter));
  }

  /** The best one's part of the softmax over those near it, {@code [T, 1]}. */
  private static Value share(Ops g, Value logits, Value left, double jitter) {
    Value best = g.broadcast(g.reduce(ReduceKind.MAX, left, 1), left.shape(), 0);
    Value size = g.binary(BinaryKind.MAX, g.unary(UnaryKind.ABS, logits), best);
    Value below = g.div(g.sub(best, logits), size);
    Value far = g.compare(CompareKind.LT, g.fillLike(below, 2 * jitter), below);
    Value powers = g.unary(UnaryKind.EXP, g.sub(left, best));
    Value sum = g.reduce(ReduceKind.SUM, g.select(far, g.fillLike(powers, 0), powers), 1);
    Value share = g.div(g.fillLike(sum, 1), sum);
    return g.view(share, Shape.of(logits.shape().dim(0), Dim.of(1)));
  }
}
