package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.CompositeOracle;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.GraphText;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The ops of models that people run, in the shapes and with the attributes they have there: each a
 * graph of one node in {@code models/ops.ir}, named after its model. Heads and vocabularies are cut
 * where an oracle in double would take long.
 */
final class ExportedCases {
  /** Tokens of a step: one alone, and an odd few. */
  private static final int[] TOKENS = {1, 5};

  /** Of a pool that is appended to: three pages. */
  private static final int SLOTS = 48;

  private ExportedCases() {}

  static void addTo(CaseList list) {
    List<Graph> graphs =
        Stream.of(TinyModel.resource("ops").split("(?m)^(?=graph )"))
            .filter(text -> !text.isBlank())
            .map(GraphText::parse)
            .toList();
    for (Graph graph : graphs) {
      Node node = graph.nodes().getFirst();
      switch ((CompositeOp) node.op()) {
        case CompositeOp.KvAppend op -> {
          for (int tokens : TOKENS) {
            append(list, graph.name(), op, node, tokens);
          }
        }
        case CompositeOp.PagedAttention op -> attention(list, graph.name(), op, node);
        case CompositeOp op -> {
          for (int tokens : TOKENS) {
            layer(list, graph, op, tokens);
          }
        }
      }
    }
  }

  private static void append(
      CaseList list, String model, CompositeOp.KvAppend op, Node node, int tokens) {
    StateSpec pool = ((StateType) node.operands().getFirst().type()).spec();
    TensorType keys = node.operands().get(1).tensor();
    TensorType values = node.operands().get(2).tensor();
    StateSpec.Entry stored = pool.entry("k", op.layer());
    list.composite(
        op.mnemonic(),
        keys.dtype().text(),
        sizes(keys, tokens),
        "model=" + model + ",pool=" + stored.dtype().text(),
        g -> {
          List<RefTensor> entries = PoolCases.content(g, pool, SLOTS);
          Value before = g.pool(pool, entries);
          RefTensor k = g.make(Regime.OUTLIERS, keys.dtype(), concrete(keys, tokens));
          RefTensor v = g.make(Regime.NORMAL, values.dtype(), concrete(values, tokens));
          RefTensor slots = g.make(Source.distinctRows(SLOTS), DType.I32, tokens);
          Value next =
              g.ops.kvAppend(
                  before,
                  op.layer(),
                  g.tensor(k, keys.shape().dims().toArray(Dim[]::new)),
                  g.tensor(v, values.shape().dims().toArray(Dim[]::new)),
                  g.tensor(slots, keys.shape().dim(0)));
          List<RefTensor> after = new ArrayList<>(entries);
          int atK = pool.entries().indexOf(stored);
          int atV = pool.entries().indexOf(pool.entry("v", op.layer()));
          after.set(atK, PoolCases.written(entries.get(atK), slots, k));
          after.set(atV, PoolCases.written(entries.get(atV), slots, v));
          g.out(pool, next, after);
        },
        Rule.R1,
        Rule.R8);
  }

  private static void attention(
      CaseList list, String model, CompositeOp.PagedAttention op, Node node) {
    TensorType q = node.operands().getFirst().tensor();
    StateSpec pool = ((StateType) node.operands().get(1).type()).spec();
    StateSpec.Entry k = pool.entry("k", op.layer());
    StateSpec.Entry v = pool.entry("v", op.layer());
    AttentionCases.Heads heads =
        new AttentionCases.Heads(
            (int) q.shape().dim(1).upperBound(),
            k.shape().get(0),
            k.shape().get(1),
            v.shape().get(1),
            pool.slotsPerPage());
    AttentionCases.add(
        list,
        "model=" + model,
        op,
        heads,
        AttentionCases.MIXED,
        q.dtype(),
        k.dtype(),
        Regime.NORMAL);
  }

  private static void layer(CaseList list, Graph graph, CompositeOp op, int tokens) {
    Node node = graph.nodes().getFirst();
    TensorType first = node.operands().getFirst().tensor();
    TensorType last = node.operands().getLast().tensor();
    list.composite(
        op.mnemonic(),
        last.dtype().text(),
        sizes(first, tokens) + "." + sizes(last, tokens),
        "model=" + graph.name() + (node.operands().size() > 2 ? ",operands=3" : ""),
        g -> {
          List<Value> operands = new ArrayList<>();
          List<RefTensor> contents = new ArrayList<>();
          for (int i = 0; i < node.operands().size(); i++) {
            TensorType type = node.operands().get(i).tensor();
            RefTensor content = g.make(source(op, type, i), type.dtype(), concrete(type, tokens));
            contents.add(content);
            operands.add(
                graph.inputs().get(i).role() == Graph.Role.WEIGHT
                    ? g.weight(content)
                    : g.tensor(content, type.shape().dims().toArray(Dim[]::new)));
          }
          Value y = g.ops.addAll(op, operands).getFirst();
          g.out(y, CompositeOracle.apply(op, contents));
        },
        Rule.R1,
        Rule.R2);
  }

  private static Source source(CompositeOp op, TensorType type, int operand) {
    if (type.dtype() == DType.I32) {
      return op instanceof CompositeOp.Rope
          ? Source.cycle(4095, 0, 1, 77, 40959)
          : Source.cycle(3, 4095, 0, -1, 77);
    }
    if (op instanceof CompositeOp.Rope && operand == 2) {
      long pairs = type.shape().dim(0).upperBound();
      return Source.reals(random -> {
        int[] i = {0};
        return () -> Math.pow(1e6, -i[0]++ / (double) pairs);
      });
    }
    return operand == 0 ? Regime.OUTLIERS : Regime.NORMAL;
  }

  private static long[] concrete(TensorType type, int tokens) {
    return type.shape().dims().stream()
        .mapToLong(d -> d instanceof Dim.Const c ? c.value() : tokens)
        .toArray();
  }

  private static String sizes(TensorType type, int tokens) {
    return Dtypes.shape(concrete(type, tokens));
  }
}
