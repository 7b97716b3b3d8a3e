package dev.lamina.cli;

import dev.lamina.LaminaException;
import dev.lamina.LaminaOptions;
import dev.lamina.ModelInfo;
import dev.lamina.ModelLocator;
import dev.lamina.ModelRuntime;
import dev.lamina.models.Checkpoint;
import dev.lamina.models.ModelPlan;
import dev.lamina.models.ModelSummary;
import dev.lamina.models.Precision;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.Lowering;
import dev.lamina.spi.State;
import dev.lamina.spi.Support;
import dev.lamina.spi.ir.StateSpec;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What a model is and what it takes on this machine. */
@Command(name = "inspect", description = "Prints a model's architecture, memory, graph, kernels.")
final class InspectCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      description = "Folder, .gguf file or built-in.")
  private String model = ModelLocator.DEFAULT;

  @Option(names = "--graph", description = "Prints the step's IR as text.")
  private boolean graph;

  @Option(names = "--explain", description = "Prints which kernel each op gets, and why.")
  private boolean explain;

  @Option(names = "--json", description = "Prints one JSON document.")
  private boolean json;

  @Mixin private ModelFlags modelFlags = new ModelFlags();
  @Mixin private EngineFlags engineFlags = new EngineFlags();

  @Override
  public Integer call() {
    modelFlags.refuseAdapters("inspect");
    LaminaOptions options =
        modelFlags
            .options(Precision.DEFAULT)
            .withEngine(engineFlags.config())
            .withProgress(Progress.stderr());
    try (Checkpoint checkpoint = Checkpoint.open(ModelLocator.find(model));
        ModelRuntime runtime = ModelRuntime.load(checkpoint, options)) {
      ObjectNode document = document(runtime, options);
      if (json) {
        System.out.println(Json.line(document));
      } else if (!graph && !explain) {
        print(document);
      }
      if (!json && graph) {
        System.out.print(runtime.plan().graph());
      }
      if (!json && explain) {
        runtime.loaded().executable().lowering().forEach(InspectCommand::print);
      }
    } catch (ModelException e) {
      throw new LaminaException(String.valueOf(e.getMessage()), e);
    }
    return Main.OK;
  }

  private ObjectNode document(ModelRuntime runtime, LaminaOptions options) {
    ModelPlan plan = runtime.plan();
    Checkpoint checkpoint = plan.checkpoint();
    ModelInfo info = runtime.info();
    ObjectNode d = Json.object();
    d.put("model", checkpoint.name());
    d.put("model_type", checkpoint.modelType());
    ModelSummary summary = ModelSummary.of(plan);
    d.put("parameters", summary.parameters());
    ObjectNode dtypes = d.putObject("dtypes");
    summary.dtypes().forEach(dtypes::put);
    ObjectNode components = d.putObject("component_bytes");
    summary.components().forEach(c -> components.put(c.name(), c.bytes()));
    d.put("vocab_size", info.vocabSize());
    d.put("max_model_len", info.maxModelLen());
    d.put("backend", info.backend());
    d.put("device", info.device());
    d.put("precision", options.precision().name().toLowerCase(Locale.ROOT));
    d.put("activations", plan.activations().text());
    d.put("kv_dtype", plan.kvDtype().text());
    memory(d.putObject("memory"), runtime, info);
    if (graph) {
      d.put("graph", plan.graph().toString());
    }
    if (explain) {
      ArrayNode kernels = d.putArray("kernels");
      runtime.loaded().executable().lowering().forEach(l -> add(kernels.addObject(), l));
    }
    return d;
  }

  private static void memory(ObjectNode memory, ModelRuntime runtime, ModelInfo info) {
    long weights = runtime.plan().weights().stream().mapToLong(w -> w.data().byteSize()).sum();
    long copied = runtime.loaded().weights().stream().mapToLong(w -> w.deviceBytes()).sum();
    long kvPerToken = runtime.plan().pools().stream().mapToLong(StateSpec::bytesPerSlot).sum();
    memory.put("weights_bytes", weights);
    memory.put("weights_copied_bytes", copied);
    memory.put("kv_bytes_per_token", kvPerToken);
    memory.put("kv_capacity_tokens", info.kvCapacityTokens());
    memory.put("kv_bytes", kvPerToken == 0 ? 0 : kvPerToken * info.kvCapacityTokens());
    State recurrent = runtime.compiled().recurrent();
    long perSlot = recurrent == null ? 0 : recurrent.layout().bytesPerPage();
    memory.put("state_bytes_per_sequence", perSlot);
    memory.put("state_bytes", recurrent == null ? 0 : perSlot * recurrent.numSlots());
    long[] largest = runtime.loaded().executable().dims().upperBounds();
    memory.put("workspace_max_bytes", runtime.loaded().executable().workspaceBytes(largest));
  }

  private static void print(ObjectNode document) {
    for (Map.Entry<String, tools.jackson.databind.JsonNode> e : document.properties()) {
      if (e.getValue().isObject()) {
        e.getValue()
            .properties()
            .forEach(in ->
                System.out.printf(
                    "%-28s %s%n", e.getKey() + "." + in.getKey(), in.getValue().asString()));
      } else {
        System.out.printf("%-28s %s%n", e.getKey(), e.getValue().asString());
      }
    }
  }

  private static void print(Lowering l) {
    System.out.printf("%4d x %-24s %-40s %s%n", l.count(), l.kernel(), l.op(), words(l.support()));
  }

  private static String words(Support support) {
    return switch (support) {
      case Support.Native n -> "native " + n.perf() + " " + n.numerics();
      case Support.Decompose d -> "decomposed: " + d.why();
      case Support.Never n -> "never: " + n.why();
    };
  }

  private static void add(ObjectNode node, Lowering l) {
    node.put("op", l.op());
    node.put("kernel", l.kernel());
    node.put("count", l.count());
    node.put("support", words(l.support()));
  }
}
