package dev.lamina.conformance.cases;

import dev.lamina.conformance.Case;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.conformance.cases.CompositeSpec.Argument;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.State;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * RUN_TO_RUN: the same executable on the same inputs, many times while other queues and threads
 * keep the device busy. Every op of the catalog by its largest case of each dtype, larger shapes
 * that are cut among threads, and a model.
 */
final class RepeatCases {
  private static final int RUNS = 25;
  private static final int LONG_RUNS = 50;

  private RepeatCases() {}

  /** What is run again and again. */
  @FunctionalInterface
  interface Run {
    List<RefTensor> once() throws BackendException;
  }

  /** Adds them; every case that the list has so far counts. */
  static void addTo(CaseList list) {
    for (Case c : largest(list.cases())) {
      add(list, c.id().op(), c.id().dtype(), c.id().shape(), (context, seed) -> again(context, c));
    }
    for (RowOps.Kind kind : RowOps.all()) {
      add(list, kind.toString(), kind.dtype().text(), "256", (c, seed) -> rows(c, kind, seed));
    }
    add(list, "matmul", "f32", "300x1031x300", RepeatCases::product);
    add(list, "reduce_sum", "f32", "7x200003", RepeatCases::sum);
    add(list, "paged_attention", "f32", "-", RepeatCases::attention);
    for (TinyModel.Shipped m : TinyModel.SHIPPED) {
      add(list, "model=" + m.name(), m.dtype(), "-", (c, seed) -> model(c, m.name(), seed));
    }
  }

  private static void add(
      CaseList list, String op, String dtype, String shape, CaseList.SeededBody body) {
    list.seeded(Level.L3, "run_to_run", dtype, shape, op, Rule.R5, body);
  }

  /** For each op and dtype of the graph and composite cases, the one with most elements. */
  private static List<Case> largest(List<Case> all) {
    Map<String, Case> best = new LinkedHashMap<>();
    Map<String, Long> sizes = new LinkedHashMap<>();
    for (Case c : all) {
      String key = c.id().op() + " " + c.id().dtype();
      boolean plain = c instanceof GraphCase g && g.options().equals(CompileOptions.DEFAULT);
      if (plain || c instanceof CompositeCase) {
        long size = size(c.id().shape());
        if (size > sizes.getOrDefault(key, -1L)) {
          best.put(key, c);
          sizes.put(key, size);
        }
      }
    }
    return List.copyOf(best.values());
  }

  private static long size(String shape) {
    long n = 1;
    for (String part : shape.split("x")) {
      n *= part.matches("\\d{1,9}") ? Long.parseLong(part) : 1;
    }
    return n;
  }

  private static Outcome again(Context context, Case c) throws BackendException {
    return c instanceof GraphCase g ? graph(context, g) : composite(context, (CompositeCase) c);
  }

  private static Outcome graph(Context context, GraphCase c) throws BackendException {
    if (!context.info().dtypes().containsAll(GraphCase.dtypes(c.graph()))) {
      return Outcome.unsupported("the device lacks a dtype of this case");
    }
    Map<String, RefTensor> inputs = c.inputs();
    try (Evaluation e = new Evaluation(context.device(), c.graph(), options(context))) {
      return repeat(
          context, c.id().op() + "." + c.id().dtype(), RUNS, () -> e.run(inputs, c.dims()));
    }
  }

  private static Outcome composite(Context context, CompositeCase c) throws BackendException {
    CompositeSpec spec = new CompositeSpec(c.id().op(), c.id().randomSeed());
    c.body().accept(spec);
    Graph graph = spec.ops.build();
    if (!context.info().dtypes().containsAll(GraphCase.dtypes(graph))) {
      return Outcome.unsupported("the device lacks a dtype of this case");
    }
    Map<String, RefTensor> inputs = new LinkedHashMap<>();
    Map<String, Argument.Pool> pools = new LinkedHashMap<>();
    try (Evaluation e = new Evaluation(context.device(), graph, options(context))) {
      for (int i = 0; i < spec.arguments.size(); i++) {
        Graph.Input in = graph.inputs().get(i);
        switch (spec.arguments.get(i)) {
          case Argument.Tensor t when in.role() == Graph.Role.WEIGHT ->
              e.weight(in.name(), t.content());
          case Argument.Tensor t -> inputs.put(in.name(), t.content());
          case Argument.Pool p -> pools.put(in.name(), p);
        }
      }
      return repeat(
          context,
          c.id().op() + "." + c.id().dtype(),
          RUNS,
          () -> withPools(context.device(), e, pools, () -> e.run(inputs, spec.dims)));
    }
  }

