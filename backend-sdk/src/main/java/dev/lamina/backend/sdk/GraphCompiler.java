package dev.lamina.backend.sdk;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support;
import dev.lamina.spi.Unsupported;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** From a graph to a plan: choices, decomposition, symbols, lowering report. */
final class GraphCompiler {
  private final HostDevice device;
  private final Graph graph;
  private final CompileOptions options;
  private final KernelProvider provider;
  private final LoweringReport lowering = new LoweringReport();

  GraphCompiler(HostDevice device, Graph graph, CompileOptions options) {
    this.device = device;
    this.graph = graph;
    this.options = options;
    KernelProvider asked = device.provider().with(options.guarantees());
    this.provider = options.numerics() == Support.Numerics.RELAXED ? asked.relaxed() : asked;
  }

  HostExecutable compile() throws BackendException {
    checkGuarantees();
    Decomposed decomposed = Decomposer.decompose(graph, this::keeps);
    if (options.forceNative() && !decomposed.replaced().isEmpty()) {
      OpSpec spec = OpSpec.of(decomposed.replaced().getFirst());
      throw new Unsupported(
          "compile %s: expected a native kernel for %s on %s, got %s; leave forceNative out"
              .formatted(graph.name(), spec, device.fixedInfo().name(), reason(spec)));
    }
    for (Node node : decomposed.replaced()) {
      OpSpec spec = OpSpec.of(node);
      lowering.count(spec, "decomposition", new Support.Decompose(reason(spec)));
    }
    check(decomposed.graph(), false);
    DimTable table = symbols(decomposed.graph());
    Constants constants = new Constants();
    Plan plan = new PlanBuilder(decomposed.graph(), table, provider, constants, false).build();
    return new HostExecutable(
        device, new Program(graph, decomposed, table, plan, constants, lowering, options.debug()));
  }

  private void checkGuarantees() throws Unsupported {
    for (CompileOptions.Guarantee g : options.guarantees()) {
      if (!device.fixedInfo().caps().contains(Cap.valueOf(g.name()))) {
        throw new Unsupported(
            "compile %s: expected a device with %s, %s does not declare it; ask for no such guarantee"
                .formatted(graph.name(), g, device.fixedInfo().name()));
      }
    }
  }

  private boolean keeps(Node node) {
    return !options.forceDecompose()
        && provider.choose(OpSpec.of(node)).support() instanceof Support.Native;
  }

  private String reason(OpSpec spec) {
    if (options.forceDecompose()) {
      return "asked for";
    }
    return switch (provider.choose(spec).support()) {
      case Support.Native n -> "another op of its pool has no kernel";
      case Support.Decompose d -> d.why();
      case Support.Never n -> n.why();
    };
  }

  /** Refuses what has no kernel, and lists what has. */
  private void check(Graph g, boolean inLoop) throws BackendException {
    for (Node node : g.nodes()) {
      boolean state = node.operands().stream().anyMatch(v -> v.type() instanceof StateType);
      if (state && inLoop) {
        throw new InvalidProgram(
            "compile %s: expected only tensors in a loop, got %s; move the state op out"
                .formatted(graph.name(), node.op().mnemonic()));
      }
      OpSpec spec = OpSpec.of(node);
      SdkOps.Choice own = SdkOps.of(node.op());
      if (own != null) {
        lowering.count(spec, own.kernel(), own.support());
      } else {
        KernelChoice choice = provider.choose(spec);
        if (!(choice.support() instanceof Support.Native)) {
          String kind = node.op() instanceof CompositeOp ? "composite" : "core op";
          throw new Unsupported(
              "compile %s: expected a kernel for the %s %s on %s, got none: %s"
                  .formatted(graph.name(), kind, spec, device.fixedInfo().name(), reason(spec)));
        }
        lowering.count(spec, choice.name(), choice.support());
      }
      if (node.op() instanceof CoreOp.Loop loop) {
        check(loop.body(), true);
      }
    }
  }

  /** Symbols of the original graph in its order, then any that only attributes or bodies name. */
  private DimTable symbols(Graph lowered) {
    Map<String, Dim.Sym> seen = new LinkedHashMap<>();
    graph.dims().syms().forEach(s -> seen.put(s.name(), s));
    collect(graph, seen);
    collect(lowered, seen);
    return new DimTable(List.copyOf(seen.values()));
  }

  private static void collect(Graph g, Map<String, Dim.Sym> seen) {
    for (Graph.Input in : g.inputs()) {
      collect(in.value(), seen);
    }
    for (Node node : g.nodes()) {
      node.results().forEach(v -> collect(v, seen));
      switch (node.op()) {
        case CoreOp.Slice o -> collect(o.start(), seen);
        case CoreOp.Update o -> collect(o.start(), seen);
        case CoreOp.Loop o -> {
          if (o.count() != null) {
            collect(List.of(o.count()), seen);
          }
          collect(o.body(), seen);
        }
        default -> {}
      }
    }
  }

  private static void collect(Value v, Map<String, Dim.Sym> seen) {
    switch (v.type()) {
      case TensorType t -> collect(t.shape().dims(), seen);
      case StateType s -> collect(List.of(s.spec().numSlots()), seen);
    }
  }

  private static void collect(List<Dim> dims, Map<String, Dim.Sym> seen) {
    for (Dim d : dims) {
      if (d instanceof Dim.Sym s) {
        seen.putIfAbsent(s.name(), s);
      }
    }
  }
}
