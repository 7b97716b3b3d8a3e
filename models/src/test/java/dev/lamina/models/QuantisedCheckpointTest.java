package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.safetensors.SafetensorsWriter;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.Device;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Models in each quantised layout against the same models in floats. */
class QuantisedCheckpointTest {
  private static final int HIDDEN = 256;
  private static final int INNER = 384;
  private static final int VOCAB = 64;
  private static final int[] IDS = {1, 17, 5, 60, 33, 2, 9, 41, 8, 30, 63};

  private static final String LLAMA =
      """
      {"model_type": "llama", "hidden_size": 256, "intermediate_size": 384, "num_hidden_layers": 1,
       "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64, "vocab_size": 64,
       "max_position_embeddings": 128, "rms_norm_eps": 1e-5%s}
      """;

  private static final String GPT_OSS =
      """
      {"model_type": "gpt_oss", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1,
       "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32, "vocab_size": 64,
       "num_local_experts": 4, "num_experts_per_tok": 2, "max_position_embeddings": 128%s}
      """;

  @TempDir Path folder;

  private static Arguments layout(
      String name, String config, String expected, QuantisedMatrices.Layout layout) {
    return Arguments.of(name, config, expected, layout);
  }

  private static Stream<Arguments> layouts() {
    String fp8 = "'quant_method': 'fp8'";
    String packed = "'quant_method': 'compressed-tensors', 'format': 'pack-quantized'";
    return Stream.of(
        layout(
            "FP8 in rectangles",
            fp8 + ", 'weight_block_size': [128, 128]",
            "f8e4m3_128",
            QuantisedMatrices.fp8("weight_scale_inv", DType.F32, 128, 128)),
        layout(
            "FP8 in rectangles of 64 by 32",
            fp8 + ", 'weight_block_size': [64, 32]",
            "f8e4m3_16",
            QuantisedMatrices.fp8("weight_scale_inv", DType.F32, 64, 32)),
        layout(
            "FP8 a row",
            "'quant_method': 'fbgemm_fp8'",
            "f8e4m3_128",
            QuantisedMatrices.fp8("weight_scale", DType.F32, 1, 0)),
        layout(
            "FP8 a tensor",
            "'quant_method': 'compressed-tensors', 'format': 'float-quantized'",
            "f8e4m3_128",
            QuantisedMatrices.fp8("weight_scale", DType.BF16, 0, 0)),
        layout(
            "GPTQ",
            "'quant_method': 'gptq', 'bits': 4, 'group_size': 128",
            "int4_128",
            QuantisedMatrices.gptq(128, false, 1)),
        layout(
            "GPTQ v2 in groups of 32",
            "'quant_method': 'gptq', 'bits': 4, 'checkpoint_format': 'gptq_v2'",
            "int4_32",
            QuantisedMatrices.gptq(32, false, 0)),
        layout(
            "GPTQ with act-order",
            "'quant_method': 'gptq', 'bits': 4, 'desc_act': true",
            "int4_128",
            QuantisedMatrices.gptq(128, true, 1)),
        layout(
            "AWQ",
            "'quant_method': 'awq', 'bits': 4, 'version': 'gemm'",
            "int4_128",
            QuantisedMatrices.awq(128)),
        layout(
            "8-bit integers a row",
            "'quant_method': 'compressed-tensors', 'format': 'int-quantized'",
            "int8_128",
            QuantisedMatrices.int8(DType.BF16)),
        layout("packed 4-bit", packed, "int4_128", QuantisedMatrices.packed(4, 128, false)),
        layout("packed 4-bit a row", packed, "int4_128", QuantisedMatrices.packed(4, 0, false)),
        layout(
            "packed 4-bit with zero points",
            packed,
            "int4_32",
            QuantisedMatrices.packed(4, 32, true)),
        layout("packed 8-bit", packed, "int8_128", QuantisedMatrices.packed(8, 128, false)),
        layout(
            "packed 8-bit with zero points", packed, "f32", QuantisedMatrices.packed(8, 128, true)),
        layout(
            "NVFP4",
            "'quant_method': 'compressed-tensors', 'format': 'nvfp4-pack-quantized'",
            "fp4_16",
            QuantisedMatrices.nvfp4()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("layouts")
  void logits_equalThoseOfTheFloatTwin(
      String name, String config, String expected, QuantisedMatrices.Layout layout)
      throws Exception {
    QuantisedMatrices quantised = new QuantisedMatrices();
    QuantisedMatrices twin = new QuantisedMatrices();
    String layer = "model.layers.0.";
    plain(quantised, twin, "model.embed_tokens.weight", 1, 0, VOCAB, HIDDEN);
    plain(quantised, twin, "lm_head.weight", 0.1, 0, VOCAB, HIDDEN);
    for (String norm :
        List.of(layer + "input_layernorm", layer + "post_attention_layernorm", "model.norm")) {
      plain(quantised, twin, norm + ".weight", 0.1, 1, HIDDEN);
    }
    Map<String, int[]> modules =
        Map.of(
            "self_attn.q_proj", new int[] {256, HIDDEN},
            "self_attn.k_proj", new int[] {128, HIDDEN},
            "self_attn.v_proj", new int[] {128, HIDDEN},
            "self_attn.o_proj", new int[] {HIDDEN, 256},
            "mlp.gate_proj", new int[] {INNER, HIDDEN},
            "mlp.up_proj", new int[] {INNER, HIDDEN},
            "mlp.down_proj", new int[] {HIDDEN, INNER});
    modules.forEach((module, s) -> {
      float[] w = layout.add(quantised, layer + module + ".", s[0], s[1]);
      twin.floats(layer + module + ".weight", w, s[0], s[1]);
    });
    Path one = write("quantised", LLAMA, config, quantised);
    Path other = write("twin", LLAMA, "", twin);
    try (Checkpoint opened = Checkpoint.open(one);
        Checkpoint floats = Checkpoint.open(other)) {
      assertThat(formatInUse(opened, layer + "mlp.down_proj.weight")).isEqualTo(expected);
      assertThat(opened.parameters()).isEqualTo(floats.parameters());
      assertThat(ModelPlan.of(opened, ModelOptions.DEFAULT).unused()).isEmpty();
      assertSameLogits(opened, floats);
    }
    convertsToTheTwin(one, other);
  }

  /** What the graph binds the tensor as, whatever else the checkpoint can make of it. */
  private static String formatInUse(Checkpoint c, String tensor) throws Exception {
    for (WeightTable.Planned w : ModelPlan.of(c, ModelOptions.DEFAULT).weights()) {
      if (w.spec().name().equals(tensor)) {
        return w.spec().type().layout() instanceof Layout.Blocked b
            ? b.format().text()
            : w.spec().type().dtype().text();
      }
    }
    throw new AssertionError("no weight " + tensor);
  }

  /** Through a folder of F32: the twin's numbers, and a configuration that says no more. */
  private void convertsToTheTwin(Path quantised, Path twin) throws Exception {
    Path out = folder.resolve("converted");
    try (Checkpoint model = Checkpoint.openToConvert(quantised)) {
      Conversion.toFolder(model, DType.F32, out, t -> {});
    }
    assertThat(Files.readString(out.resolve("config.json"))).doesNotContain("quantization_config");
    try (Checkpoint converted = Checkpoint.open(out);
        Checkpoint floats = Checkpoint.open(twin)) {
      assertThat(converted.tensors().tensors()).hasSameSizeAs(floats.tensors().tensors());
      for (StoredTensor t : floats.tensors().tensors()) {
        StoredTensor u = converted.tensors().find(t.name());
        assertThat(u).as(t.name()).isNotNull();
        for (long i = 0; i < t.elements(); i++) {
          // A product of F32, rounded once here and there.
          assertThat(Floats.get(u, i))
              .as("%s element %d", t.name(), i)
              .isCloseTo(Floats.get(t, i), Offset.offset(Math.abs(Floats.get(t, i)) * 0x1p-22f));
        }
      }
    }
  }

  @Test
  void logitsOfGptOss_equalThoseOfTheFloatTwin() throws Exception {
    QuantisedMatrices quantised = new QuantisedMatrices();
    QuantisedMatrices twin = new QuantisedMatrices();
    String layer = "model.layers.0.";
    plain(quantised, twin, "model.embed_tokens.weight", 1, 0, VOCAB, 64);
    plain(quantised, twin, "lm_head.weight", 0.1, 0, VOCAB, 64);
    for (String norm :
        List.of(layer + "input_layernorm", layer + "post_attention_layernorm", "model.norm")) {
      plain(quantised, twin, norm + ".weight", 0.1, 1, 64);
    }
    for (String m : List.of("q", "k", "v", "o")) {
      int rows = m.equals("q") || m.equals("o") ? 64 : 32;
      plain(quantised, twin, layer + "self_attn." + m + "_proj.weight", 0.1, 0, rows, 64);
      plain(quantised, twin, layer + "self_attn." + m + "_proj.bias", 0.1, 0, rows);
    }
    plain(quantised, twin, layer + "self_attn.sinks", 1, 0, 2);
    plain(quantised, twin, layer + "mlp.router.weight", 0.3, 0, 4, 64);
    plain(quantised, twin, layer + "mlp.router.bias", 0.1, 0, 4);
    String experts = layer + "mlp.experts.";
    plain(quantised, twin, experts + "gate_up_proj_bias", 0.1, 0, 4, 192);
    plain(quantised, twin, experts + "down_proj_bias", 0.1, 0, 4, 64);
    float[] gateUp = quantised.mxfp4(experts + "gate_up_proj", 4, 192, 64);
    twin.floats(experts + "gate_up_proj", turned(gateUp, 4, 192, 64), 4, 64, 192);
    float[] down = quantised.mxfp4(experts + "down_proj", 4, 64, 96);
    twin.floats(experts + "down_proj", turned(down, 4, 64, 96), 4, 96, 64);
    Path one = write("quantised", GPT_OSS, "'quant_method': 'mxfp4'", quantised);
    Path other = write("twin", GPT_OSS, "", twin);
    try (Checkpoint opened = Checkpoint.open(one);
        Checkpoint floats = Checkpoint.open(other)) {
      assertThat(opened.tensors().find(experts + "down_proj").format()).isEqualTo("mxfp4");
      assertThat(opened.parameters()).isEqualTo(floats.parameters());
      assertSameLogits(opened, floats);
    }
  }

  private static float[] turned(float[] w, int e, int n, int k) {
    float[] t = new float[w.length];
    for (int i = 0; i < w.length; i++) {
      t[i / (n * k) * n * k + i % k * n + i / k % n] = w[i];
    }
    return t;
  }

  private static void plain(
      QuantisedMatrices a,
      QuantisedMatrices b,
      String name,
      double spread,
      double around,
      long... shape) {
    int count = 1;
    for (long s : shape) {
      count *= (int) s;
    }
    float[] w = a.normal(count, spread, around);
    a.floats(name, w, shape);
    b.floats(name, w, shape);
  }

  private Path write(String name, String config, String quantization, QuantisedMatrices tensors)
      throws Exception {
    Path model = Files.createDirectories(folder.resolve(name));
    String key =
        quantization.isEmpty()
            ? ""
            : ", \"quantization_config\": {" + quantization.replace('\'', '"') + "}";
    Files.writeString(model.resolve("config.json"), config.formatted(key));
    Path file = model.resolve("model.safetensors");
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, tensors.types, Map.of())) {
      for (String t : tensors.types.keySet()) {
        writer.append(t, tensors.bytes.get(t));
      }
    }
    return model;
  }

  private static void assertSameLogits(Checkpoint quantised, Checkpoint twin) throws Exception {
    QuantisedCheckpointTest.class.getModule().addUses(BackendProvider.class);
    int backends = 0;
    for (BackendProvider p : ServiceLoader.load(BackendProvider.class)) {
      if (p.id().equals("reference") || p.id().equals("cpu-vector")) {
        float[] got = logits(p, quantised);
        float[] expected = logits(p, twin);
        float largest = 1;
        for (float x : expected) {
          largest = Math.max(largest, Math.abs(x));
        }
        for (int i = 0; i < expected.length; i++) {
          assertThat(Math.abs(got[i] - expected[i]))
              .as("%s logit %d: %s for %s", p.id(), i, got[i], expected[i])
              .isLessThanOrEqualTo(1e-4f * largest);
        }
        backends++;
      }
    }
    assertThat(backends).isEqualTo(2);
  }

  private static float[] logits(BackendProvider provider, Checkpoint c) throws Exception {
    ModelOptions options = ModelOptions.DEFAULT.withPrecision(Precision.F32);
    try (Backend backend = provider.open(new BackendOptions(1, Map.of()));
        Device device = backend.open(0);
        LoadedModel loaded = ModelPlan.of(c, options).load(device, LoadListener.NONE);
        StepRunner runner = new StepRunner(loaded)) {
      return runner.logits(IDS, IDS.length);
    }
  }

  private void assertRefused(String config, QuantisedMatrices tensors, String line)
      throws Exception {
    Path model = write("refused", LLAMA, config, tensors);
    assertThatThrownBy(() -> Checkpoint.open(model).close())
        .hasMessageContaining(line)
        .hasMessageNotContaining("\n");
  }

  @Test
  void open_refusesWhatIsNotBuilt() throws Exception {
    QuantisedMatrices none = new QuantisedMatrices();
    none.floats("lm_head.weight", new float[64], 1, 64);
    assertRefused(
        "'quant_method': 'bitsandbytes'",
        none,
        "quantization_config.quant_method: expected one of fp8, fbgemm_fp8, gptq, awq,"
            + " compressed-tensors, mxfp4, got \"bitsandbytes\"");
    assertRefused("'quant_method': 'gptq', 'bits': 3", none, "bits: expected 4, others are not");
    assertRefused(
        "'quant_method': 'awq', 'bits': 4, 'version': 'gemv'", none, "version: expected gemm");
    assertRefused(
        "'quant_method': 'fp8', 'weight_block_size': [128]",
        none,
        "weight_block_size: expected rows");
  }

  @Test
  void open_namesThePartThatIsMissingOrMisshapen() throws Exception {
    QuantisedMatrices some = new QuantisedMatrices();
    QuantisedMatrices.gptq(32, false, 1).add(some, "m.", 8, 64);
    some.types.remove("m.scales");
    assertRefused(
        "'quant_method': 'gptq', 'bits': 4",
        some,
        "tensor 'm.scales': expected it beside the codes of its matrix, got no such tensor");
    QuantisedMatrices other = new QuantisedMatrices();
    QuantisedMatrices.fp8("weight_scale", DType.F32, 1, 0).add(other, "m.", 8, 64);
    other.floats("m.weight_scale", new float[5], 5);
    assertRefused(
        "'quant_method': 'fp8'",
        other,
        "tensor 'm.weight_scale': expected one scale, or some a row");
  }
}
