package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A step of a model in double from its first op to its last. Nothing in between is rounded but keys
 * and values, to the dtype of their pool. Its pools live as long as it does.
 */
public final class StepOracle {
  private final Graph graph;
  private final Map<String, List<RefTensor>> pools = new LinkedHashMap<>();

  /**
   * An oracle with empty pools.
   *
   * @param graph a step, of core ops, layers, appends and attention
   * @param slots of each pool
   */
  public StepOracle(Graph graph, long slots) {
    this.graph = graph;
    for (Graph.Input in : graph.inputs()) {
      if (in.value().type() instanceof StateType s) {
        List<RefTensor> entries = new ArrayList<>();
        for (StateSpec.Entry e : s.spec().entries()) {
          entries.add(
              new RefTensor.Builder(e.dtype(), slots, e.shape().get(0), e.shape().get(1)).build());
        }
        pools.put(s.spec().name(), entries);
      }
    }
  }

  /**
   * Runs a step.
   *
   * @param dimValues values of the graph's symbols, by their names
   * @param inputs tensors and decoded weights, by their names
   * @return the outputs by their names, pools left out
   */
  public Map<String, RefTensor> run(Map<String, Long> dimValues, Map<String, RefTensor> inputs) {
    DimTable dims = graph.dims();
    long[] values = dims.syms().stream().mapToLong(s -> dimValues.get(s.name())).toArray();
    GraphOracle core = new GraphOracle(dims, values);
    Map<Value, RefTensor> env = new HashMap<>();
    for (Graph.Input in : graph.inputs()) {
      if (!(in.value().type() instanceof StateType)) {
        env.put(in.value(), inputs.get(in.name()));
      }
    }
    for (Node node : graph.nodes()) {
      List<RefTensor> in =
          node.operands().stream()
              .filter(v -> !(v.type() instanceof StateType))
              .map(env::get)
              .toList();
      switch (node.op()) {
        case CoreOp op -> {
          List<RefTensor> out = core.apply(op, node, in);
          for (int i = 0; i < out.size(); i++) {
            env.put(node.results().get(i), out.get(i));
          }
        }
        case CompositeOp.KvAppend op -> append(op, pool(node.operands().getFirst()), in);
        case CompositeOp.PagedAttention op ->
            env.put(node.results().getFirst(), attend(op, node, in));
        case CompositeOp.MoeRoute op -> {
          List<RefTensor> out = ExpertOracle.route(op, in.getFirst(), in.getLast());
          env.put(node.results().get(0), out.get(0));
          env.put(node.results().get(1), out.get(1));
        }
        case CompositeOp op -> env.put(node.results().getFirst(), CompositeOracle.apply(op, in));
      }
    }
    Map<String, RefTensor> outputs = new LinkedHashMap<>();
    for (Graph.Output o : graph.outputs()) {
      RefTensor t = env.get(o.value());
      if (t != null) {
        outputs.put(o.name(), t);
      }
    }
    return outputs;
  }

  private static StateSpec pool(Value value) {
    return ((StateType) value.type()).spec();
  }

  private List<RefTensor> entries(StateSpec pool) {
    List<RefTensor> entries = pools.get(pool.name());
    if (entries == null) {
      throw new AssertionError("no pool " + pool.name());
    }
    return entries;
  }

  private RefTensor entry(StateSpec pool, String name, int layer) {
    return entries(pool).get(pool.entries().indexOf(pool.entry(name, layer)));
  }

  private void append(CompositeOp.KvAppend op, StateSpec pool, List<RefTensor> in) {
    write(pool, "k", op.layer(), in.get(0), in.get(2));
    write(pool, "v", op.layer(), in.get(1), in.get(2));
  }

  private void write(StateSpec pool, String name, int layer, RefTensor rows, RefTensor slots) {
    RefTensor before = entry(pool, name, layer);
    RefTensor.Builder after = new RefTensor.Builder(before.dtype(), before.sizes());
    for (int i = 0; i < before.count(); i++) {
      after.copy(i, before, i);
    }
    int width = before.size(1) * before.size(2);
    for (int t = 0; t < slots.count(); t++) {
      for (int i = 0; i < width && slots.integer(t) >= 0; i++) {
        after.near((int) slots.integer(t) * width + i, rows.real(t * width + i), 0);
      }
    }
    int at = pool.entries().indexOf(pool.entry(name, layer));
    entries(pool).set(at, after.build());
  }

  private RefTensor attend(CompositeOp.PagedAttention op, Node node, List<RefTensor> in) {
    StateSpec pool = pool(node.operands().get(1));
    RefTensor sinks = op.sinks() ? in.get(4) : in.getFirst();
    RefTensor alibi = op.alibi() ? in.getLast() : in.getFirst();
    return new AttentionOracle(
            op,
            pool.slotsPerPage(),
            in.get(0),
            entry(pool, "k", op.layer()),
            entry(pool, "v", op.layer()),
            in.get(1),
            in.get(2),
            in.get(3),
            sinks,
            alibi)
        .attend();
  }
}
