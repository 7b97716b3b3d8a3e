package dev.lamina.cli;

import dev.lamina.models.ModelPlan;
import dev.lamina.models.WeightTable;
import dev.lamina.spi.DeviceInfo.Peak;
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

  /**
   * Operations of sequences that run at once, each from its prompt to its last token.
   *
   * @param in tokens of a prompt
   * @param out tokens generated, the first of them by the prompt's own step
   */
  double mixFlops(int in, int out, int sequences) {
    double flops = prefillFlops(in);
    for (int i = 1; i < out; i++) {
      flops += flopsOfStep(in + i);
    }
    return flops * sequences;
  }

  /**
   * Bytes that they read.
   *
   * @param maxTokens of a step of prompts
   */
  double mixBytes(int in, int out, int sequences, int maxTokens) {
    double bytes = prefillBytes(in, promptSteps(in, sequences, maxTokens), sequences);
    for (int i = 1; i < out; i++) {
      bytes += bytesOfStep(in + i, sequences);
    }
    return bytes;
  }

  /**
   * Seconds that they take at least: all prompts, then a step for each token more; each of these
   * takes what its operations take or what its bytes do, whichever is longer.
   *
   * @param peak what the device reaches, of which no rate is 0
   */
  double mixSeconds(int in, int out, int sequences, int maxTokens, Peak peak) {
    int steps = promptSteps(in, sequences, maxTokens);
    double seconds =
        seconds(prefillFlops(in) * sequences, prefillBytes(in, steps, sequences), peak);
    for (int i = 1; i < out; i++) {
      seconds += seconds(flopsOfStep(in + i) * sequences, bytesOfStep(in + i, sequences), peak);
    }
    return seconds;
  }

  private static double seconds(double flops, double bytes, Peak peak) {
    return Math.max(flops / peak.flopsPerSecond(), bytes / peak.readBytesPerSecond());
  }

  private static int promptSteps(int in, int sequences, int maxTokens) {
    return Math.ceilDiv(in * sequences, maxTokens);
  }

  /** Of one token of a sequence that sees so many positions. */
  private double flopsOfStep(int positions) {
    return flopsPerToken + flopsPerRow + flopsPerTokenAndPosition * positions;
  }

  private double bytesOfStep(int positions, int sequences) {
    return weightBytes + kvBytesPerPosition * positions * sequences;
  }

  private static double pairs(int tokens) {
    return tokens * (tokens + 1.0) / 2;
  }
}
