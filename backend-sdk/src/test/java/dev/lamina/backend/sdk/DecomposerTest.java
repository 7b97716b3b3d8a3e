package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.GraphException;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.List;
import org.junit.jupiter.api.Test;

class DecomposerTest {
  private static final Dim T = Dim.sym("T", 1, 32);

  private final Ops g = new Ops("test");

  private static long count(Graph graph, Class<?> op) {
    return graph.nodes().stream().filter(n -> op.isInstance(n.op())).count();
  }

  @Test
  void keptComposites_stayAndOthersGo() {
    Value x = g.tensor("x", TensorType.of(DType.F32, T, Dim.of(8)));
    Value y = g.linear(g.rmsNorm(x, null, 1e-5, false), g.weight("w", f32(4, 8)), null, DType.F32);
    g.output("y", y);
    Graph graph = g.build();
    Decomposed d = Decomposer.decompose(graph, n -> n.op() instanceof CompositeOp.Linear);
    assertThat(count(d.graph(), CompositeOp.Linear.class)).isEqualTo(1);
    assertThat(count(d.graph(), CompositeOp.RmsNorm.class)).isZero();
    assertThat(d.replaced()).containsExactly(graph.nodes().getFirst());
    Composite.assertSameSignature(graph, d);
  }

  @Test
  void bodiesOfLoops_areDecomposedToo() {
    Ops body = new Ops("body");
    body.tensor("i", TensorType.of(DType.I32, Shape.SCALAR));
    Value x = body.tensor("x", f32(2, 8));
    body.output("x", body.rmsNorm(x, null, 1e-5, false));
    Value start = g.tensor("x", f32(2, 8));
    g.output("y", g.loop(Dim.of(3), 1, body.build(), List.of(start)).getFirst());
    Decomposed d = Decomposer.decompose(g.build(), n -> false);
    Composite.assertCore(d.graph());
    assertThat(d.replaced()).hasSize(1);
  }

  @Test
  void equalWorkOfTwoLayers_isDoneOnce() {
    Value positions = g.tensor("positions", TensorType.of(DType.I32, Dim.of(1), T));
    Value freqs = g.tensor("freqs", f32(4));
    CompositeOp.Rope rope = new CompositeOp.Rope(CompositeOp.RopeStyle.NEOX, 8, 1, List.of());
    for (String name : List.of("q", "k")) {
      Value x = g.tensor(name, TensorType.of(DType.F32, T, Dim.of(2), Dim.of(8)));
      g.output(name + "2", g.rope(rope, x, positions, freqs));
    }
    Graph core = Decomposer.decompose(g.build(), n -> false).graph();
    assertThat(core.nodes().stream().filter(n -> n.op().equals(new CoreOp.Unary(UnaryKind.COS))))
        .hasSize(1);
  }

  @Test
  void unreadResults_areDropped() {
    Value x = g.tensor("x", f32(2, 8));
    g.rmsNorm(x, null, 1e-5, false);
    g.output("y", g.unary(UnaryKind.NEG, x));
    assertThat(Decomposer.decompose(g.build(), n -> false).graph().nodes()).hasSize(1);
  }

  @Test
  void sharedOutput_keepsNamingItsInputBehindAPool() {
    Value pool = g.state(new StateSpec("kv", 1, Dim.of(4), entries()));
    Value x = g.tensor("x", f32(2, 8));
    Value slots = g.tensor("slots", TensorType.of(DType.I32, 2));
    g.output("kv", g.stateCopy(pool, slots, slots));
    g.output("y", g.unary(UnaryKind.NEG, x), 1);
    Decomposed d = Decomposer.decompose(g.build(), n -> false);
    Graph.Output y = d.graph().outputs().getLast();
    assertThat(d.graph().inputs().get(y.sharesInput()).name()).isEqualTo("x");
  }

  private static List<StateSpec.Entry> entries() {
    return List.of(
        new StateSpec.Entry("k", 0, DType.F32, List.of(1, 2)),
        new StateSpec.Entry("v", 0, DType.F32, List.of(1, 2)));
  }

  @Test
  void symbolicHeadDim_isRefusedByName() {
    Dim d = Dim.sym("D", 8, 16);
    Value x = g.tensor("x", TensorType.of(DType.F32, T, Dim.of(2), d));
    Value positions = g.tensor("positions", TensorType.of(DType.I32, Dim.of(1), T));
    CompositeOp.Rope rope = new CompositeOp.Rope(CompositeOp.RopeStyle.NEOX, 8, 1, List.of());
    g.output("y", g.rope(rope, x, positions, g.tensor("freqs", f32(4))));
    Graph graph = g.build();
    assertThatThrownBy(() -> Decomposer.decompose(graph, n -> false))
        .isInstanceOf(GraphException.class)
        .hasMessage("rope: expected a constant headDim to decompose, got %0: f32[T,2,D]");
  }

  @Test
  void symbolicRowsOfAQuantisedWeight_areRefusedByName() {
    Value w = g.weight("w", TensorType.blocked(QuantFormat.Q8_0, Shape.of(T, Dim.of(32))));
    Value x = g.tensor("x", f32(1, 32));
    g.output("y", g.linear(x, w, null, DType.F32));
    Graph graph = g.build();
    assertThatThrownBy(() -> Decomposer.decompose(graph, n -> false))
        .hasMessage("linear: expected a constant number of rows to decompose, got %0: q8_0[T,32]");
  }

  private static TensorType f32(long... sizes) {
    return TensorType.of(DType.F32, sizes);
  }
}
