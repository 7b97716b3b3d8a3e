package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.GraphException;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Decomposition of one graph: copies it node by node, composites by their decomposition. */
final class GraphRewrite {
  private final Decomposer decomposer;
  private final Graph graph;
  private final Ops out;
  private final Map<Value, Value> values = new HashMap<>();
  private final Map<Value, Pool> pools = new HashMap<>();
  private final List<List<Integer>> inputs = new ArrayList<>();
  private int numInputs;

  GraphRewrite(Decomposer decomposer, Graph graph) {
    this.decomposer = decomposer;
    this.graph = graph;
    this.out = new Ops(graph.name());
  }

  Decomposed rewrite() {
    graph.inputs().forEach(this::input);
    graph.nodes().forEach(this::node);
    List<List<Integer>> outputs = new ArrayList<>();
    int numOutputs = 0;
    for (Graph.Output o : graph.outputs()) {
      List<Integer> ordinals = new ArrayList<>();
      for (int i = output(o); i > 0; i--) {
        ordinals.add(numOutputs++);
      }
      outputs.add(ordinals);
    }
    Graph simple = Simplification.simplify(out.build());
    return new Decomposed(simple, inputs, outputs, decomposer.replaced());
  }

  private void input(Graph.Input in) {
    List<Integer> ordinals = new ArrayList<>();
    if (in.value().type() instanceof StateType s && decomposer.isDecomposed(s)) {
      List<Value> entries = new ArrayList<>();
      s.spec()
          .entries()
          .forEach(e ->
              entries.add(out.tensor(Pool.tensorName(s.spec(), e), Pool.tensorType(s.spec(), e))));
      entries.forEach(e -> ordinals.add(numInputs++));
      pools.put(in.value(), new Pool(s.spec(), entries));
    } else {
      values.put(in.value(), out.input(in.role(), in.name(), in.value().type()));
      ordinals.add(numInputs++);
    }
    inputs.add(ordinals);
  }

  /** Adds the counterparts of an output; returns how many. */
  private int output(Graph.Output o) {
    Pool pool = pools.get(o.value());
    if (pool == null) {
      int shares = o.sharesInput() < 0 ? -1 : inputs.get(o.sharesInput()).getFirst();
      out.output(o.name(), value(o.value()), shares);
      return 1;
    }
    List<Integer> ordinals = inputs.get(o.sharesInput());
    Pool before = pool(graph.inputs().get(o.sharesInput()).value());
    int written = 0;
    for (int i = 0; i < ordinals.size(); i++) {
      Value last = pool.entries().get(i);
      if (!last.equals(before.entries().get(i))) {
        String name = Pool.tensorName(pool.spec(), pool.spec().entries().get(i));
        out.output(name, last, ordinals.get(i));
        written++;
      }
    }
    return written;
  }

  private void node(Node node) {
    switch (node.op()) {
      case CoreOp.Loop loop -> define(node, out.addAll(loop(loop), operands(node)));
      case CoreOp core -> define(node, out.addAll(core, operands(node)));
      case CompositeOp composite -> {
        if (decomposer.keeps(node)) {
          define(node, out.addAll(composite, operands(node)));
        } else {
          lower(composite, node);
        }
      }
    }
  }

  private CoreOp.Loop loop(CoreOp.Loop loop) {
    for (Graph.Input in : loop.body().inputs()) {
      if (in.value().type() instanceof StateType s && decomposer.isDecomposed(s)) {
        throw new GraphException(
            "loop: expected tensors only to decompose its body, got " + in.value());
      }
    }
    Graph body = new GraphRewrite(decomposer, loop.body()).rewrite().graph();
    return new CoreOp.Loop(loop.count(), loop.carried(), body);
  }

  private List<Value> operands(Node node) {
    List<Value> in = new ArrayList<>(node.operands().size());
    for (Value v : node.operands()) {
      in.add(value(v));
    }
    return in;
  }

  private Value value(Value original) {
    Value v = values.get(original);
    if (v == null) {
      throw new GraphException("decompose: expected a tensor, got " + original);
    }
    return v;
  }

  private void define(Node node, List<Value> results) {
    for (int i = 0; i < results.size(); i++) {
      values.put(node.results().get(i), results.get(i));
    }
  }

