package dev.lamina.conformance.cases;

import dev.lamina.conformance.Case;
import dev.lamina.conformance.CaseId;
import dev.lamina.conformance.Check;
import dev.lamina.conformance.CheckFailedException;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Lowering;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support;
import dev.lamina.spi.Unsupported;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Composites against their formulas in double: as the device runs them, and where that is native
 * also decomposed.
 *
 * @param id identity
 * @param rules what it enforces
 * @param body writes graph, arguments and expectation; run anew for each run of the case
 */
record CompositeCase(CaseId id, Set<Rule> rules, Consumer<CompositeSpec> body) implements Case {
  @Override
  public Level level() {
    return Level.L2;
  }

  @Override
  public Outcome run(Context context) throws Exception {
    CompositeSpec spec = new CompositeSpec(id.op(), id.randomSeed());
    body.accept(spec);
    Graph graph = spec.ops.build();
    Set<DType> lacking = dtypes(graph, spec);
    lacking.removeAll(context.info().dtypes());
    if (!lacking.isEmpty()) {
      return Outcome.unsupported("the device does not declare " + lacking);
    }
    Device device = context.device();
    long objectsBefore = device.stats().liveObjects();
    checkClaims(device, graph);
    double worst = run(context, graph, spec, CompileOptions.DEFAULT);
    if (anyNative(device, graph)) {
      CompileOptions decomposed = new CompileOptions(true, false, false, Set.of());
      worst = Math.max(worst, run(context, graph, spec, decomposed));
    }
    long left = device.stats().liveObjects() - objectsBefore;
    if (left != 0) {
      throw new CheckFailedException(
          "stats: expected as many live objects as before the case, got %+d".formatted(left));
    }
    return Outcome.passed(worst);
  }

  private static double run(
      Context context, Graph graph, CompositeSpec spec, CompileOptions options)
      throws BackendException {
    try (CompositeRun run = new CompositeRun(context, graph, spec, options)) {
      return run.run();
    } catch (CheckFailedException e) {
      String how = options.forceDecompose() ? "decomposed: " : "as the device runs it: ";
      throw new CheckFailedException(how + e.getMessage(), e.ratio(), e);
    }
  }

  /** Options are kept: what was to be decomposed has no kernel of its own. */
  static void checkLowering(Graph graph, Executable executable) {
    for (Node node : graph.nodes()) {
      for (Lowering l : executable.lowering()) {
        boolean own = node.op() instanceof CompositeOp && l.op().equals(OpSpec.of(node).toString());
        if (own && l.support() instanceof Support.Native) {
          throw new CheckFailedException(
              "lowering: expected %s decomposed as asked for, got kernel %s"
                  .formatted(l.op(), l.kernel()));
        }
      }
    }
  }

  /**
   * What is answered native compiles for its whole range when nothing else is allowed; what is not
   * is refused then, by the one error for that.
   */
  private static void checkClaims(Device device, Graph graph) {
    CompileOptions forced = new CompileOptions(false, true, false, Set.of());
    String decomposed = "";
    for (Node node : graph.nodes()) {
      if (node.op() instanceof CompositeOp
          && !(device.supports(OpSpec.of(node)) instanceof Support.Native)) {
        decomposed = OpSpec.of(node).toString();
      }
    }
    if (!decomposed.isEmpty()) {
      Check.failsWith(
          Unsupported.class,
          "compile with forceNative, though supports does not call %s native".formatted(decomposed),
          () -> device.compile(graph, forced).close());
      return;
    }
    try {
      device.compile(graph, forced).close();
    } catch (BackendException e) {
      throw new CheckFailedException(
          "compile with forceNative: expected what supports calls native to compile, got %s"
              .formatted(e),
          Double.NaN,
          e);
    }
  }

  private static boolean anyNative(Device device, Graph graph) {
    for (Node node : graph.nodes()) {
      if (node.op() instanceof CompositeOp
          && device.supports(OpSpec.of(node)) instanceof Support.Native) {
        return true;
      }
    }
    return false;
  }

  private static Set<DType> dtypes(Graph graph, CompositeSpec spec) {
    Set<DType> found = EnumSet.noneOf(DType.class);
    for (CompositeSpec.Argument a : spec.arguments) {
      switch (a) {
        case CompositeSpec.Argument.Tensor t -> found.add(t.content().dtype());
        case CompositeSpec.Argument.Pool p -> p.entries().forEach(e -> found.add(e.dtype()));
      }
    }
    spec.expected.forEach(t -> found.add(t.dtype()));
    return found;
  }
}
