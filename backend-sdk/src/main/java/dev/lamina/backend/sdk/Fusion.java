package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Gathers elementwise nodes into expressions that run as one kernel each.
 *
 * <p>A value that one elementwise node alone reads is inlined there and gets no storage; a value
 * read twice keeps its own. Fills, also through view, permute and expand, become constants. The
 * inputs of an expression may be expanded (stride 0): {@code expand} stays a node, as an alias.
 *
 * <p>An expression runs where its last node stood, so a value may be read later than in the graph:
 * lifetimes and in-place decisions belong after fusion, on the stages.
 */
public final class Fusion {
  /** Most operations in one expression; bounds the size of generated code. */
  static final int MAX_OPS = 32;

  /** Most inputs of one expression. */
  static final int MAX_INPUTS = 12;

  private record Pending(Expr expr, List<Value> inputs, int ops) {}

  private final Graph graph;
  private final int[] uses;
  private final boolean[] elementwiseUse;
  private final @Nullable Scalar[] constants;
  private final boolean[] stored;
  private final @Nullable Pending[] pending;
  private final List<Stage> stages = new ArrayList<>();

  private Fusion(Graph graph) {
    this.graph = graph;
    int n = graph.numValues();
    this.uses = new int[n];
    this.elementwiseUse = new boolean[n];
    this.constants = new Scalar[n];
    this.stored = new boolean[n];
    this.pending = new Pending[n];
  }

  /**
   * Fuses the nodes of a graph; bodies of loops are fused by whoever runs them.
   *
   * @param graph any graph
   * @return stages in an order in which every value is defined before it is read
   */
  public static List<Stage> fuse(Graph graph) {
    Fusion f = new Fusion(graph);
    f.countUses();
    f.findConstants();
    for (Node node : graph.nodes()) {
      f.visit(node);
    }
    return List.copyOf(f.stages);
  }

  /** Whether the op is computed element by element from operands of the result's shape. */
  static boolean isElementwise(Node node) {
    return node.op() instanceof CoreOp.Unary
        || node.op() instanceof CoreOp.Binary
        || node.op() instanceof CoreOp.Compare
        || node.op() instanceof CoreOp.Select
        || node.op() instanceof CoreOp.Cast;
  }

  private void countUses() {
    for (Node node : graph.nodes()) {
      for (Value v : node.operands()) {
        uses[v.id()]++;
        elementwiseUse[v.id()] = isElementwise(node);
      }
    }
    for (Graph.Output o : graph.outputs()) {
      uses[o.value().id()]++;
      elementwiseUse[o.value().id()] = false;
      stored[o.value().id()] = true;
    }
  }

  /** Marks values that are one constant throughout, then those of them that need storage. */
  private void findConstants() {
    for (Node node : graph.nodes()) {
      if (node.op() instanceof CoreOp.Fill fill) {
        constants[node.result().id()] = fill.value();
      } else if (rearranges(node)) {
        constants[node.result().id()] = constants[node.operands().getFirst().id()];
      }
    }
    for (Node node : graph.nodes().reversed()) {
      if (isElementwise(node) || isUnstoredConstant(node)) {
        continue;
      }
      for (Value v : node.operands()) {
        stored[v.id()] = true;
      }
    }
  }

  private static boolean rearranges(Node node) {
    return node.op() instanceof CoreOp.View
        || node.op() instanceof CoreOp.Permute
        || node.op() instanceof CoreOp.Expand;
  }

  private boolean isUnstoredConstant(Node node) {
    if (node.results().size() != 1) {
      return false;
    }
    int id = node.result().id();
    return constants[id] != null && !stored[id];
  }

  private void visit(Node node) {
    if (isElementwise(node)) {
      fuse(node);
    } else if (!isUnstoredConstant(node)) {
      stages.add(new Stage.Single(node));
    }
  }

  private void fuse(Node node) {
    Map<Value, Integer> inputs = new LinkedHashMap<>();
    List<Expr> operands = new ArrayList<>();
    int ops = 1;
    for (Value v : node.operands()) {
      Pending inner = pending[v.id()];
      Scalar constant = constants[v.id()];
      if (constant != null) {
        operands.add(new Expr.Constant(constant));
      } else if (inner != null && fits(node, inner, ops, inputs)) {
        operands.add(renumber(inner.expr(), inner.inputs(), inputs));
        ops += inner.ops();
      } else {
        if (inner != null) {
          emit(inner, v);
        }
        operands.add(new Expr.Input(index(inputs, v), v.dtype()));
      }
      pending[v.id()] = null;
    }
    Value result = node.result();
    Pending built = new Pending(apply(node, operands), List.copyOf(inputs.keySet()), ops);
    if (uses[result.id()] == 1 && elementwiseUse[result.id()]) {
      pending[result.id()] = built;
    } else {
      emit(built, result);
    }
  }

  private static boolean fits(Node node, Pending inner, int ops, Map<Value, Integer> inputs) {
    int after = inputs.size() + node.operands().size() - 1;
    for (Value v : inner.inputs()) {
      after += inputs.containsKey(v) ? 0 : 1;
    }
    return ops + inner.ops() <= MAX_OPS && after <= MAX_INPUTS;
  }

  private void emit(Pending p, Value result) {
    stages.add(new Stage.Fused(p.expr(), p.inputs(), result));
  }

  private static int index(Map<Value, Integer> inputs, Value v) {
    Integer known = inputs.get(v);
    if (known != null) {
      return known;
    }
    inputs.put(v, inputs.size());
    return inputs.size() - 1;
  }

  private static Expr renumber(Expr e, List<Value> from, Map<Value, Integer> to) {
    return switch (e) {
      case Expr.Input in -> new Expr.Input(index(to, from.get(in.index())), in.dtype());
      case Expr.Constant c -> c;
      case Expr.Unary u -> new Expr.Unary(u.kind(), renumber(u.x(), from, to));
      case Expr.Binary b ->
          new Expr.Binary(b.kind(), renumber(b.a(), from, to), renumber(b.b(), from, to));
      case Expr.Compare c ->
          new Expr.Compare(c.kind(), renumber(c.a(), from, to), renumber(c.b(), from, to));
      case Expr.Select s ->
          new Expr.Select(
              renumber(s.p(), from, to), renumber(s.a(), from, to), renumber(s.b(), from, to));
      case Expr.Cast c -> new Expr.Cast(renumber(c.x(), from, to), c.dtype(), c.sat());
    };
  }

  private static Expr apply(Node node, List<Expr> x) {
    if (node.op() instanceof CoreOp.Unary u) {
      return new Expr.Unary(u.kind(), x.getFirst());
    }
    if (node.op() instanceof CoreOp.Binary b) {
      return new Expr.Binary(b.kind(), x.getFirst(), x.get(1));
    }
    if (node.op() instanceof CoreOp.Compare c) {
      return new Expr.Compare(c.kind(), x.getFirst(), x.get(1));
    }
    if (node.op() instanceof CoreOp.Select) {
      return new Expr.Select(x.getFirst(), x.get(1), x.get(2));
    }
    if (node.op() instanceof CoreOp.Cast c) {
      return new Expr.Cast(x.getFirst(), c.dtype(), c.sat());
    }
    throw new AssertionError("not elementwise: " + node.op().mnemonic());
  }
}
