package dev.lamina.models;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;

/** Layers that few families have: queries sharpened by position. */
public final class SelectiveLayers {
  private SelectiveLayers() {}

  /**
   * Sharpens queries of far positions: each is multiplied by {@code strength * log(1 + floor((p +
   * offset) / span)) + 1}, p its position. Source: arXiv:2501.19399.
   *
   * @param span positions that share a factor
   * @param strength weight of the logarithm
   * @param offset what positions are counted from
   */
  public record Sharpening(double span, double strength, int offset) {}

  /**
   * Sharpens queries of far positions.
   *
   * @param l layers of the graph
   * @param q {@code [T, heads, D]}
   * @param how by which factors
   * @return {@code [T, heads, D]}
   */
  public static Value sharpened(Layers l, Value q, Sharpening how) {
    Ops graph = l.graph;
    Value p = graph.cast(graph.view(l.positions, l.slots.tokens()), DType.F32);
    Value from = how.offset() == 0 ? p : graph.add(p, graph.fillLike(p, how.offset()));
    Value spans =
        graph.unary(CoreOp.UnaryKind.FLOOR, graph.div(from, graph.fillLike(p, how.span())));
    Value log = graph.unary(CoreOp.UnaryKind.LOG, graph.add(spans, graph.fillLike(p, 1)));
    Value factor = graph.add(l.scale(log, how.strength()), graph.fillLike(p, 1));
    Value like = q.dtype() == DType.F32 ? factor : graph.cast(factor, q.dtype());
    return graph.mul(q, graph.broadcast(like, q.shape(), 0));
  }
}
