package dev.lamina.backend.sdk;

import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * Walks a decomposed graph and lists tensors and steps; views become aliases, operands that a
 * kernel wants contiguous get copies.
 *
 * <p>Where everything lies is decided by {@link PlanMemory} afterwards.
 */
final class PlanBuilder {
  /** Largest index ramp kept as a constant; a longer one is written by each run. */
  static final long MAX_RAMP = 1 << 20;

  private final Graph graph;
  private final DimTable table;
  private final KernelProvider provider;
  private final Movement movement;
  private final Constants constants;
  private final boolean body;
  private final PlanTensors tensors;
  private final List<Storage> inputs = new ArrayList<>();
  private final int[] tensorOf;
  private final int[] stateOf;

  /**
   * Starts a plan.
   *
   * @param graph without composites that have no kernel
   * @param table symbols of the executable
   * @param provider kernels
   * @param constants where the executable's constants are gathered
   * @param body whether this is a loop's body, whose output k replaces its input k + 1
   */
  PlanBuilder(
      Graph graph, DimTable table, KernelProvider provider, Constants constants, boolean body) {
    this.graph = graph;
    this.table = table;
    this.provider = provider;
    this.movement = provider.movement();
    this.constants = constants;
    this.body = body;
    this.tensors = new PlanTensors(table, constants, this::copy);
    this.tensorOf = new int[graph.numValues()];
    this.stateOf = new int[graph.numValues()];
    Arrays.fill(tensorOf, -1);
    Arrays.fill(stateOf, -1);
  }

  /** Makes the plan. */
  Plan build() {
    for (int i = 0; i < graph.inputs().size(); i++) {
      input(i, graph.inputs().get(i).value());
    }
    Stages stages = Stages.of(graph);
    int next = 0;
    for (StageGroup group : body ? List.<StageGroup>of() : provider.groups(stages)) {
      stages(stages.list().subList(next, group.from()));
      group(group, stages.list().subList(group.from(), group.to()));
      next = group.to();
    }
    stages(stages.list().subList(next, stages.list().size()));
    return new PlanMemory(graph, tensors.all(), tensors.steps(), inputs, tensorOf, body, this::copy)
        .plan();
  }

  private void stages(List<Stage> stages) {
    for (Stage stage : stages) {
      switch (stage) {
        case Stage.Fused f -> fused(f);
        case Stage.Single s -> single(s.node());
      }
    }
  }

  /** Makes one step of those of a group, unless copies of operands had to come between them. */
  private void group(StageGroup group, List<Stage> members) {
    List<Step> steps = tensors.steps();
    int first = steps.size();
    stages(members);
    List<Step> own = steps.subList(first, steps.size());
    if (own.size() == members.stream().filter(PlanBuilder::isKernel).count()) {
      Step all = Step.group(group.kernel(), own);
      own.clear();
      steps.add(all);
    }
  }

  private static boolean isKernel(Stage stage) {
    return switch (stage) {
      case Stage.Fused f -> true;
      case Stage.Single s -> SdkOps.of(s.node().op()) == null;
    };
  }

  private void copy(KernelArgs args) {
    movement.copy(args.in(0), args.out(0));
  }

  private void input(int ordinal, Value value) {
    switch (value.type()) {
      case StateType s -> {
        stateOf[value.id()] = ordinal;
        inputs.add(new Storage(Storage.Kind.INPUT, ordinal, 0, tensors.sizes(Shape.SCALAR)));
      }
      case TensorType t -> {
        Sizes sizes = tensors.sizes(t.shape());
        Storage storage = new Storage(Storage.Kind.INPUT, ordinal, t.dtype().bytes(), sizes);
        inputs.add(storage);
        tensorOf[value.id()] = tensors.input(t, storage);
      }
    }
  }

  private int define(Value v) {
    int t = tensors.root(v.dtype(), tensors.sizes(v.shape()));
    tensorOf[v.id()] = t;
    return t;
  }

  private void fused(Stage.Fused f) {
    int[] operands = f.inputs().stream().mapToInt(v -> tensorOf[v.id()]).toArray();
    int result = define(f.result());
    tensors
        .steps()
        .add(Step.launch("elementwise", provider.elementwise(f.expr()), operands, result));
  }

  private void single(Node node) {
    switch (node.op()) {
      case CoreOp.Iota o -> iota(node, o);
      case CoreOp.Fill o -> alias(node, tensors.splat(o));
      case CoreOp.View o -> alias(node, tensors.view(operand(node, 0), sizes(node)));
      case CoreOp.Permute o ->
          alias(node, tensors.permute(operand(node, 0), o.perm(), sizes(node)));
      case CoreOp.Expand o -> {
        boolean same = o.shape().equals(node.operands().getFirst().shape());
        alias(node, tensors.expand(operand(node, 0), sizes(node), same));
      }
      case CoreOp.Bitcast o ->
          alias(node, tensors.bitcast(operand(node, 0), o.dtype(), sizes(node)));
      case CoreOp.Slice o -> slice(node, o);
      case CoreOp.Update o -> update(node, o);
      case CoreOp.Loop o -> loop(node, o);
      default -> launch(node);
    }
  }