  private void lower(CompositeOp op, Node node) {
    switch (op) {
      case CompositeOp.RmsNorm o -> define(node, NormDecomposition.rms(out, o, operands(node)));
      case CompositeOp.LayerNorm o -> define(node, NormDecomposition.layer(out, o, operands(node)));
      case CompositeOp.Rope o ->
          define(node, RopeDecomposition.rope(out, o, at(node, 0), at(node, 1), at(node, 2)));
      case CompositeOp.GatedActivation o ->
          define(node, ActivationDecomposition.gated(out, o, at(node, 0), at(node, 1)));
      case CompositeOp.Linear o -> define(node, LinearDecomposition.linear(out, o, operands(node)));
      case CompositeOp.MoeRoute o -> define(node, RouteDecomposition.route(out, o, operands(node)));
      case CompositeOp.MoeLinear o ->
          define(node, ExpertDecomposition.linear(out, o, operands(node)));
      case CompositeOp.Embedding o ->
          define(node, EmbeddingDecomposition.embedding(out, o, at(node, 0), at(node, 1)));
      case CompositeOp.Penalties o ->
          define(node, LogitsDecomposition.penalties(out, operands(node)));
      case CompositeOp.ApplyBitmask o ->
          define(node, LogitsDecomposition.applyBitmask(out, at(node, 0), at(node, 1)));
      case CompositeOp.Sample o -> define(node, SampleDecomposition.sample(out, operands(node)));
      case CompositeOp.Logprobs o ->
          define(node, LogitsDecomposition.logprobs(out, o.k(), at(node, 0), at(node, 1)));
      case CompositeOp.PagedAttention o ->
          define(
              node, AttentionDecomposition.attend(out, o, pool(node, 1), at(node, 0), rest(node)));
      case CompositeOp.MlaAttention o ->
          define(
              node, AttentionDecomposition.attend(out, o, pool(node, 1), at(node, 0), rest(node)));
      case CompositeOp.CausalConv1d o -> {
        ConvolutionDecomposition.Result r =
            ConvolutionDecomposition.convolve(out, o, pool(node, 0), behindPool(node));
        define(node, r.y(), r.pool());
      }
      case CompositeOp.GatedDelta o -> {
        RecurrenceDecomposition.Result r =
            RecurrenceDecomposition.gatedDelta(out, o, pool(node, 0), behindPool(node));
        define(node, r.out(), r.pool());
      }
      case CompositeOp.SsdScan o -> {
        RecurrenceDecomposition.Result r =
            RecurrenceDecomposition.ssdScan(out, o, pool(node, 0), behindPool(node));
        define(node, r.out(), r.pool());
      }
      case CompositeOp.IndexTopk o ->
          define(
              node,
              IndexDecomposition.topk(out, o, pool(node, 2), at(node, 0), at(node, 1), rest(node)));
      case CompositeOp.StateExport o ->
          define(node, StateDecomposition.exportSlots(out, o, pool(node, 0), at(node, 1)));
      case CompositeOp.KvAppend o ->
          define(
              node,
              StateDecomposition.kvAppend(
                  out, o, pool(node, 0), at(node, 1), at(node, 2), at(node, 3)));
      case CompositeOp.StateCopy o ->
          define(node, StateDecomposition.copy(out, pool(node, 0), at(node, 1), at(node, 2)));
      case CompositeOp.StateImport o ->
          define(
              node,
              StateDecomposition.importSlots(out, o, pool(node, 0), at(node, 1), at(node, 2)));
    }
  }

  /** The operands behind the pool. */
  private List<Value> rest(Node node) {
    return node.operands().stream()
        .dropWhile(v -> !(v.type() instanceof StateType))
        .skip(1)
        .map(this::value)
        .toList();
  }

  /** The operands after a pool. */
  private List<Value> behindPool(Node node) {
    return node.operands().stream().skip(1).map(this::value).toList();
  }

  private Value at(Node node, int operand) {
    return value(node.operands().get(operand));
  }

  private Pool pool(Node node, int operand) {
    return pool(node.operands().get(operand));
  }

  private Pool pool(Value state) {
    Pool p = pools.get(state);
    if (p == null) {
      throw new AssertionError("no decomposed pool " + state);
    }
    return p;
  }

  private void define(Node node, Value result) {
    values.put(node.result(), result);
  }

  private void define(Node node, Value result, Pool successor) {
    values.put(node.results().get(0), result);
    pools.put(node.results().get(1), successor);
  }

  private void define(Node node, Pool successor) {
    pools.put(node.result(), successor);
  }
}
