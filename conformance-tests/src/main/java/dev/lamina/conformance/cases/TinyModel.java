package dev.lamina.conformance.cases;

import dev.lamina.conformance.Context;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.conformance.oracle.StepOracle;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.State;
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
 * A whole tiny model, shipped as the text of its graph, with seeded weights and a few sequences of
 * random tokens, each on pages of its own. Gives logits of every row. Holds nothing of a device.
 */
final class TinyModel {
  /**
   * A model that the kit ships.
   *
   * @param name of its file
   * @param dtype of its weights, as ids say it
   */
  record Shipped(String name, String dtype) {}

  /** All of them. */
  static final List<Shipped> SHIPPED =
      List.of(
          new Shipped("gqa", "f32"),
          new Shipped("qk-norm-tied", "f32"),
          new Shipped("sinks-softcap", "f32"),
          new Shipped("biased-window-bf16", "bf16"),
          new Shipped("q8_0", "q8_0"),
          new Shipped("q4_0", "q4_0"));

  /** Pages that no sequence owns. */
  private static final int SPARE_PAGES = 2;

  /** Positions {@code from} to {@code to} of a sequence, all of whose earlier ones ran before. */
  record Span(int sequence, int from, int to) {}

  private final Graph graph;
  private final StateSpec spec;
  private final ModelWeights weights;
  private final long[][] tokens;
  private final long[][] pages;
  private final long slots;

  /**
   * A model with its sequences.
   *
   * @param name one of {@link #SHIPPED}
   * @param lengths tokens of each sequence
   * @param seed of weights, tokens and pages
   */
  TinyModel(String name, int[] lengths, long seed) {
    Random random = new Random(seed);
    graph = GraphText.parse(resource(name));
    spec = ((StateType) graph.input("kv.0").value().type()).spec();
    weights = ModelWeights.of(graph, random);
    int page = spec.slotsPerPage();
    int count = IntStream.of(lengths).map(n -> (n + page - 1) / page).sum() + SPARE_PAGES;
    slots = (long) count * page;
    List<Integer> free = new ArrayList<>(IntStream.range(0, count).boxed().toList());
    Collections.shuffle(free, random);
    long vocab = graph.input("embed.weight").value().shape().dim(0).upperBound();
    tokens = new long[lengths.length][];
    pages = new long[lengths.length][];
    for (int s = 0; s < lengths.length; s++) {
      tokens[s] = random.longs(lengths[s], 0, vocab).toArray();
      List<Integer> own = free.subList(0, (lengths[s] + page - 1) / page);
      pages[s] = own.stream().mapToLong(Integer::longValue).toArray();
      own.clear();
    }
  }

  /** Text of a file of graphs. */
  static String resource(String name) {
    try (InputStream in =
        TinyModel.class.getResourceAsStream("/dev/lamina/conformance/models/" + name + ".ir")) {
      if (in == null) {
        throw new AssertionError("models/" + name + ".ir is missing from the kit");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Graph graph() {
    return graph;
  }

  /** Dtypes of it that a device does not declare. */
  Set<DType> lacking(Context context) throws BackendException {
    Set<DType> lacking = GraphCase.dtypes(graph);
    lacking.removeAll(context.info().dtypes());
    return lacking;
  }

  /** Compiles it and loads the weights; the caller closes it. */
  Evaluation compile(Device device, CompileOptions options) throws BackendException {
    return Evaluation.of(device, graph, weights.stored(), options);
  }

  /** A pool for all sequences, zero-filled; the caller closes it. */
  State newPool(Evaluation compiled) throws BackendException {
    return compiled.newPool(spec, slots);
  }

  /** Tokens of a sequence. */
  int length(int sequence) {
    return tokens[sequence].length;
  }

  /** All of every sequence. */
  List<Span> whole() {
    return IntStream.range(0, tokens.length).mapToObj(s -> new Span(s, 0, length(s))).toList();
  }

  /**
   * One step.
   *
   * @param compiled what {@link #compile} gave
   * @param pool what {@link #newPool} gave, with all positions before the spans
   * @param spans the next tokens of some sequences
   * @param padding rows of no sequence after them
   * @return logits {@code [rows, vocabulary]}, spans in order, without the padding
   */
  RefTensor step(Evaluation compiled, State pool, List<Span> spans, int padding)
      throws BackendException {
    ModelStep step = ModelStep.of(tokens, pages, spec.slotsPerPage(), spans, padding);
    return compiled.pool(spec.name(), pool).run(step.inputs()).get(logits());
  }

  /** Runs steps one after the other in an empty pool; gives the logits of each. */
  List<RefTensor> run(Evaluation compiled, List<List<Span>> steps, int padding)
      throws BackendException {
    List<RefTensor> logits = new ArrayList<>();
    try (State pool = newPool(compiled)) {
      for (List<Span> step : steps) {
        logits.add(step(compiled, pool, step, padding));
      }
    }
    return logits;
  }

  /** Which of the graph's tensor outputs they are. */
  private int logits() {
    return graph.outputs().stream()
        .filter(o -> o.value().type() instanceof TensorType)
        .map(Graph.Output::name)
        .toList()
        .indexOf(StepSlots.LOGITS);
  }

  /** Logits of {@link #whole} in double. */
  RefTensor truth() {
    ModelStep step = ModelStep.of(tokens, pages, spec.slotsPerPage(), whole(), 0);
    Map<String, RefTensor> inputs = new LinkedHashMap<>(step.inputs());
    inputs.putAll(weights.decoded());
    Map<String, Long> dims = new HashMap<>(step.dims());
    dims.put("slots." + spec.name(), slots);
    Map<String, RefTensor> outputs = new StepOracle(graph, slots).run(dims, inputs);
    return Objects.requireNonNull(outputs.get(StepSlots.LOGITS), "logits");
  }

  /** The row of a position among those of {@link #whole}. */
  int row(int sequence, int position) {
    return IntStream.range(0, sequence).map(this::length).sum() + position;
  }
}