  private Sizes sizes(Node node) {
    return tensors.sizes(node.result().shape());
  }

  private void alias(Node node, int tensor) {
    tensorOf[node.result().id()] = tensor;
  }

  private void iota(Node node, CoreOp.Iota o) {
    if (o.shape().dim(o.dim()).upperBound() > MAX_RAMP) {
      Kernel write = args -> movement.iota(args.out(0), o.dim());
      tensors.steps().add(Step.launch("iota", write, new int[0], define(node.result())));
    } else {
      alias(node, tensors.ramp(o));
    }
  }

  private int operand(Node node, int i) {
    return tensorOf[node.operands().get(i).id()];
  }

  private void slice(Node node, CoreOp.Slice o) {
    int of = operand(node, 0);
    List<Integer> dynamic = o.dynamic();
    int view = tensors.box(of, node.result().shape(), o.start(), o.step(), dynamic);
    if (dynamic.isEmpty()) {
      tensorOf[node.result().id()] = view;
      return;
    }
    int[] operands = new int[1 + dynamic.size()];
    operands[0] = view;
    for (int i = 1; i < operands.length; i++) {
      operands[i] = operand(node, i);
    }
    Kernel kernel = movement.slice(dynamic, dynamic.stream().map(o.step()::get).toList());
    tensors.steps().add(Step.launch("slice", kernel, operands, define(node.result())));
  }

  private void update(Node node, CoreOp.Update o) {
    int x = operand(node, 0);
    int upd = operand(node, 1);
    int out = define(node.result());
    tensors.steps().add(Step.replace(this::copy, x, out));
    List<Long> unit = Collections.nCopies(o.start().size(), 1L);
    int target = tensors.box(out, node.operands().get(1).shape(), o.start(), unit, o.dynamic());
    int[] operands = new int[1 + o.dynamic().size()];
    operands[0] = upd;
    for (int i = 1; i < operands.length; i++) {
      operands[i] = operand(node, 1 + i);
    }
    Kernel kernel = o.dynamic().isEmpty() ? this::copy : movement.update(o.dynamic());
    tensors.steps().add(Step.launch("update", kernel, operands, target));
  }

  private void launch(Node node) {
    KernelChoice choice = provider.choose(OpSpec.of(node));
    int n = node.operands().size();
    int[] operands = new int[n];
    int[] states = new int[n];
    for (int i = 0; i < n; i++) {
      Value v = node.operands().get(i);
      states[i] = stateOf[v.id()];
      operands[i] = tensorOf[v.id()];
      if (operands[i] >= 0 && !choice.strided() && isDense(v)) {
        boolean own = i == 0 && Step.isInPlace(node.op());
        operands[i] = own ? tensors.ownContiguous(operands[i]) : tensors.contiguous(operands[i]);
      }
    }
    List<Integer> results = new ArrayList<>();
    for (Value r : node.results()) {
      if (r.type() instanceof StateType) {
        stateOf[r.id()] = stateOf[node.operands().getFirst().id()];
      } else {
        results.add(define(r));
      }
    }
    Kernel kernel = choice.kernel().apply(node);
    int[] out = results.stream().mapToInt(Integer::intValue).toArray();
    tensors.steps().add(Step.launch(node.op(), kernel, operands, states, out));
  }

  private static boolean isDense(Value v) {
    return v.type() instanceof TensorType t && !t.isBlocked();
  }

  private void loop(Node node, CoreOp.Loop o) {
    int first = o.count() == null ? 1 : 0;
    int[] operands = new int[node.operands().size()];
    for (int i = 0; i < operands.length; i++) {
      Value v = node.operands().get(i);
      boolean dense = v.type() instanceof TensorType t && t.isDense();
      operands[i] = dense ? tensors.contiguous(tensorOf[v.id()]) : tensorOf[v.id()];
    }
    Plan plan = new PlanBuilder(o.body(), table, provider, constants, true).build();
    int[] results = new int[o.carried()];
    int[] spare = new int[o.carried()];
    for (int k = 0; k < results.length; k++) {
      Value r = node.results().get(k);
      results[k] = define(r);
      spare[k] = plan.inPlace()[k] ? -1 : tensors.root(r.dtype(), tensors.sizes(r.shape()));
    }
    int index = tensors.root(DType.I32, tensors.sizes(Shape.SCALAR));
    Storage workspace = new Storage(Storage.Kind.WORKSPACE, -1, 0, tensors.sizes(Shape.SCALAR));
    Sizes count = o.count() == null ? null : Sizes.of(List.of(o.count()), table);
    tensors
        .steps()
        .add(
            Step.loop(
                new LoopPlan(plan, count, first, index, spare, workspace), operands, results));
  }
}
