package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.WeightSpec.Use;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.List;

/** Layers that few families have: queries sharpened by position, experts that weigh their input. */
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

  /**
   * A mixture of experts that weighs what each expert reads: a router's largest scores, squashed by
   * a sigmoid, multiply the input; the experts' outputs are summed. Every expert runs over every
   * token, those not chosen over zeros: right, but the work of all experts.
   *
   * @param l layers of the graph
   * @param x {@code [T, H]}, normed
   * @param module the matrix {@code router [E, H]} and, stored {@code [in, out]}, {@code
   *     experts.gate_up_proj [E, H, 2 I]} and {@code experts.down_proj [E, I, H]} below it
   * @param spec of an expert
   * @param experts E
   * @param chosen experts a token
   * @return {@code [T, H]}
   * @throws ModelException if a weight is missing or misshapen
   */
  public static Value inputWeighedExperts(
      Layers l, Value x, String module, MlpSpec spec, int experts, int chosen)
      throws ModelException {
    Ops graph = l.graph;
    Dim t = x.shape().dim(0);
    Dim h = x.shape().dim(1);
    Dim e = Dim.of(experts);
    Dim k = Dim.of(chosen);

    // scores [T, E]: a one-hot row for each choice, times its squashed score, summed over choices.
    Value logits = l.linear(x, module + ".router", experts, false, DType.F32);
    List<Value> top = graph.topk(logits, chosen, 1);
    Shape choices = new Shape(List.of(t, k, e));
    Value squashed = graph.unary(CoreOp.UnaryKind.SIGMOID, top.get(0));
    Value weight = graph.broadcast(squashed, choices, 0, 1);
    Value hot =
        graph.compare(
            CoreOp.CompareKind.EQ,
            graph.broadcast(top.get(1), choices, 0, 1),
            graph.iota(choices, 2, top.get(1).dtype()));
    Value zero = graph.fillLike(weight, 0);
    Value scores =
        graph.view(graph.reduce(CoreOp.ReduceKind.SUM, graph.select(hot, weight, zero), 1), t, e);

    // in [E, T, H], then each expert's own network.
    Shape each = new Shape(List.of(e, t, h));
    Value byExpert = graph.permute(scores, 1, 0);
    Value like = x.dtype() == DType.F32 ? byExpert : graph.cast(byExpert, x.dtype());
    Value in = graph.mul(graph.broadcast(x, each, 1, 2), graph.broadcast(like, each, 0, 1));
    long width = spec.width();
    Value gateUp =
        l.weights.get(
            module + ".experts.gate_up_proj", Use.PLAIN, experts, h.upperBound(), 2 * width);
    Value down =
        l.weights.get(module + ".experts.down_proj", Use.PLAIN, experts, width, h.upperBound());
    Value both = graph.matmul(in, gateUp, false, l.activations);
    Value inner =
        spec.activation()
            .gated(
                graph,
                graph.slice(both, 2, 0, Dim.of(width)),
                graph.slice(both, 2, width, Dim.of(width)));
    Value out = graph.matmul(inner, down, false, l.activations);
    return graph.view(graph.reduce(CoreOp.ReduceKind.SUM, out, 0), t, h);
  }
}
