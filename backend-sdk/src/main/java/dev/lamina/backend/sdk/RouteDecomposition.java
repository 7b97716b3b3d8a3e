package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.equal;
import static dev.lamina.backend.sdk.Elementwise.f32;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.plus;
import static dev.lamina.backend.sdk.Elementwise.times;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.List;

/** Choice of experts by top-k of keys, weights by one-hot sums of scores. */
final class RouteDecomposition {
  private RouteDecomposition() {}

  static List<Value> route(Ops g, CompositeOp.MoeRoute op, List<Value> in) {
    Value logits = f32(g, in.getFirst());
    Value scores =
        switch (op.score()) {
          case SIGMOID -> g.unary(UnaryKind.SIGMOID, logits);
          case SOFTMAX -> softmax(g, logits);
        };
    Value keys = logits;
    if (op.biased()) {
      keys = g.add(scores, g.broadcast(f32(g, in.get(1)), scores.shape(), 1));
    } else if (op.groups() > 1 && op.groupScore() == CompositeOp.GroupScore.TOP2_SUM) {
      keys = scores;
    }
    keys = orLowest(g, keys);
    if (op.topkGroups() < op.groups()) {
      keys = inGroups(g, op, keys);
    }
    Value ids = g.topk(keys, op.k(), 1).get(1);
    Value weights = chosen(g, scores, ids);
    if (op.normalised()) {
      Value sum = plus(g, g.reduce(ReduceKind.SUM, weights, 1), 1e-20);
      weights = g.div(weights, g.broadcast(sum, weights.shape(), 0));
    }
    return List.of(ids, times(g, weights, op.scale()));
  }

  private static Value softmax(Ops g, Value x) {
    Value max = g.broadcast(g.reduce(ReduceKind.MAX, x, 1), x.shape(), 0);
    Value p = g.unary(UnaryKind.EXP, g.sub(x, max));
    return g.div(p, g.broadcast(g.reduce(ReduceKind.SUM, p, 1), x.shape(), 0));
  }

  /** NaN as -inf, so that a sum or a maximum of a group is none either. */
  private static Value orLowest(Ops g, Value keys) {
    return g.select(equal(g, keys, keys), keys, like(g, keys, Double.NEGATIVE_INFINITY));
  }

  /** Keys outside of the best groups become -inf. */
  private static Value inGroups(Ops g, CompositeOp.MoeRoute op, Value keys) {
    Dim t = keys.shape().dim(0);
    Dim groups = Dim.of(op.groups());
    Dim each = Dim.of(keys.shape().dim(1).upperBound() / op.groups());
    Value grouped = g.view(keys, t, groups, each);
    Value judged =
        switch (op.groupScore()) {
          case MAX -> g.reduce(ReduceKind.MAX, grouped, 2);
          case TOP2_SUM -> g.reduce(ReduceKind.SUM, g.topk(grouped, 2, 2).getFirst(), 2);
        };
    Value kept = g.topk(judged, op.topkGroups(), 1).get(1);
    Shape pairs = Shape.of(t, Dim.of(op.topkGroups()), groups);
    Value hot =
        g.compare(CompareKind.EQ, g.broadcast(kept, pairs, 0, 1), g.iota(pairs, 2, kept.dtype()));
    Value stays = g.reduce(ReduceKind.MAX, g.cast(hot, DType.I32), 1);
    Value in = equal(g, stays, like(g, stays, 1L));
    Value mask = g.broadcast(in, grouped.shape(), 0, 1);
    Value left = g.select(mask, grouped, like(g, grouped, Double.NEGATIVE_INFINITY));
    return g.view(left, keys.shape());
  }

  /** Scores of the chosen experts, {@code [T, k]}. */
  private static Value chosen(Ops g, Value scores, Value ids) {
    Dim experts = scores.shape().dim(1);
    Shape all = Shape.of(ids.shape().dim(0), ids.shape().dim(1), experts);
    Value hot = g.compare(CompareKind.EQ, g.broadcast(ids, all, 0, 1), g.iota(all, 2, ids.dtype()));
    Value each = g.broadcast(scores, all, 0, 2);
    return g.reduce(ReduceKind.SUM, g.select(hot, each, like(g, each, 0.0)), 2);
  }
}
