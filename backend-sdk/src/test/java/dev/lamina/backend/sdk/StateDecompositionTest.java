package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.List;
import org.junit.jupiter.api.Test;

/** State ops over decomposed pools, and how a pool's signature changes. */
class StateDecompositionTest {
  private static final StateSpec SPEC =
      new StateSpec(
          "kv",
          1,
          Dim.of(4),
          List.of(
              new StateSpec.Entry("k", 0, DType.BF16, List.of(1, 2)),
              new StateSpec.Entry("v", 0, DType.F32, List.of(1, 1))));

  private final Composite c = new Composite();

  private static Array k(double... values) {
    return Array.floats(DType.BF16, values, 4, 1, 2);
  }

  private static Array v(double... values) {
    return Array.f32(values, 4, 1, 1);
  }

  @Test
  void kvAppend_roundsToThePoolAndDropsPadding() {
    Value pool = c.state(SPEC, k(1, 2, 3, 4, 5, 6, 7, 8), v(1, 2, 3, 4));
    Value keys = c.in(Array.f32(new double[] {1.001, 9, 10, 11, 12, 13}, 3, 1, 2));
    Value values = c.in(Array.f32(new double[] {21, 22, 23}, 3, 1, 1));
    Value next = c.g.kvAppend(pool, 0, keys, values, c.in(Array.i32(2, -1, 0)));
    List<Array> out = c.run(next);
    assertThat(out.getFirst().floats).containsExactly(12, 13, 3, 4, 1, 9, 7, 8);
    assertThat(out.get(1).floats).containsExactly(23, 2, 21, 4);
  }

  @Test
  void stateCopy_readsAllBeforeItWritesAny() {
    Value pool = c.state(SPEC, k(1, 2, 3, 4, 5, 6, 7, 8), v(1, 2, 3, 4));
    Value src = c.in(Array.i32(0, 1, -1, 3));
    Value dst = c.in(Array.i32(1, 0, 2, -1));
    List<Array> out = c.run(c.g.stateCopy(pool, src, dst));
    assertThat(out.getFirst().floats).containsExactly(3, 4, 1, 2, 5, 6, 7, 8);
    assertThat(out.get(1).floats).containsExactly(2, 1, 3, 4);
  }

  @Test
  void export_givesRowsAndZerosBelowZero() {
    Value pool = c.state(SPEC, k(1, 2, 3, 4, 5, 6, 7, 8), v(1, 2, 3, 4));
    Value rows = c.g.stateExport(pool, "k", 0, c.in(Array.i32(3, -1)));
    assertThat(c.run(rows).getFirst().floats).containsExactly(7, 8, 0, 0);
  }

  @Test
  void import_writesRowsAndDropsBelowZero() {
    Value pool = c.state(SPEC, k(1, 2, 3, 4, 5, 6, 7, 8), v(1, 2, 3, 4));
    Value rows = c.in(Array.f32(new double[] {30, 31}, 2, 1, 1));
    List<Array> out = c.run(c.g.stateImport(pool, "v", 0, rows, c.in(Array.i32(-1, 1))));
    assertThat(out).hasSize(1);
    assertThat(out.getFirst().floats).containsExactly(1, 31, 3, 4);
  }

  @Test
  void reader_ofASuccessorSeesTheWrite() {
    Value pool = c.state(SPEC, k(1, 2, 3, 4, 5, 6, 7, 8), v(1, 2, 3, 4));
    Value slots = c.in(Array.i32(2));
    Value rows = c.in(Array.f32(new double[] {30}, 1, 1, 1));
    Value before = c.g.stateExport(pool, "v", 0, slots);
    Value next = c.g.stateImport(pool, "v", 0, rows, slots);
    Value after = c.g.stateExport(next, "v", 0, slots);
    List<Array> out = c.run(before, next, after);
    assertThat(out.getFirst().floats).containsExactly(3);
    assertThat(out.get(1).floats).containsExactly(1, 2, 30, 4);
    assertThat(out.get(2).floats).containsExactly(30);
  }

  @Test
  void pool_becomesOneTensorAnEntryAndWrittenEntriesAreReturned() {
    Graph graph = importing();
    Decomposed d = Decomposer.decompose(graph, node -> false);
    assertThat(d.inputs()).containsExactly(List.of(0), List.of(1, 2), List.of(3));
    assertThat(d.outputs()).containsExactly(List.of(0), List.of(1));
    assertThat(d.isDecomposedPool(graph, 1)).isTrue();
    assertThat(d.isDecomposedPool(graph, 0)).isFalse();
    assertThat(d.replaced()).isEqualTo(graph.nodes());
    Graph.Input entry = d.graph().inputs().get(2);
    assertThat(entry.name()).isEqualTo("kv/v.0");
    assertThat(entry.value().type()).isEqualTo(TensorType.of(DType.F32, 4, 1, 1));
    Graph.Output written = d.graph().outputs().get(1);
    assertThat(written.name()).isEqualTo("kv/v.0");
    assertThat(written.sharesInput()).isEqualTo(2);
  }

  @Test
  void pool_staysWholeWhenAllItsOpsAreNative() {
    Graph graph = importing();
    Decomposed d = Decomposer.decompose(graph, node -> true);
    assertThat(d.graph()).isEqualTo(graph);
    assertThat(d.replaced()).isEmpty();
    assertThat(d.isDecomposedPool(graph, 1)).isFalse();
  }

  @Test
  void pool_isNeverHalfNative() {
    Graph graph = importing();
    Decomposed d =
        Decomposer.decompose(graph, node -> node.op() instanceof CompositeOp.StateImport);
    assertThat(d.replaced()).hasSize(2);
    Composite.assertCore(d.graph());
  }

  private static Graph importing() {
    Ops g = new Ops("import");
    Value rows = g.tensor("rows", TensorType.of(DType.F32, 1, 1, 1));
    Value pool = g.state(SPEC);
    Value slots = g.tensor("slots", TensorType.of(DType.I32, 1));
    Value next = g.stateImport(pool, "v", 0, rows, slots);
    g.output("keys", g.stateExport(next, "k", 0, slots));
    g.output("kv", next);
    return g.build();
  }
}