  /**
   * Runs with new pools, since a run changes them. They hold zeros: what else they may hold is the
   * concern of the attention and model cases.
   */
  private static List<RefTensor> withPools(
      Device device, Evaluation e, Map<String, Argument.Pool> pools, Run run)
      throws BackendException {
    List<State> states = new ArrayList<>();
    try {
      for (Map.Entry<String, Argument.Pool> p : pools.entrySet()) {
        StateSpec spec = p.getValue().spec();
        State state = device.allocateState(device.chooseStateLayout(spec), p.getValue().slots());
        states.add(state);
        e.pool(p.getKey(), state);
      }
      return run.once();
    } finally {
      states.forEach(State::close);
    }
  }

  private static CompileOptions options(Context context) throws BackendException {
    return Drift.options(context, Cap.RUN_TO_RUN);
  }

  private static Outcome repeat(Context context, String name, int runs, Run run)
      throws BackendException {
    Drift drift = new Drift(name, context.has(Cap.RUN_TO_RUN));
    // The very first run may meet a pool that it changes.
    run.once();
    List<RefTensor> first = run.once();
    try (Load load = new Load(context.device(), 2)) {
      for (int i = 1; i < runs && load.works(); i++) {
        drift.compare("run " + i, first, run.once());
      }
    }
    drift.report(context, "run_to_run");
    return Outcome.EXACT;
  }

  private static Outcome rows(Context context, RowOps.Kind kind, long seed)
      throws BackendException {
    if (!context.info().dtypes().contains(kind.dtype())) {
      return Outcome.unsupported("the device does not declare " + kind.dtype());
    }
    RowOp g = kind.make(seed);
    int[] all = IntStream.range(0, RowOp.ROWS).toArray();
    try (Evaluation e = g.compile(context.device(), options(context))) {
      return repeat(context, kind + "." + kind.dtype().text(), RUNS, () -> g.run(e, all));
    }
  }

  private static Outcome product(Context context, long seed) throws BackendException {
    return fixed(
        context,
        "matmul.large",
        g -> {
          Value a = g.in(Regime.NORMAL, DType.F32, 300, 1031);
          g.out(g.ops.matmul(a, g.in(Regime.OUTLIERS, DType.F32, 1031, 300), false, DType.F32));
        },
        seed);
  }

  private static Outcome sum(Context context, long seed) throws BackendException {
    return fixed(
        context,
        "reduce_sum.large",
        g ->
            g.out(
                g.ops.reduce(
                    CoreOp.ReduceKind.SUM, g.in(Regime.OUTLIERS, DType.F32, 7, 200_003), 1)),
        seed);
  }

  private static Outcome fixed(Context context, String name, Consumer<GraphSpec> body, long seed)
      throws BackendException {
    GraphSpec spec = new GraphSpec(name, seed);
    body.accept(spec);
    Map<String, RefTensor> inputs = new LinkedHashMap<>();
    Random random = new Random(seed);
    Graph graph = spec.ops.build();
    for (int i = 0; i < spec.sources.size(); i++) {
      Graph.Input in = graph.inputs().get(i);
      long[] sizes = graph.dims().resolve(in.value().shape(), new long[0]);
      inputs.put(in.name(), spec.sources.get(i).make(in.value().dtype(), sizes, random));
    }
    try (Evaluation e = new Evaluation(context.device(), graph, options(context))) {
      return repeat(context, name, LONG_RUNS, () -> e.run(inputs));
    }
  }

  private static Outcome attention(Context context, long seed) throws BackendException {
    CompositeOp.PagedAttention op =
        new CompositeOp.PagedAttention(0, 0.25, true, 0, 0, 0, true, false);
    AttentionProbe.Content content =
        new AttentionProbe.Content(op, new int[] {90, 33, 17, 1}, Regime.NORMAL, Regime.NORMAL);
    try (AttentionProbe probe =
        new AttentionProbe(context.device(), content, options(context), new Random(seed))) {
      return repeat(
          context,
          "paged_attention",
          LONG_RUNS,
          () -> List.of(probe.attend(probe.whole(), probe.plain())));
    }
  }

  private static Outcome model(Context context, String name, long seed) throws BackendException {
    TinyModel model = new TinyModel(name, new int[] {40, 7, 19, 1}, seed);
    if (!model.lacking(context).isEmpty()) {
      return Outcome.unsupported("the device does not declare " + model.lacking(context));
    }
    try (Evaluation compiled = model.compile(context.device(), options(context));
        State pool = model.newPool(compiled)) {
      return repeat(
          context,
          "model." + name,
          LONG_RUNS,
          () -> List.of(model.step(compiled, pool, model.whole(), 0)));
    }
  }
}
