package dev.lamina.conformance.cases;

import dev.lamina.conformance.Case;
import dev.lamina.conformance.CaseId;
import dev.lamina.conformance.CheckFailedException;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import dev.lamina.spi.ir.ValueType;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** A graph compiled once, run once a round, and held against the oracle. */
final class GraphCase implements Case {
  private final CaseId id;
  private final Level level;
  private final Set<Rule> rules;
  private final Graph graph;
  private final List<Source> sources;
  private final List<Map<String, Long>> rounds;
  private final CompileOptions options;
  private final int offsetElements;
  private final boolean apart;
  private final boolean unbiased;
  private final boolean subnormal;

  GraphCase(CaseId id, Level level, Set<Rule> rules, GraphSpec spec) {
    this.id = id;
    this.level = level;
    this.rules = rules;
    this.graph = spec.ops.build();
    this.sources = List.copyOf(spec.sources);
    this.rounds = spec.rounds.isEmpty() ? List.of(Map.of()) : List.copyOf(spec.rounds);
    this.options = spec.options;
    this.offsetElements = spec.offsetElements;
    this.apart = spec.apart;
    this.unbiased = spec.unbiased;
    this.subnormal = spec.subnormal;
  }

  @Override
  public CaseId id() {
    return id;
  }

  @Override
  public Level level() {
    return level;
  }

  @Override
  public Set<Rule> rules() {
    return rules;
  }

  /** The graph it runs. */
  Graph graph() {
    return graph;
  }

  /** Values of symbols in the first round. */
  Map<String, Long> dims() {
    return rounds.getFirst();
  }

  /** How it is compiled. */
  CompileOptions options() {
    return options;
  }

  /** Content of its inputs in the first round, by name. */
  Map<String, RefTensor> inputs() {
    Map<String, RefTensor> inputs = new LinkedHashMap<>();
    Random random = new Random(id.randomSeed());
    DimTable table = graph.dims();
    long[] values = table.syms().stream().mapToLong(s -> dims().get(s.name())).toArray();
    for (int i = 0; i < sources.size(); i++) {
      Graph.Input in = graph.inputs().get(i);
      TensorType type = in.value().tensor();
      long[] sizes = table.resolve(type.shape(), values);
      RefTensor content = sources.get(i).make(type.dtype(), sizes, random);
      // Through an image: along an axis of stride 0 only the first element counts.
      inputs.put(in.name(), new HostImage(type, sizes, 0).write(content).tensor());
    }
    return inputs;
  }

  @Override
  public Outcome run(Context context) throws Exception {
    Set<DType> lacking = dtypes(graph);
    lacking.removeAll(context.info().dtypes());
    if (!lacking.isEmpty()) {
      return Outcome.unsupported("the device does not declare " + lacking);
    }
    try {
      return checked(context);
    } catch (CheckFailedException e) {
      boolean isValue = !Double.isNaN(e.ratio());
      if (isValue && subnormal && takesF32Range() && context.has(Cap.FTZ)) {
        return Outcome.unsupported("the device flushed subnormals of F32, as it declares (FTZ)");
      }
      throw e;
    }
  }

  /** Whether subnormals of its inputs are F32's too, the only ones that FTZ is about. */
  private boolean takesF32Range() {
    return graph.inputs().stream()
        .map(in -> in.value().tensor().dtype())
        .anyMatch(t -> t == DType.F32 || t == DType.BF16);
  }

  private Outcome checked(Context context) throws BackendException {
    Device device = context.device();
    long objectsBefore = device.stats().liveObjects();
    requireNative(device, graph);
    double worst = runRounds(context);
    long left = device.stats().liveObjects() - objectsBefore;
    if (left != 0) {
      throw new CheckFailedException(
          "stats: expected as many live objects as before the case, got %+d".formatted(left));
    }
    return Outcome.passed(worst);
  }

  private double runRounds(Context context) throws BackendException {
    Device device = context.device();
    double worst = 0;
    try (Executable executable = device.compile(graph, options)) {
      context.ran(executable.lowering());
      GraphRun run = new GraphRun(graph, executable, sources, offsetElements, apart, unbiased);
      for (int i = 0; i < rounds.size(); i++) {
        worst = Math.max(worst, run.run(device, rounds.get(i), id.randomSeed() + i));
      }
    }
    return worst;
  }

  /** Core ops are mandatory: for declared dtypes they must be answered native. */
  private static void requireNative(Device device, Graph graph) {
    for (Node node : graph.nodes()) {
      if (node.op() instanceof CoreOp) {
        Support support = device.supports(OpSpec.of(node));
        if (!(support instanceof Support.Native)) {
          throw new CheckFailedException(
              "supports(%s): expected a core op of declared dtypes to be native, got %s"
                  .formatted(OpSpec.of(node), support));
        }
      }
      if (node.op() instanceof CoreOp.Loop loop) {
        requireNative(device, loop.body());
      }
    }
  }

  /** Every dtype it touches. */
  static Set<DType> dtypes(Graph graph) {
    Set<DType> found = EnumSet.noneOf(DType.class);
    graph.inputs().forEach(in -> add(in.value().type(), found));
    for (Node node : graph.nodes()) {
      for (Value v : node.results()) {
        add(v.type(), found);
      }
      if (node.op() instanceof CoreOp.Loop loop) {
        found.addAll(dtypes(loop.body()));
      }
    }
    return found;
  }

  private static void add(ValueType type, Set<DType> found) {
    if (type instanceof TensorType t) {
      found.add(t.dtype());
    }
  }
}
