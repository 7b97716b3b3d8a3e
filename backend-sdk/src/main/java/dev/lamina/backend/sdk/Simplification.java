package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.GraphBuilder;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.Op;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Drops nodes that nothing depends on and computes equal nodes once: rotary angles, token maps and
 * the like, which every layer's decomposition writes again.
 */
final class Simplification {
  private record Key(Op op, List<Value> operands) {}

  private final Graph graph;
  private final GraphBuilder out;
  private final Value[] values;
  private final Map<Key, List<Value>> known = new HashMap<>();

  private Simplification(Graph graph) {
    this.graph = graph;
    this.out = new GraphBuilder(graph.name());
    this.values = new Value[graph.numValues()];
  }

  /**
   * Simplifies a graph; inputs, outputs and their order stay.
   *
   * @param graph any graph
   * @return an equivalent graph
   */
  static Graph simplify(Graph graph) {
    Simplification s = new Simplification(graph);
    for (Graph.Input in : graph.inputs()) {
      s.values[in.value().id()] = s.out.input(in.role(), in.name(), in.value().type());
    }
    boolean[] live = s.live();
    for (Node node : graph.nodes()) {
      if (node.results().stream().anyMatch(r -> live[r.id()])) {
        s.add(node);
      }
    }
    for (Graph.Output o : graph.outputs()) {
      s.out.output(o.name(), s.values[o.value().id()], o.sharesInput());
    }
    return s.out.build();
  }

  private boolean[] live() {
    boolean[] live = new boolean[graph.numValues()];
    for (Graph.Output o : graph.outputs()) {
      live[o.value().id()] = true;
    }
    for (Node node : graph.nodes().reversed()) {
      if (node.results().stream().anyMatch(r -> live[r.id()])) {
        node.operands().forEach(v -> live[v.id()] = true);
      }
    }
    return live;
  }

  private void add(Node node) {
    List<Value> operands = new ArrayList<>();
    node.operands().forEach(v -> operands.add(values[v.id()]));
    List<Value> results;
    if (isShared(node)) {
      results =
          known.computeIfAbsent(
              new Key(node.op(), operands), k -> out.addAll(k.op(), k.operands()));
    } else {
      results = out.addAll(node.op(), operands);
    }
    for (int i = 0; i < results.size(); i++) {
      values[node.results().get(i).id()] = results.get(i);
    }
  }

  /** Loops are compared by their whole body, which is not worth it; state ops have an order. */
  private static boolean isShared(Node node) {
    return !(node.op() instanceof CoreOp.Loop)
        && node.operands().stream().noneMatch(v -> v.type() instanceof StateType);
  }
}
