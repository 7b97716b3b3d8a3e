package dev.lamina.conformance.cases;

import dev.lamina.conformance.CheckFailedException;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.conformance.oracle.StepOracle;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.State;
import dev.lamina.spi.Support;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.GraphText;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Whole tiny models, shipped as the text of their graphs, against a run of the same graph in
 * double: a prompt at once, and the same prompts cut into chunks that decode together.
 */
final class ModelCases {
  /** Prompts: over page edges and windows, one shorter than a page. */
  private static final int[] LENGTHS = {37, 5, 18};

  /** Tokens a step of each sequence when it is cut. */
  private static final int[] CHUNKS = {7, 1, 16};

  private static final int PAGES = 8;

  /** Divergence of F32: an honest kernel stays below 1e-10. */
  private static final double STRICT = 1e-8;

  /** Divergence where keys and values are rounded, and a last bit of theirs may fall either way. */
  private static final double ROUNDED = 1e-4;

  /** Divergence of a device that declares its projections or attention relaxed. */
  private static final double RELAXED = 1e-3;

  private ModelCases() {}

  static void addTo(CaseList list) {
    add(list, "gqa", "f32", STRICT);
    add(list, "qk-norm-tied", "f32", STRICT);
    add(list, "sinks-softcap", "f32", STRICT);
    add(list, "biased-window-bf16", "bf16", ROUNDED);
    add(list, "q8_0", "q8_0", STRICT);
    add(list, "q4_0", "q4_0", STRICT);
  }

  private static void add(CaseList list, String name, String dtype, double limit) {
    for (boolean whole : new boolean[] {true, false}) {
      list.seeded(
          Level.L2,
          "model",
          dtype,
          Dtypes.shape(Arrays.stream(LENGTHS).asLongStream().toArray()),
          name + (whole ? ",whole" : ",chunked"),
          Rule.R2,
          (context, seed) -> new Trial(graph(name), new Random(seed), limit).run(context, whole));
    }
  }

  static String resource(String name) {
    try (InputStream in =
        ModelCases.class.getResourceAsStream("/dev/lamina/conformance/models/" + name + ".ir")) {
      if (in == null) {
        throw new AssertionError("models/" + name + ".ir is missing from the kit");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Graph graph(String name) {
    return GraphText.parse(resource(name));
  }

  /** One model with its weights, its prompts and what they must give. */
  private static final class Trial {
    private final Graph graph;
    private final double limit;
    private final ModelWeights weights;
    private final long[][] tokens = new long[LENGTHS.length][];
    private final long[][] pages = new long[LENGTHS.length][];

    /** Logits of every position, a sequence after the other. */
    private final RefTensor truth;

    Trial(Graph graph, Random random, double limit) {
      this.graph = graph;
      this.limit = limit;
      this.weights = ModelWeights.of(graph, random);
      long vocab = graph.input("embed.weight").value().shape().dim(0).upperBound();
      List<Integer> free = new ArrayList<>(IntStream.range(0, PAGES).boxed().toList());
      Collections.shuffle(free, random);
      for (int s = 0; s < LENGTHS.length; s++) {
        tokens[s] = random.longs(LENGTHS[s], 0, vocab).toArray();
        int count = (LENGTHS[s] + ModelStep.PAGE - 1) / ModelStep.PAGE;
        pages[s] = free.subList(0, count).stream().mapToLong(Integer::longValue).toArray();
        free.subList(0, count).clear();
      }
      truth = evaluate();
    }

    private RefTensor evaluate() {
      ModelStep step = ModelStep.of(tokens, pages, new int[LENGTHS.length], LENGTHS, 0);
      Map<String, RefTensor> inputs = new LinkedHashMap<>(step.inputs());
      inputs.putAll(weights.decoded());
      StepOracle oracle = new StepOracle(graph, (long) PAGES * ModelStep.PAGE);
      Map<String, Long> dims = new HashMap<>(step.dims());
      dims.put("slots.kv.0", (long) PAGES * ModelStep.PAGE);
      return Objects.requireNonNull(oracle.run(dims, inputs).get(StepSlots.LOGITS), "logits");
    }

    Outcome run(Context context, boolean whole) throws BackendException {
      Device device = context.device();
      Set<DType> lacking = GraphCase.dtypes(graph);
      lacking.removeAll(context.info().dtypes());
      if (!lacking.isEmpty()) {
        return Outcome.unsupported("the device does not declare " + lacking);
      }
      boolean relaxed =
          natives(device).stream().anyMatch(n -> n.numerics() == Support.Numerics.RELAXED);
      double worst = run(context, whole, CompileOptions.DEFAULT, relaxed ? RELAXED : limit);
      if (!natives(device).isEmpty()) {
        CompileOptions decomposed = new CompileOptions(true, false, false, Set.of());
        worst = Math.max(worst, run(context, whole, decomposed, limit));
      }
      return Outcome.passed(worst);
    }

    private List<Support.Native> natives(Device device) {
      return graph.nodes().stream()
          .filter(n -> n.op() instanceof CompositeOp)
          .map(n -> device.supports(OpSpec.of(n)))
          .filter(Support.Native.class::isInstance)
          .map(Support.Native.class::cast)
          .toList();
    }

    private double run(Context context, boolean whole, CompileOptions options, double allowed)
        throws BackendException {
      String how = options.forceDecompose() ? "decomposed: " : "as the device runs it: ";
      double worst = 0;
      long slots = (long) PAGES * ModelStep.PAGE;
      int[] done = new int[LENGTHS.length];
      try (Evaluation model = Evaluation.of(context.device(), graph, weights.stored(), options);
          State pool = Evaluation.newPool(context.device(), spec(), slots, options)) {
        model.pool(spec().name(), pool);
        if (!options.forceDecompose()) {
          context.ran(model.lowering());
        }
        while (!Arrays.equals(done, LENGTHS)) {
          int[] end = new int[LENGTHS.length];
          for (int s = 0; s < end.length; s++) {
            end[s] = whole ? LENGTHS[s] : Math.min(LENGTHS[s], done[s] + CHUNKS[s]);
          }
          ModelStep step = ModelStep.of(tokens, pages, done, end, whole ? 0 : 2);
          RefTensor got = model.run(step.inputs()).get(logits());
          for (int r = 0; r < step.rows().size(); r++) {
            worst = Math.max(worst, check(step.rows().get(r), row(got, r), how, allowed));
          }
          done = end;
        }
      }
      return worst;
    }

    private StateSpec spec() {
      return ((StateType) graph.input("kv.0").value().type()).spec();
    }

    /** Which of the graph's tensor outputs they are. */
    private int logits() {
      List<String> names =
          graph.outputs().stream()
              .filter(o -> o.value().type() instanceof TensorType)
              .map(Graph.Output::name)
              .toList();
      return names.indexOf(StepSlots.LOGITS);
    }

    private static double[] row(RefTensor logits, int row) {
      int vocab = logits.size(1);
      return IntStream.range(row * vocab, (row + 1) * vocab).mapToDouble(logits::real).toArray();
    }

    private double check(ModelStep.Row row, double[] logits, String how, double allowed) {
      int before = Arrays.stream(LENGTHS).limit(row.sequence()).sum();
      LogitsCheck check = LogitsCheck.of(row(truth, before + row.position()), logits);
      String where = how + "sequence %d, position %d".formatted(row.sequence(), row.position());
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
