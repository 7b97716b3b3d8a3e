package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A graph under test with its arguments: decomposed whole, then run by the evaluator. */
final class Composite {
  final Ops g = new Ops("test");
  private final List<List<Array>> arguments = new ArrayList<>();
  private final Map<String, Long> dims = new HashMap<>();

  /** A tensor input of constant shape. */
  Value in(Array a) {
    return in(a, Arrays.stream(a.sizes).mapToObj(Dim::of).toArray(Dim[]::new));
  }

  /** A tensor input whose symbols take the array's sizes. */
  Value in(Array a, Dim... shape) {
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] instanceof Dim.Sym s) {
        dims.put(s.name(), a.sizes[i]);
      }
    }
    return in(a, TensorType.of(a.dtype, Shape.of(shape)));
  }

  Value in(Array a, TensorType type) {
    arguments.add(List.of(a));
    return g.tensor("in" + arguments.size(), type);
  }

  Value state(StateSpec spec, Array... entries) {
    if (spec.numSlots() instanceof Dim.Sym s) {
      dims.put(s.name(), entries[0].sizes[0]);
    }
    arguments.add(List.of(entries));
    return g.state(spec);
  }

  /** Ends the graph, decomposes it and runs it. */
  List<Array> run(Value... results) {
    for (int i = 0; i < results.length; i++) {
      g.output("out" + i, results[i]);
    }
    Graph graph = g.build();
    Decomposed d = Decomposer.decompose(graph, node -> false);
    assertCore(d.graph());
    assertSameSignature(graph, d);
    return GraphEvaluator.run(d.graph(), arguments.stream().flatMap(List::stream).toList(), dims);
  }

  static void assertCore(Graph graph) {
    for (Node node : graph.nodes()) {
      assertThat(node.op()).isInstanceOf(CoreOp.class);
      if (node.op() instanceof CoreOp.Loop loop) {
        assertCore(loop.body());
      }
    }
  }

  static void assertSameSignature(Graph graph, Decomposed d) {
    for (int i = 0; i < graph.inputs().size(); i++) {
      if (!d.isDecomposedPool(graph, i)) {
        Graph.Input in = graph.inputs().get(i);
        Graph.Input now = d.graph().inputs().get(d.inputs().get(i).getFirst());
        assertThat(now.name()).isEqualTo(in.name());
        assertThat(now.role()).isEqualTo(in.role());
        assertThat(now.value().type()).isEqualTo(in.value().type());
      }
    }
    for (int i = 0; i < graph.outputs().size(); i++) {
      if (graph.outputs().get(i).value().type() instanceof TensorType t) {
        Graph.Output now = d.graph().outputs().get(d.outputs().get(i).getFirst());
        assertThat(now.name()).isEqualTo(graph.outputs().get(i).name());
        assertThat(now.value().type()).isEqualTo(t);
      }
    }
    assertThat(d.graph().dims().syms()).containsAll(graph.dims().syms());
  }

  /** Uniform in -2 to 2. */
  static double[] uniform(Random random, int n) {
    return random.doubles(n, -2, 2).toArray();
  }

  /** Within a share of the largest expected magnitude; NaN nowhere. */
  static void assertClose(Array actual, double[] expected, double share) {
    assertThat(actual.floats).hasSameSizeAs(expected);
    double largest = 1e-30;
    for (double e : expected) {
      largest = Math.max(largest, Double.isInfinite(e) ? 0 : Math.abs(e));
    }
    for (int i = 0; i < expected.length; i++) {
      double a = actual.floats[i];
      boolean close = a == expected[i] || Math.abs(a - expected[i]) <= share * largest;
      assertThat(close).as("element %d: expected %s, got %s", i, expected[i], a).isTrue();
    }
  }
}
