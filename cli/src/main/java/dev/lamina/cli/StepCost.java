package dev.lamina.cli;

import dev.lamina.models.ModelPlan;
import dev.lamina.models.WeightTable;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.TensorType;

/**
 * What a step must compute and read at least, from its graph: multiply-adds of projections and
 * attention (two operations each), bytes of projection weights once a step and of keys and values.
 */
final class StepCost {
  private double flopsPerToken;
  private double flopsPerRow;
  private double flopsPerTokenAndPosition;
  private double weightBytes;
  private double kvBytesPerPosition;

  StepCost(ModelPlan plan) {
    Graph graph = plan.graph();
    String rows = plan.slots().rows().name();
    for (Node node : graph.nodes()) {
      switch (node.op()) {
        case CompositeOp.Linear linear -> {
          TensorType w = node.operands().get(1).tensor();
          double flops = 2.0 * w.shape().elements();
          if (node.operands().getFirst().shape().dim(0) instanceof Dim.Sym s
              && s.name().equals(rows)) {
            flopsPerRow += flops;
          } else {
            flopsPerToken += flops;
          }
        }
        case CompositeOp.PagedAttention attention -> attention(attention, node);
        default -> {}
      }
    }
    for (WeightTable.Planned w : plan.weights()) {
      if (w.spec().uses().contains(WeightSpec.Use.LINEAR)) {
        weightBytes += w.byteSize();
      }
    }
  }

  private void attention(CompositeOp.PagedAttention op, Node node) {
    if (!(node.operands().get(1).type() instanceof StateType pool)) {
      throw new AssertionError(node);
    }
    StateSpec.Entry k = pool.spec().entry("k", op.layer());
    StateSpec.Entry v = pool.spec().entry("v", op.layer());
    double heads = node.operands().getFirst().shape().dim(1).upperBound();
    flopsPerTokenAndPosition += 2.0 * heads * (k.shape().get(1) + v.shape().get(1));
    kvBytesPerPosition += k.bytesPerSlot() + v.bytesPerSlot();
  }

  /** Operations of a prompt of so many tokens whose last row alone reaches the head. */
  double prefillFlops(int tokens) {
    return flopsPerToken * tokens + flopsPerRow + flopsPerTokenAndPosition * pairs(tokens);
  }

  /** Operations of so many tokens after an empty context, one a step. */
  double decodeFlops(int tokens) {
    return (flopsPerToken + flopsPerRow) * tokens + flopsPerTokenAndPosition * pairs(tokens);
  }

  /** Bytes that steps of so many sequences read, each generating so many tokens. */
  double decodeBytes(int tokens, int sequences) {
    return weightBytes * tokens + kvBytesPerPosition * pairs(tokens) * sequences;
  }

  /** Bytes that so many prefill steps read. */
  double prefillBytes(int tokens, int steps, int sequences) {
    return weightBytes * steps + kvBytesPerPosition * tokens * sequences;
  }

  private static double pairs(int tokens) {
    return tokens * (tokens + 1.0) / 2;
  }
}
