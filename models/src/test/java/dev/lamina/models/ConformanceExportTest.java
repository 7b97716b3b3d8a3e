package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.models.checkpoint.GenerationConfig;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.GraphText;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The conformance kit ships graphs of this module as text: whole tiny models, and the ops of models
 * that people run. They must be what this module builds; {@code -Dlamina.export=true} writes them.
 */
class ConformanceExportTest {
  private static final Path FOLDER =
      Path.of("../conformance-tests/src/main/resources/dev/lamina/conformance/models");

  /** Largest weight whose oracle is quick, in elements. */
  private static final long MOST_ELEMENTS = 4L << 20;

  private static Graph graph(String type, String sizes, DType stored, Precision precision)
      throws ModelException {
    String json = "{'model_type':'%s',%s}".formatted(type, sizes).replace('\'', '"');
    ModelConfig config = ModelConfig.parse("config.json", json);
    try (SyntheticTensors tensors = new SyntheticTensors(type, stored, 1)) {
      Checkpoint checkpoint =
          new Checkpoint(
              type, config, ModelFamilies.parse(config), GenerationConfig.of(config), tensors);
      return ModelPlan.of(checkpoint, ModelOptions.DEFAULT.withPrecision(precision)).graph();
    }
  }

  private static Graph tiny(String type, String more, DType stored, Precision precision)
      throws ModelException {
    String sizes =
        "'vocab_size':101,'hidden_size':64,'num_hidden_layers':2,'num_attention_heads':4,"
            + "'num_key_value_heads':2,'intermediate_size':96,'head_dim':16,"
            + "'max_position_embeddings':512"
            + more;
    return graph(type, sizes, stored, precision);
  }

