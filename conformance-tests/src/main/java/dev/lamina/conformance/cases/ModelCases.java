package dev.lamina.conformance.cases;

import dev.lamina.conformance.CheckFailedException;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.conformance.cases.TinyModel.Span;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Whole tiny models against a run of the same graph in double: prompts at once, the same prompts
 * cut into chunks that decode together, and one sequence that decodes alone, for which many devices
 * have kernels of their own.
 */
final class ModelCases {
  /** Prompts: over page edges and windows, one shorter than a page. */
  private static final int[] LENGTHS = {37, 5, 18};

  /** Tokens a step of each sequence when it is cut. */
  private static final int[] CHUNKS = {7, 1, 16};

  /** Tokens of the first prompt before it decodes alone, over an edge of pages. */
  private static final int ALONE_FROM = 30;

  /**
   * How the sequences run.
   *
   * @param name as ids say it
   * @param steps spans of each step
   * @param padding rows of no sequence in each step
   */
  private record Way(String name, List<List<Span>> steps, int padding) {}

  /** Divergence of F32: an honest kernel stays below 1e-10. */
  private static final double STRICT = 1e-8;

  /** Divergence where keys and values are rounded, and a last bit of theirs may fall either way. */
  private static final double ROUNDED = 1e-4;

  /** Divergence of a device that declares its projections or attention relaxed. */
  private static final double RELAXED = 1e-3;

  private ModelCases() {}

  static void addTo(CaseList list) {
    for (TinyModel.Shipped shipped : TinyModel.SHIPPED) {
      double limit = shipped.dtype().equals("bf16") ? ROUNDED : STRICT;
      for (Way way : ways()) {
        list.seeded(
            Level.L2,
            "model",
            shipped.dtype(),
            Dtypes.shape(Arrays.stream(LENGTHS).asLongStream().toArray()),
            shipped.name() + "," + way.name(),
            Rule.R2,
            (context, seed) -> {
              TinyModel model = new TinyModel(shipped.name(), LENGTHS, seed);
              Set<DType> lacking = model.lacking(context);
              return lacking.isEmpty()
                  ? new Trial(context, model, limit).run(way)
                  : Outcome.unsupported("the device does not declare " + lacking);
            });
      }
    }
  }

  private static List<Way> ways() {
    List<Span> whole =
        IntStream.range(0, LENGTHS.length).mapToObj(s -> new Span(s, 0, LENGTHS[s])).toList();
    List<List<Span>> alone = new ArrayList<>(List.of(List.of(new Span(0, 0, ALONE_FROM))));
    for (int p = ALONE_FROM; p < LENGTHS[0]; p++) {
      alone.add(List.of(new Span(0, p, p + 1)));
    }
    return List.of(
        new Way("whole", List.of(whole), 0),
        new Way("chunked", chunked(), 2),
        new Way("alone", alone, 0));
  }

  /** All sequences in every step, those that are done with no tokens. */
  private static List<List<Span>> chunked() {
    List<List<Span>> steps = new ArrayList<>();
    int[] done = new int[LENGTHS.length];
    while (!Arrays.equals(done, LENGTHS)) {
      List<Span> step = new ArrayList<>();
      for (int s = 0; s < done.length; s++) {
        int to = Math.min(LENGTHS[s], done[s] + CHUNKS[s]);
        step.add(new Span(s, done[s], to));
        done[s] = to;
      }
      steps.add(step);
    }
    return steps;
  }

  /** One model with what it must give. */
  private static final class Trial {
    private final Context context;
    private final TinyModel model;
    private final double limit;
    private final RefTensor truth;

    Trial(Context context, TinyModel model, double limit) {
      this.context = context;
      this.model = model;
      this.limit = limit;
      this.truth = model.truth();
    }

    Outcome run(Way way) throws BackendException {
      List<Support.Native> natives = natives(context.device());
      boolean relaxed = natives.stream().anyMatch(n -> n.numerics() == Support.Numerics.RELAXED);
      double allowed = relaxed ? RELAXED : limit;
      double worst = run(way, CompileOptions.DEFAULT, allowed);
      worst = Math.max(worst, run(way, DebugCases.DEBUG, allowed));
      if (!natives.isEmpty()) {
        CompileOptions decomposed = new CompileOptions(true, false, false, Set.of());
        worst = Math.max(worst, run(way, decomposed, limit));
      }
      return Outcome.passed(worst);
    }

    private List<Support.Native> natives(Device device) {
      return model.graph().nodes().stream()
          .filter(n -> n.op() instanceof CompositeOp)
          .map(n -> device.supports(OpSpec.of(n)))
          .filter(Support.Native.class::isInstance)
          .map(Support.Native.class::cast)
          .toList();
    }

    private double run(Way way, CompileOptions options, double allowed) throws BackendException {
      String how =
          options.forceDecompose()
              ? "decomposed: "
              : options.debug() ? "with debug checks: " : "as the device runs it: ";
      double worst = 0;
      try (Evaluation compiled = model.compile(context.device(), options)) {
        if (options.equals(CompileOptions.DEFAULT)) {
          context.ran(compiled.lowering());
        }
        List<RefTensor> logits = model.run(compiled, way.steps(), way.padding());
        for (int i = 0; i < way.steps().size(); i++) {
          worst = Math.max(worst, check(how, way.steps().get(i), logits.get(i), allowed));
        }
      }
      return worst;
    }

    private double check(String how, List<Span> spans, RefTensor logits, double allowed) {
      double worst = 0;
      int row = 0;
      for (Span span : spans) {
        for (int p = span.from(); p < span.to(); p++) {
          String where = how + "sequence %d, position %d".formatted(span.sequence(), p);
          double[] right = row(truth, model.row(span.sequence(), p));
          worst = Math.max(worst, check(where, right, row(logits, row++), allowed));
        }
      }
      return worst;
    }

    private static double[] row(RefTensor logits, int row) {
      int vocab = logits.size(1);
      return IntStream.range(row * vocab, (row + 1) * vocab).mapToDouble(logits::real).toArray();
    }

    private static double check(String where, double[] right, double[] logits, double allowed) {
      LogitsCheck check = LogitsCheck.of(right, logits);
      if (!(check.divergence() <= allowed)) {
        throw new CheckFailedException(
            "%s: expected logits within a divergence of %.3g, got %.3g; the worst logit is off by %.3g"
                .formatted(where, allowed, check.divergence(), check.worstError()),
            check.divergence() / allowed,
            null);
      }
      if (check.best() != check.rightBest() && check.margin() > 8 * Math.sqrt(allowed)) {
        throw new CheckFailedException(
            "%s: expected token %d, by a margin of %.3g, got %d"
                .formatted(where, check.rightBest(), check.margin(), check.best()));
      }
      return check.divergence() / allowed;
    }
  }
}
