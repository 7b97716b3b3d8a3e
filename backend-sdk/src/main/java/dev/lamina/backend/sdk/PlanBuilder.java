package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

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
  private final Constants constants;
  private final boolean body;
  private final List<TensorPlan> tensors = new ArrayList<>();
  private final List<Step> steps = new ArrayList<>();
  private final List<Storage> inputs = new ArrayList<>();
  private final int[] tensorOf;
  private final int[] stateOf;
  private final Map<Integer, Integer> packed = new HashMap<>();

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
    this.constants = constants;
    this.body = body;
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
    for (Stage stage : Fusion.fuse(graph)) {
      switch (stage) {
        case Stage.Fused f -> fused(f);
        case Stage.Single s -> single(s.node());
      }
    }
    return new PlanMemory(graph, tensors, steps, inputs, tensorOf, body).plan();
  }

  private void input(int ordinal, Value value) {
    switch (value.type()) {
      case StateType s -> {
        stateOf[value.id()] = ordinal;
        inputs.add(new Storage(Storage.Kind.INPUT, ordinal, 0, sizes(Shape.SCALAR)));
      }
      case TensorType t -> {
        Sizes sizes = sizes(t.shape());
        Storage storage = new Storage(Storage.Kind.INPUT, ordinal, t.dtype().bytes(), sizes);
        inputs.add(storage);
        Packing packing = Packing.dense(sizes);
        Placement placement = new Placement.Root(storage);
        if (t.layout() instanceof Layout.Strided s) {
          packing = Packing.of(sizes, s.strides());
          placement =
              new Placement.StridedRoot(
                  storage, s.strides().stream().mapToLong(Long::longValue).toArray());
        }
        tensorOf[value.id()] =
            add(
                new TensorPlan(
                    t.dtype(),
                    t.layout(),
                    sizes,
                    packing,
                    storage,
                    packing.isContiguous(),
                    placement));
      }
    }
  }

  private Sizes sizes(Shape shape) {
    return Sizes.of(shape, table);
  }

  private int add(TensorPlan t) {
    tensors.add(t);
    return tensors.size() - 1;
  }

  /** A tensor with memory of its own. */
  private int root(DType dtype, Sizes sizes) {
    Storage s = new Storage(Storage.Kind.WORKSPACE, -1, dtype.bytes(), sizes);
    return add(
        new TensorPlan(
            dtype, Layout.DENSE, sizes, Packing.dense(sizes), s, true, new Placement.Root(s)));
  }

  private int define(Value v) {
    int t = root(v.dtype(), sizes(v.shape()));
    tensorOf[v.id()] = t;
    return t;
  }

  /** A copy of a tensor where its elements are not known to be contiguous. */
  private int contiguous(int t) {
    TensorPlan from = tensors.get(t);
    if (from.isContiguous()) {
      return t;
    }
    Integer known = packed.get(t);
    if (known != null) {
      return known;
    }
    Storage s = new Storage(Storage.Kind.WORKSPACE, -1, from.dtype().bytes(), from.sizes());
    s.setMayAlias();
    int copy =
        add(
            new TensorPlan(
                from.dtype(),
                Layout.DENSE,
                from.sizes(),
                Packing.dense(from.sizes()),
                s,
                true,
                new Placement.Packed(s, t)));
    copyStep(t, copy);
    packed.put(t, copy);
    return copy;
  }

  /** A copy in memory that is certainly its own. */
  private int copy(int t) {
    TensorPlan from = tensors.get(t);
    int copy = root(from.dtype(), from.sizes());
    copyStep(t, copy);
    return copy;
  }

  private void copyStep(int from, int to) {
    steps.add(Step.launch("copy", HostMovement::copy, new int[] {from}, to));
  }

  private void fused(Stage.Fused f) {
    int[] operands = f.inputs().stream().mapToInt(v -> tensorOf[v.id()]).toArray();
    int result = define(f.result());
    steps.add(Step.launch("elementwise", provider.elementwise(f.expr()), operands, result));
  }

  private void single(Node node) {
    switch (node.op()) {
      case CoreOp.Iota o -> tensorOf[node.result().id()] = iota(o);
      case CoreOp.Fill o -> tensorOf[node.result().id()] = fill(o);
      case CoreOp.View o -> view(node, sizes(o.shape()));
      case CoreOp.Permute o -> permute(node, o);
      case CoreOp.Expand o -> expand(node, sizes(o.shape()));
      case CoreOp.Bitcast o -> bitcast(node, o.dtype());
      case CoreOp.Slice o -> slice(node, o);
      case CoreOp.Update o -> update(node, o);
      case CoreOp.Loop o -> loop(node, o);
      default -> launch(node);
    }
  }

  private int iota(CoreOp.Iota o) {
    Sizes sizes = sizes(o.shape());
    long n = o.shape().dim(o.dim()).upperBound();
    if (n > MAX_RAMP) {
      int ramp = root(o.dtype(), sizes);
      Kernel write = args -> HostMovement.iota(args.out(0), o.dim());
      steps.add(Step.launch("iota", write, new int[0], ramp));
      return ramp;
    }
    Storage s = constants.ramp(o.dtype(), n);
    Packing packing = Packing.of(sizes, rampStrides(o));
    return add(
        new TensorPlan(
            o.dtype(), Layout.DENSE, sizes, packing, s, false, new Placement.Ramp(s, o.dim())));
  }

  private static List<Long> rampStrides(CoreOp.Iota o) {
    List<Long> strides = new ArrayList<>();
    for (int i = 0; i < o.shape().rank(); i++) {
      strides.add(i == o.dim() ? 1L : 0L);
    }
    return strides;
  }

  private int fill(CoreOp.Fill o) {
    Sizes sizes = sizes(o.shape());
    Storage s = constants.splat(o.value());
    List<Long> strides = Collections.nCopies(sizes.rank(), 0L);
    return add(
        new TensorPlan(
            o.value().dtype(),
            Layout.DENSE,
            sizes,
            Packing.of(sizes, strides),
            s,
            false,
            new Placement.Splat(s)));
  }

  private int operand(Node node, int i) {
    return tensorOf[node.operands().get(i).id()];
  }

  private void alias(
      Node node, int of, DType dtype, Sizes sizes, Packing packing, boolean whole, Placement p) {
    tensorOf[node.result().id()] =
        add(
            new TensorPlan(
                dtype, Layout.DENSE, sizes, packing, tensors.get(of).storage(), whole, p));
  }

  private void view(Node node, Sizes sizes) {
    int of = operand(node, 0);
    Packing packing = tensors.get(of).packing().reshape(sizes);
    if (packing == null) {
      of = contiguous(of);
      packing = Packing.dense(sizes);
    }
    TensorPlan from = tensors.get(of);
    alias(node, of, from.dtype(), sizes, packing, from.whole(), new Placement.Reshape(of));
  }

  private void permute(Node node, CoreOp.Permute o) {
    int of = operand(node, 0);
    TensorPlan from = tensors.get(of);
    Sizes sizes = sizes(node.result().shape());
    int[] perm = o.perm().stream().mapToInt(Integer::intValue).toArray();
    Packing packing = from.packing().permute(perm, sizes);
    boolean whole = from.whole() && packing.isContiguous();
    alias(node, of, from.dtype(), sizes, packing, whole, new Placement.Permute(of, perm));
  }

  private void expand(Node node, Sizes sizes) {
    int of = operand(node, 0);
    TensorPlan from = tensors.get(of);
    boolean same = node.result().shape().equals(node.operands().getFirst().shape());
    Packing packing = from.packing().expand(sizes);
    boolean whole = same && from.whole();
    alias(node, of, from.dtype(), sizes, packing, whole, new Placement.Expand(of));
  }

  private void slice(Node node, CoreOp.Slice o) {
    int of = operand(node, 0);
    List<Integer> dynamic = o.dynamic();
    int view = box(of, node.result().shape(), o.start(), o.step(), dynamic);
    if (dynamic.isEmpty()) {
      tensorOf[node.result().id()] = view;
      return;
    }
    int[] operands = new int[1 + dynamic.size()];
    operands[0] = view;
    for (int i = 1; i < operands.length; i++) {
      operands[i] = operand(node, i);
    }
    Kernel kernel = DynamicBox.slice(dynamic, o.step());
    steps.add(Step.launch("slice", kernel, operands, define(node.result())));
  }

  /** A view of a box; along a dynamic axis the whole tensor. */
  private int box(int of, Shape size, List<Dim> start, List<Long> step, List<Integer> dynamic) {
    TensorPlan from = tensors.get(of);
    List<Dim> starts = new ArrayList<>(start);
    List<Long> unit = new ArrayList<>(step);
    List<Dim> dims = new ArrayList<>(size.dims());
    for (int axis : dynamic) {
      starts.set(axis, Dim.of(0));
      unit.set(axis, 1L);
    }
    Sizes sizes = Sizes.of(dims, table).withAxesOf(from.sizes(), dynamic);
    return add(
        new TensorPlan(
            from.dtype(),
            Layout.DENSE,
            sizes,
            from.packing().slice(sizes, unit),
            from.storage(),
            false,
            new Placement.Slice(of, Sizes.of(starts, table), List.copyOf(unit))));
  }

  private void update(Node node, CoreOp.Update o) {
    int x = operand(node, 0);
    int upd = operand(node, 1);
    int out = define(node.result());
    steps.add(Step.replace(x, out));
    List<Long> unit = Collections.nCopies(o.start().size(), 1L);
    int target = box(out, node.operands().get(1).shape(), o.start(), unit, o.dynamic());
    int[] operands = new int[1 + o.dynamic().size()];
    operands[0] = upd;
    for (int i = 1; i < operands.length; i++) {
      operands[i] = operand(node, 1 + i);
    }
    Kernel kernel = o.dynamic().isEmpty() ? HostMovement::copy : DynamicBox.update(o.dynamic());
    steps.add(Step.launch("update", kernel, operands, target));
  }

  /** Equal widths and blocks are aliases; other widths too, of contiguous and aligned elements. */
  private void bitcast(Node node, DType dtype) {
    int of = operand(node, 0);
    TensorPlan from = tensors.get(of);
    Sizes sizes = sizes(node.result().shape());
    boolean blocked = from.layout() instanceof Layout.Blocked;
    if (!blocked && from.dtype().bytes() == dtype.bytes()) {
      alias(node, of, dtype, sizes, from.packing(), from.whole(), new Placement.Reshape(of));
      return;
    }
    if (!blocked && !from.isContiguous()) {
      of = contiguous(of);
    } else if (!from.whole() && dtype.bytes() > from.dtype().bytes()) {
      of = copy(of);
    }
    boolean whole = tensors.get(of).whole();
    alias(node, of, dtype, sizes, Packing.dense(sizes), whole, new Placement.Reshape(of));
  }

  private void launch(Node node) {
    KernelChoice choice = provider.choose(dev.lamina.spi.OpSpec.of(node));
    int n = node.operands().size();
    int[] operands = new int[n];
    int[] states = new int[n];
    for (int i = 0; i < n; i++) {
      Value v = node.operands().get(i);
      states[i] = stateOf[v.id()];
      operands[i] = tensorOf[v.id()];
      if (operands[i] >= 0 && !choice.strided() && isDense(v)) {
        boolean own = i == 0 && Step.isInPlace(node.op());
        operands[i] = own ? ownContiguous(operands[i]) : contiguous(operands[i]);
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
    steps.add(Step.launch(node.op(), kernel, operands, states, out));
  }

  private int ownContiguous(int t) {
    return tensors.get(t).isContiguous() ? t : copy(t);
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
      operands[i] = dense ? contiguous(tensorOf[v.id()]) : tensorOf[v.id()];
    }
    Plan plan = new PlanBuilder(o.body(), table, provider, constants, true).build();
    int[] results = new int[o.carried()];
    int[] spare = new int[o.carried()];
    for (int k = 0; k < results.length; k++) {
      Value r = node.results().get(k);
      results[k] = define(r);
      spare[k] = plan.inPlace()[k] ? -1 : root(r.dtype(), sizes(r.shape()));
    }
    int index = root(DType.I32, sizes(Shape.SCALAR));
    Storage workspace = new Storage(Storage.Kind.WORKSPACE, -1, 0, sizes(Shape.SCALAR));
    Sizes count = o.count() == null ? null : Sizes.of(List.of(o.count()), table);
    steps.add(
        Step.loop(new LoopPlan(plan, count, first, index, spare, workspace), operands, results));
  }
}
