package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.backend.sdk.BlockDecoder;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.safetensors.SafetensorsCheckpoint;
import dev.lamina.models.safetensors.SafetensorsWriter;
import dev.lamina.spi.WeightSpec.Use;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.GraphText;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.StepSlots;
import dev.lamina.spi.ir.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelPlanTest {
  @TempDir Path folder;

  private static List<CompositeOp.PagedAttention> attentions(Graph graph) {
    return graph.nodes().stream()
        .map(Node::op)
        .filter(CompositeOp.PagedAttention.class::isInstance)
        .map(CompositeOp.PagedAttention.class::cast)
        .toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "llama-yarn", "mistral", "qwen2", "qwen3"})
  void of_buildsEachFamilyAndUsesEveryTensor(String name) throws Exception {
    try (Checkpoint c = Checkpoint.open(Fixtures.unzip(name, folder))) {
      ModelPlan plan = ModelPlan.of(c, ModelOptions.DEFAULT);
      assertThat(plan.unused()).isEmpty();
      assertThat(plan.graph().outputs())
          .extracting(Graph.Output::name)
          .containsExactly(StepSlots.HIDDEN, StepSlots.LOGITS, StepSlots.kvPool(0));
      assertThat(attentions(plan.graph())).hasSize(4);
      Graph parsed = GraphText.parse(plan.graph().toString());
      assertThat(parsed.nodes()).hasSameSizeAs(plan.graph().nodes());
      assertThat(parsed.inputs()).hasSameSizeAs(plan.graph().inputs());
      assertThat(plan.kvDtype()).isEqualTo(DType.BF16);
    }
  }

  @Test
  void of_givesMistralItsWindowAndOthersNone() throws Exception {
    try (Checkpoint m = Checkpoint.open(Fixtures.unzip("mistral", folder));
        Checkpoint l = Checkpoint.open(Fixtures.unzip("llama", folder))) {
      assertThat(attentions(ModelPlan.of(m, ModelOptions.DEFAULT).graph()))
          .allSatisfy(a -> assertThat(a.window()).isEqualTo(16));
      assertThat(attentions(ModelPlan.of(l, ModelOptions.DEFAULT).graph()))
          .allSatisfy(a -> assertThat(a.window()).isZero());
    }
  }

  @Test
  void of_sharesATiedTableBetweenItsUses() throws Exception {
    try (Checkpoint c = Checkpoint.open(Fixtures.model("micro-chat"))) {
      ModelPlan plan = ModelPlan.of(c, ModelOptions.DEFAULT);
      WeightTable.Planned table = plan.weights().getFirst();
      assertThat(table.input()).isEqualTo("embed.weight");
      assertThat(table.spec().name()).isEqualTo("model.embed_tokens.weight");
      assertThat(table.spec().uses()).containsExactlyInAnyOrder(Use.EMBEDDING, Use.LINEAR);
      assertThat(plan.weights()).extracting(w -> w.input()).doesNotContain("head.weight");
      assertThat(c.generation().eosTokenIds()).containsExactly(4089, 4087);
    }
  }

  @Test
  void of_scoresOnlyWantedRowsFromTheLastLayerOn() throws Exception {
    try (Checkpoint c = Checkpoint.open(Fixtures.model("micro-chat"))) {
      ModelPlan plan = ModelPlan.of(c, ModelOptions.DEFAULT);
      Node head = plan.graph().nodes().getLast();
      assertThat(head.results().getFirst().type())
          .isEqualTo(TensorType.of(DType.F32, plan.slots().rows(), dev.lamina.spi.ir.Dim.of(4096)));
    }
  }

  @Test
  void of_startsAfterTheLookupIfAsked() throws Exception {
    try (Checkpoint c = Checkpoint.open(Fixtures.unzip("llama", folder))) {
      ModelPlan plan = ModelPlan.of(c, ModelOptions.DEFAULT.afterEmbedding());
      assertThat(plan.graph().inputs().getFirst().name()).isEqualTo(StepSlots.EMBEDDINGS);
      assertThat(plan.unused()).containsExactly("model.embed_tokens.weight");
    }
  }

  @Test
  void of_keepsKeysAndValuesAsPrecisionAndOptionsSay() throws Exception {
    try (Checkpoint c = Checkpoint.open(Fixtures.model("micro-chat"))) {
      ModelOptions f32 = ModelOptions.DEFAULT.withPrecision(Precision.F32);
      assertThat(ModelPlan.of(c, f32).kvDtype()).isEqualTo(DType.F32);
      assertThat(ModelPlan.of(c, f32.withKvDtype(DType.F16)).kvDtype()).isEqualTo(DType.F16);
      assertThat(ModelPlan.of(c, ModelOptions.DEFAULT).pools().getFirst().bytesPerSlot())
          .isEqualTo(8 * 2 * 2 * 64 * 2);
    }
  }

  @Test
  void summary_countsParametersAndMemory() throws Exception {
    try (Checkpoint c = Checkpoint.open(Fixtures.model("micro-chat"))) {
      ModelSummary s = ModelSummary.of(ModelPlan.of(c, ModelOptions.DEFAULT));
      assertThat(s.parameters()).isEqualTo(c.parameters()).isBetween(7_200_000L, 7_400_000L);
      assertThat(s.dtypes()).containsOnlyKeys("bf16");
      assertThat(s.components())
          .extracting(ModelSummary.Component::name)
          .containsExactly("embed", "attn", "rope", "mlp", "norm");
      assertThat(s.weightBytes()).isEqualTo(2 * s.parameters() + 4 * 32);
      assertThat(s.kvBytesPerToken()).isEqualTo(4096);
    }
  }

  @Test
  void synthetic_hasTheParametersOfItsShapeAndIsDeterministic() throws Exception {
    try (Checkpoint a = Checkpoint.synthetic("100m", DType.BF16, 7);
        Checkpoint b = Checkpoint.synthetic("100m", DType.BF16, 7);
        Checkpoint other = Checkpoint.synthetic("100m", DType.BF16, 8)) {
      ModelPlan plan = ModelPlan.of(a, ModelOptions.DEFAULT);
      ModelPlan same = ModelPlan.of(b, ModelOptions.DEFAULT);
      ModelPlan differs = ModelPlan.of(other, ModelOptions.DEFAULT);
      assertThat(a.parameters()).isBetween(54_400_000L, 54_600_000L);
      for (int i = 0; i < plan.weights().size(); i++) {
        assertThat(plan.weights().get(i).data().mismatch(same.weights().get(i).data()))
            .isEqualTo(-1);
      }
      assertThat(plan.weights().getFirst().data().mismatch(differs.weights().getFirst().data()))
          .isNotEqualTo(-1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"F32", "F16", "BF16"})
  void synthetic_holdsSmallFiniteValues(String dtype) throws Exception {
    DType type = DType.valueOf(dtype);
    try (SyntheticTensors t = new SyntheticTensors("test", type, 1)) {
      var matrix = t.find("w.weight", dev.lamina.spi.ir.Shape.of(33, 7));
      var ones = t.find("norm.weight", dev.lamina.spi.ir.Shape.of(5));
      double sum = 0;
      for (int i = 0; i < 33 * 7; i++) {
        float v = Floats.get(matrix, i);
        assertThat(Math.abs(v)).isBetween(0.015625f, 0.03125f);
        sum += v;
      }
      assertThat(Math.abs(sum)).isLessThan(1.5);
      for (int i = 0; i < 5; i++) {
        assertThat(Floats.get(ones, i)).isEqualTo(1);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_0", "Q4_K", "Q6_K", "MXFP4", "F8E4M3_128"})
  void synthetic_blocksHaveTheSpreadOfPlainWeights(QuantFormat format) throws Exception {
    try (SyntheticTensors t = new SyntheticTensors("test", format, 1)) {
      StoredTensor matrix = t.find("w.weight", dev.lamina.spi.ir.Shape.of(40, 1024));
      assertThat(matrix.type().layout()).isEqualTo(new Layout.Blocked(format));
      int n = 40 * 1024;
      float[] w = new float[n];
      BlockDecoder.of(format).decode(matrix.data(), 0, n / format.elements(), w, 0);
      double squares = 0;
      double sum = 0;
      for (float v : w) {
        assertThat(v).isFinite();
        squares += (double) v * v;
        sum += v;
      }
      double spread = Math.sqrt(squares / n);
      assertThat(spread).isBetween(0.01, 0.05);
      assertThat(Math.abs(sum / n)).isLessThan(0.15 * spread);
      assertThat(t.find("w.bias", dev.lamina.spi.ir.Shape.of(7)).type().dtype())
          .isEqualTo(DType.F32);
    }
  }

  @Test
  void synthetic_refusesShapesAndDtypesItCannotMake() {
    assertThatThrownBy(() -> Checkpoint.synthetic("100m", QuantFormat.NVFP4, 1))
        .hasMessageContaining("expected blocks of one of")
        .hasMessageContaining("got NVFP4");
    assertThatThrownBy(() -> Checkpoint.synthetic("nano", DType.F32, 1))
        .hasMessageContaining("expected one of 100m, qwen3-0.6b")
        .hasMessageContaining("got 'nano'");
    assertThatThrownBy(() -> Checkpoint.synthetic("100m", DType.I8, 1))
        .hasMessageContaining("expected dtype f32, f16 or bf16, got i8");
  }

  @Test
  void shapes_allParse() throws Exception {
    for (String name : Shapes.names()) {
      assertThat(ModelFamilies.parse(Shapes.config(name)).shape().vocabSize()).isPositive();
    }
  }

  /** Stacks and heads taken apart count once, and leave no tensor unused. */
  @Test
  void of_readsEveryTensorOfMixturesAndLatents() throws Exception {
    for (String name : List.of("mixtral", "qwen3-moe", "gpt-oss", "glm4-moe", "deepseek-v3")) {
      try (Checkpoint c = Checkpoint.open(Fixtures.unzip(name, folder))) {
        ModelPlan plan = ModelPlan.of(c, ModelOptions.DEFAULT);
        assertThat(plan.unused()).as(name).isEmpty();
        long parts =
            ModelSummary.of(plan).components().stream()
                .mapToLong(ModelSummary.Component::parameters)
                .sum();
        assertThat(parts).as(name).isEqualTo(c.parameters());
      }
    }
  }

  @Test
  void of_refusesALongerSequenceThanTheModelIsMadeFor() throws Exception {
    try (Checkpoint c = Checkpoint.open(Fixtures.model("micro-chat"))) {
      assertThatThrownBy(() -> ModelPlan.of(c, ModelOptions.DEFAULT.withLimits(5000, 512, 8)))
          .isInstanceOf(ModelException.class)
          .hasMessageContaining("at most 4096 tokens (max_position_embeddings), got 5000");
    }
  }

  @Test
  void of_makesTheSamePlanOfShardsAndOfTheOlderRotaryKeys() throws Exception {
    Path whole = Fixtures.unzip("llama", folder);
    Path older = Files.createDirectories(folder.resolve("older"));
    String config = Files.readString(whole.resolve("config.json"));
    String theta = "\"rope_theta\": 500000.0";
    Files.writeString(
        older.resolve("config.json"),
        config
            .replace(theta + ",", "")
            .replace("rope_parameters", "rope_scaling")
            .replace("\"hidden_act\"", theta + ", \"hidden_act\""));
    shard(whole, older);
    try (Checkpoint a = Checkpoint.open(whole);
        Checkpoint b = Checkpoint.open(older)) {
      ModelPlan expected = ModelPlan.of(a, ModelOptions.DEFAULT);
      ModelPlan got = ModelPlan.of(b, ModelOptions.DEFAULT);
      assertThat(got.graph()).isEqualTo(expected.graph());
      for (int i = 0; i < got.weights().size(); i++) {
        assertThat(got.weights().get(i).data().mismatch(expected.weights().get(i).data()))
            .as(got.weights().get(i).input())
            .isEqualTo(-1);
      }
    }
  }

  /** Splits a checkpoint's tensors over two files and an index. */
  private static void shard(Path from, Path to) throws Exception {
    StringBuilder index = new StringBuilder();
    try (SafetensorsCheckpoint c = SafetensorsCheckpoint.open(from)) {
      for (int half = 0; half < 2; half++) {
        String file = "model-0000%d-of-00002.safetensors".formatted(half + 1);
        Map<String, TensorType> types = new LinkedHashMap<>();
        for (int i = half; i < c.tensors().size(); i += 2) {
          types.put(c.tensors().get(i).name(), c.tensors().get(i).type());
        }
        try (SafetensorsWriter w = SafetensorsWriter.create(to.resolve(file), types, Map.of())) {
          for (String name : types.keySet()) {
            w.append(name, c.find(name).data());
            index.append(index.isEmpty() ? "" : ",");
            index.append("\"%s\":\"%s\"".formatted(name, file));
          }
        }
      }
    }
    Files.writeString(
        to.resolve("model.safetensors.index.json"), "{\"weight_map\":{" + index + "}}");
  }

  /** The llama checkpoint with its tensors' types changed; all zeros. */
  private Path rewritten(Consumer<Map<String, TensorType>> change) throws Exception {
    Path source = Fixtures.unzip("llama", folder);
    Map<String, TensorType> types = new LinkedHashMap<>();
    try (SafetensorsCheckpoint c = SafetensorsCheckpoint.open(source)) {
      c.tensors().forEach(t -> types.put(t.name(), t.type()));
    }
    change.accept(types);
    Path file = source.resolve("model.safetensors");
    try (SafetensorsWriter w = SafetensorsWriter.create(file, types, Map.of())) {
      for (Map.Entry<String, TensorType> e : types.entrySet()) {
        byte[] zeros = new byte[(int) e.getValue().byteSize()];
        w.append(e.getKey(), java.lang.foreign.MemorySegment.ofArray(zeros));
      }
    }
    return source;
  }

  private static void refusesToPlan(Path model, String... parts) {
    assertThatThrownBy(
            () -> {
              try (Checkpoint c = Checkpoint.open(model)) {
                ModelPlan.of(c, ModelOptions.DEFAULT);
              }
            })
        .isInstanceOf(ModelException.class)
        .hasMessageNotContaining("\n")
        .hasMessageContainingAll(parts);
  }

  @Test
  void of_refusesAMissingTensor() throws Exception {
    refusesToPlan(
        rewritten(t -> t.remove("model.layers.2.mlp.up_proj.weight")),
        "load " + folder,
        "tensor 'model.layers.2.mlp.up_proj.weight'",
        "shape [128,64]",
        "no such tensor");
  }

  @Test
  void of_refusesAMissingHead() throws Exception {
    refusesToPlan(rewritten(t -> t.remove("lm_head.weight")), "'lm_head.weight'", "no such tensor");
  }

  @Test
  void of_refusesAWrongShape() throws Exception {
    refusesToPlan(
        rewritten(t -> t.put("model.norm.weight", TensorType.of(DType.BF16, 32))),
        "model.safetensors",
        "tensor 'model.norm.weight'",
        "expected shape [64]",
        "got [32]");
  }

  @Test
  void of_refusesWeightsThatAreNoFloats() throws Exception {
    refusesToPlan(
        rewritten(t -> t.put("model.norm.weight", TensorType.of(DType.I32, 64))),
        "tensor 'model.norm.weight'",
        "a float dtype",
        "I32");
  }

  @Test
  void of_countsTensorsItDoesNotKnow() throws Exception {
    Path model = rewritten(t -> t.put("score.weight", TensorType.of(DType.BF16, 2, 64)));
    try (Checkpoint c = Checkpoint.open(model)) {
      assertThat(ModelPlan.of(c, ModelOptions.DEFAULT).unused()).containsExactly("score.weight");
    }
  }

  @Test
  void open_refusesWhatIsNoModelFolder() throws IOException {
    refusesToPlan(folder.resolve("absent"), "expected a folder", "got nothing there");
    Path file = Files.writeString(folder.resolve("file"), "x");
    refusesToPlan(file, "expected a folder", "got a file");
    refusesToPlan(folder, "config.json", "got no such file");
    Files.copy(Fixtures.model("micro-chat").resolve("config.json"), folder.resolve("config.json"));
    refusesToPlan(folder, "expected weights in *.safetensors", "without any");
  }
}
