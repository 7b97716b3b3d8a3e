package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Lowering;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support;
import dev.lamina.spi.Unsupported;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import java.util.List;
import java.util.Set;

/**
 * {@link Executable#lowering()}: an executable says which kernel runs each composite, and it is the
 * one that {@code supports} promised, under a guarantee too.
 */
final class LoweringCases {
  private LoweringCases() {}

  static void addTo(CaseList list) {
    for (RowOps.Kind kind : RowOps.all()) {
      list.seeded(
          Level.L3,
          "lowering",
          kind.dtype().text(),
          "-",
          kind.toString(),
          Rule.CAPABILITY,
          (context, seed) -> agrees(context, kind, seed));
    }
  }

  private static Outcome agrees(Context context, RowOps.Kind kind, long seed)
      throws BackendException {
    if (!context.info().dtypes().contains(kind.dtype())) {
      return Outcome.unsupported("the device does not declare " + kind.dtype());
    }
    Device device = context.device();
    Graph graph = kind.make(seed).ops.build();
    List<Node> composites =
        graph.nodes().stream().filter(n -> n.op() instanceof CompositeOp).toList();
    CompileOptions asked = Drift.options(context, Cap.RUN_TO_RUN, Cap.BATCH_INVARIANT);
    for (CompileOptions options : List.of(CompileOptions.DEFAULT, asked)) {
      try (Executable e = device.compile(graph, options)) {
        checkFilled(e.lowering());
        for (Node node : composites) {
          Support promised = device.supports(OpSpec.of(node));
          checkKept(e.lowering(), node, promised instanceof Support.Native, options);
        }
      }
    }
    CompileOptions decomposed = new CompileOptions(true, false, false, Set.of());
    try (Executable e = device.compile(graph, decomposed)) {
      checkFilled(e.lowering());
      for (Node node : composites) {
        checkKept(e.lowering(), node, false, decomposed);
      }
    }
    boolean all =
        composites.stream().allMatch(n -> device.supports(OpSpec.of(n)) instanceof Support.Native);
    CompileOptions forced = new CompileOptions(false, true, false, Set.of());
    if (all) {
      device.compile(graph, forced).close();
    } else {
      Check.failsWith(
          Unsupported.class,
          "compile with forceNative",
          () -> device.compile(graph, forced).close());
    }
    return Outcome.EXACT;
  }

  private static void checkFilled(List<Lowering> lowering) {
    Check.that(!lowering.isEmpty(), "lowering: expected an entry a kernel, got none");
    for (Lowering l : lowering) {
      Check.that(
          !l.kernel().isBlank() && l.count() > 0,
          "lowering: expected a kernel and a count for %s, got '%s' and %d",
          l.op(),
          l.kernel(),
          l.count());
    }
  }

  private static void checkKept(
      List<Lowering> lowering, Node node, boolean isNative, CompileOptions options) {
    String spec = OpSpec.of(node).toString();
    List<Lowering> found = lowering.stream().filter(l -> l.op().equals(spec)).toList();
    Check.that(
        !found.isEmpty(),
        "lowering: expected an entry for %s, got %s",
        spec,
        lowering.stream().map(Lowering::op).toList());
    for (Lowering l : found) {
      Check.that(
          l.support() instanceof Support.Native == isNative,
          "lowering: expected %s to run %s as supports() says and %s asks, got %s by %s",
          spec,
          isNative ? "natively" : "decomposed",
          options,
          l.support(),
          l.kernel());
    }
  }
}