  private static String text(String name) throws ModelException {
    return switch (name) {
      case "gqa" -> GraphText.print(tiny("llama", "", DType.F32, Precision.F32));
      case "biased-window-bf16" ->
          GraphText.print(
              tiny(
                  "qwen2",
                  ",'use_sliding_window':true,'sliding_window':8,'max_window_layers':0",
                  DType.BF16,
                  Precision.DEFAULT));
      case "qk-norm-tied" ->
          GraphText.print(tiny("qwen3", ",'tie_word_embeddings':true", DType.F32, Precision.F32));
      case "sinks-softcap" ->
          GraphText.print(withSinks(tiny("llama", "", DType.F32, Precision.F32)));
      case "q8_0" -> GraphText.print(quantised(QuantFormat.Q8_0));
      case "q4_0" -> GraphText.print(quantised(QuantFormat.Q4_0));
      case "ops" -> ops();
      default -> throw new IllegalArgumentException(name);
    };
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gqa",
        "biased-window-bf16",
        "qk-norm-tied",
        "sinks-softcap",
        "q8_0",
        "q4_0",
        "ops"
      })
  void kit_shipsWhatThisModuleBuilds(String name) throws ModelException, IOException {
    Path file = FOLDER.resolve(name + ".ir");
    if (Boolean.getBoolean("lamina.export")) {
      Files.writeString(file, text(name));
    }
    assertThat(file)
        .as("run this test with -Dlamina.export=true to write the kit's models anew")
        .hasContent(text(name));
  }

  /** What a step of attention with sinks, a window and a bound on logits would be. */
  private static Graph withSinks(Graph graph) {
    return rebuilt(
        graph,
        t -> t,
        (ops, node, operands) -> {
          if (node.op() instanceof CompositeOp.PagedAttention a) {
            long heads = node.operands().getFirst().shape().dim(1).upperBound();
            CompositeOp.PagedAttention op =
                new CompositeOp.PagedAttention(
                    a.layer(), a.scale(), true, a.layer() == 0 ? 7 : 0, 0, 3, true, false);
            List<Value> with = new ArrayList<>(operands);
            with.add(
                ops.input(
                    Graph.Role.WEIGHT,
                    "layers." + a.layer() + ".attn.sinks",
                    TensorType.of(DType.F32, heads)));
            return List.of(ops.pagedAttention(op, with.toArray(Value[]::new)));
          }
          return ops.addAll(node.op(), operands);
        });
  }

  private static Graph quantised(QuantFormat format) throws ModelException {
    return rebuilt(
        tiny("llama", "", DType.F32, Precision.F32),
        t ->
            t.shape().rank() == 2 && t.dtype() == DType.F32
                ? TensorType.blocked(format, t.shape())
                : t,
        (ops, node, operands) -> ops.addAll(node.op(), operands));
  }

  /** Builds a node anew. */
  @FunctionalInterface
  private interface Rebuild {
    List<Value> node(Ops ops, Node node, List<Value> operands);
  }

  private static Graph rebuilt(Graph graph, UnaryOperator<TensorType> weights, Rebuild rebuild) {
    Ops ops = new Ops(graph.name());
    Map<Value, Value> made = new LinkedHashMap<>();
    for (Graph.Input in : graph.inputs()) {
      made.put(
          in.value(),
          switch (in.value().type()) {
            case StateType s -> ops.state(s.spec());
            case TensorType t ->
                ops.input(
                    in.role(), in.name(), in.role() == Graph.Role.WEIGHT ? weights.apply(t) : t);
          });
    }
    for (Node node : graph.nodes()) {
      List<Value> results =
          rebuild.node(ops, node, node.operands().stream().map(made::get).toList());
      for (int i = 0; i < results.size(); i++) {
        made.put(node.results().get(i), results.get(i));
      }
    }
    graph.outputs().forEach(o -> ops.output(o.name(), made.get(o.value())));
    return ops.build();
  }

  /** The distinct ops of models of real sizes, each a graph of one node. */
  private static String ops() throws ModelException {
    Map<String, Graph> models = new LinkedHashMap<>();
    models.put(
        "qwen3-0.6b",
        graph(
            "qwen3",
            "'vocab_size':4096,'hidden_size':1024,'num_hidden_layers':1,'num_attention_heads':16,"
                + "'num_key_value_heads':8,'intermediate_size':3072,'head_dim':128,"
                + "'max_position_embeddings':40960,'rope_theta':1000000,"
                + "'tie_word_embeddings':true",
            DType.BF16,
            Precision.DEFAULT));
    models.put(
        "llama-3.2-1b",
        graph(
            "llama",
            "'vocab_size':4096,'hidden_size':2048,'num_hidden_layers':1,'num_attention_heads':32,"
                + "'num_key_value_heads':8,'intermediate_size':8192,'head_dim':64,"
                + "'max_position_embeddings':131072,'rope_theta':500000",
            DType.BF16,
            Precision.DEFAULT));
    models.put(
        "qwen2.5-0.5b",
        graph(
            "qwen2",
            "'vocab_size':4096,'hidden_size':896,'num_hidden_layers':1,'num_attention_heads':14,"
                + "'num_key_value_heads':2,'intermediate_size':4864,"
                + "'max_position_embeddings':32768,'rope_theta':1000000",
            DType.BF16,
            Precision.DEFAULT));
    StringBuilder out = new StringBuilder();
    models.forEach((name, graph) -> {
      Map<String, String> distinct = new LinkedHashMap<>();
      for (Node node : graph.nodes()) {
        if (node.op() instanceof CompositeOp) {
          Graph alone = alone(name, graph, node);
          if (size(alone) <= MOST_ELEMENTS) {
            // An op on the wanted rows is the same op on fewer rows.
            String text = GraphText.print(alone);
            distinct.putIfAbsent(text.replace("dim R =", "dim T =").replace("[R,", "[T,"), text);
          }
        }
      }
      distinct.values().forEach(out::append);
    });
    return out.toString();
  }

  private static long size(Graph graph) {
    return graph.inputs().stream()
        .filter(in -> in.role() == Graph.Role.WEIGHT)
        .mapToLong(in ->
            in.value().tensor().shape().dims().stream()
                .mapToLong(d -> d.upperBound())
                .reduce(1, (a, b) -> a * b))
        .max()
        .orElse(0);
  }

  private static Graph alone(String model, Graph graph, Node node) {
    Ops ops = new Ops(model);
    List<Value> operands = new ArrayList<>();
    for (Value v : node.operands()) {
      Graph.Role role =
          graph.inputs().stream()
              .filter(in -> in.value().equals(v))
              .map(Graph.Input::role)
              .findFirst()
              .orElse(Graph.Role.TENSOR);
      String name = "in" + operands.size();
      operands.add(
          switch (v.type()) {
            case StateType s -> ops.state(s.spec());
            case TensorType t -> ops.input(role, name, t);
          });
    }
    List<Value> results = ops.addAll(node.op(), operands);
    for (int i = 0; i < results.size(); i++) {
      ops.output(
          results.get(i).type() instanceof StateType s ? s.spec().name() : "out" + i,
          results.get(i));
    }
    return ops.build();
  }
}
