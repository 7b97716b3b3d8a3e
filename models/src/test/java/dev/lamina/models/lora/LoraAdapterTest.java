package dev.lamina.models.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.models.Checkpoint;
import dev.lamina.models.Fixtures;
import dev.lamina.models.LoraModule;
import dev.lamina.models.LoraSlots;
import dev.lamina.models.ModelOptions;
import dev.lamina.models.ModelPlan;
import dev.lamina.models.WeightTable;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.safetensors.SafetensorsWriter;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LoraAdapterTest {
  private static final String Q = "model.layers.0.self_attn.q_proj";
  private static final String PREFIX = "base_model.model.";

  @TempDir private Path folder;

  /** The tensors of a good adapter of rank 2 for the zoo's llama (hidden 64, queries 64). */
  private static Map<String, TensorType> good() {
    Map<String, TensorType> types = new LinkedHashMap<>();
    types.put(PREFIX + Q + ".lora_A.weight", TensorType.of(DType.F32, 2, 64));
    types.put(PREFIX + Q + ".lora_B.weight", TensorType.of(DType.F32, 64, 2));
    return types;
  }

  private Path write(String extraKeys, Map<String, TensorType> types) throws IOException {
    String keys = extraKeys.isEmpty() ? "" : "," + extraKeys.replace('\'', '"');
    String base = keys.contains("\"r\"") ? "" : ",\"r\":2";
    String kind = keys.contains("peft_type") ? "" : ",\"peft_type\":\"LORA\"";
    Files.writeString(
        folder.resolve("adapter_config.json"),
        "{\"base_model_name_or_path\":\"some-llama\",\"lora_alpha\":8" + base + kind + keys + "}");
    try (SafetensorsWriter w =
            SafetensorsWriter.create(folder.resolve("adapter_model.safetensors"), types, Map.of());
        Arena arena = Arena.ofConfined()) {
      for (Map.Entry<String, TensorType> e : types.entrySet()) {
        long n = e.getValue().byteSize();
        MemorySegment data = arena.allocate(n);
        for (long i = 0; e.getValue().dtype() == DType.F32 && i < n / 4; i++) {
          data.setAtIndex(ValueLayout.JAVA_FLOAT, i, i + 1);
        }
        w.append(e.getKey(), data);
      }
    }
    return folder;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'peft_type':'IA3'|peft_type: expected LORA, the only kind of adapter that is built, got \"IA3\"",
        "'use_dora':true|use_dora: expected false, the other is not built, got true",
        "'lora_bias':true|lora_bias: expected false, the other is not built, got true",
        "'bias':'all'|bias: expected none, trained biases are not built, got \"all\"",
        "'modules_to_save':['lm_head']|modules_to_save: expected null, it is not built, got [\"lm_head\"]",
        "'layer_replication':[[0,2]]|layer_replication: expected null, it is not built, got [[0,2]]",
        "'rank_pattern':{'q_proj':-1}|rank_pattern.q_proj: expected a number above 0, got -1",
        "'rank_pattern':{'(':4}|rank_pattern.(: expected a number under a module's name or pattern, got 4",
        "'r':0|r: expected a whole number from 1 to 2147483647, got 0",
      })
  void open_refusesWhatChangesTheComputationAndIsNotBuilt(String key, String message)
      throws Exception {
    write(key, good());
    assertThatThrownBy(() -> LoraAdapter.open(folder))
        .isInstanceOf(ModelException.class)
        .hasMessage(
            "read %s: %s; correct the file or fetch it again",
            folder.resolve("adapter_config.json"), message);
  }

  private void refused(Map<String, TensorType> types, String keys, String message)
      throws IOException {
    write(keys, types);
    assertThatThrownBy(() -> LoraAdapter.open(folder))
        .isInstanceOf(ModelException.class)
        .hasMessage(
            "adapter %s: %s; save the adapter again, with LoRA only",
            folder.resolve("adapter_model.safetensors"), message);
  }

  @Test
  void open_refusesTensorsThatAreNoPairs() throws Exception {
    String a = PREFIX + Q + ".lora_A.weight";
    String b = PREFIX + Q + ".lora_B.weight";
    Map<String, TensorType> types = good();
    types.remove(b);
    refused(
        types,
        "",
        "tensor '" + a + "': expected lora_B of the module beside it, got no such tensor");
    types = good();
    types.remove(a);
    refused(
        types,
        "",
        "tensor '" + b + "': expected lora_A of the module beside it, got no such tensor");
    types = good();
    types.put(PREFIX + Q + ".lora_magnitude_vector", TensorType.of(DType.F32, 64));
    refused(
        types,
        "",
        "tensor '%s%s.lora_magnitude_vector': expected the lora_A or lora_B matrix of a projection, got another kind of weight"
            .formatted(PREFIX, Q));
    types = good();
    types.put(a, TensorType.of(DType.I32, 2, 64));
    refused(types, "", "tensor '" + a + "': expected a matrix of f32, f16 or bf16, got i32[2,64]");
    refused(
        good(),
        "'r':4",
        "tensor '" + a + "': expected rank 4, as adapter_config.json says, got [2,64]");
    write("", Map.of());
    assertThatThrownBy(() -> LoraAdapter.open(folder))
        .hasMessageContaining("expected matrices of adapted modules, got an empty file");
  }

  @Test
  void open_saysWhatIsMissing() {
    assertThatThrownBy(() -> LoraAdapter.open(folder.resolve("no")))
        .hasMessage(
            "adapter %s: expected a folder with adapter_config.json and adapter_model.safetensors, got nothing there; check the path",
            folder.resolve("no"));
    assertThatThrownBy(() -> LoraAdapter.open(folder))
        .hasMessageContaining("a folder without them");
  }

  private static List<LoraModule> modules(Checkpoint c, LoraAdapter adapter) throws Exception {
    LoraSlots room = new LoraSlots(1, adapter.rank(), adapter.modules());
    return ModelPlan.of(c, ModelOptions.DEFAULT.withLora(room)).adapted();
  }

  @Test
  void checkFits_refusesAnotherModelsAdapter() throws Exception {
    try (Checkpoint llama = Checkpoint.open(Fixtures.unzip("llama", folder.resolve("m")))) {
      try (LoraAdapter adapter = LoraAdapter.open(write("", good()))) {
        List<LoraModule> fitting = modules(llama, adapter);
        assertThat(fitting)
            .containsExactly(
                new LoraModule(Q, "layers.0.attn.q.loraA", "layers.0.attn.q.loraB", 64, 64));
        adapter.checkFits("llama", fitting);
      }
      Map<String, TensorType> wide = good();
      wide.put(PREFIX + Q + ".lora_A.weight", TensorType.of(DType.F32, 2, 96));
      try (LoraAdapter adapter = LoraAdapter.open(write("", wide))) {
        List<LoraModule> modules = modules(llama, adapter);
        assertThatThrownBy(() -> adapter.checkFits("llama", modules))
            .hasMessage(
                "adapter %s: tensor '%s%s.lora_A.weight' of shape [2,96]: expected one that fits the model, llama has width 64 there; the adapter was made for some-llama",
                folder, PREFIX, Q);
      }
      Map<String, TensorType> other = new LinkedHashMap<>();
      good().forEach((k, v) -> other.put(k.replace("q_proj", "c_attn"), v));
      try (LoraAdapter adapter = LoraAdapter.open(write("", other))) {
        List<LoraModule> modules = modules(llama, adapter);
        assertThatThrownBy(() -> adapter.checkFits("llama", modules))
            .hasMessage(
                "adapter %s: module '%s': expected one that fits the model, llama has no such projection there; the adapter was made for some-llama",
                folder, Q.replace("q_proj", "c_attn"));
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`` | 4",
        "'use_rslora':true | 5.656854249492381",
        "'alpha_pattern':{'k_proj':1,'layers.0.self_attn.q_proj':2} | 1",
        "'r':16,'rank_pattern':{'.*q_proj':2} | 4",
      })
  void stack_putsTheScaledMatricesIntoTheirSlotAndZerosElsewhere(String keys, double scale)
      throws Exception {
    LoraModule q = new LoraModule(Q, "a", "b", 64, 64);
    LoraModule k = new LoraModule(Q.replace("q_proj", "k_proj"), "c", "d", 64, 32);
    LoraSlots room = new LoraSlots(2, 8, Set.of(q.name(), k.name()));
    try (LoraAdapter adapter = LoraAdapter.open(write(keys, good()));
        Arena arena = Arena.ofConfined()) {
      List<WeightTable.Planned> all =
          LoraWeights.stack(List.of(q, k), room, Map.of(1, adapter), arena);
      assertThat(all).extracting(WeightTable.Planned::input).containsExactly("a", "b", "c", "d");
      assertThat(all.get(0).spec().type()).isEqualTo(TensorType.of(DType.F32, 16, 64));
      assertThat(all.get(1).spec().type()).isEqualTo(TensorType.of(DType.F32, 64, 16));
      float[] a = all.get(0).data().toArray(ValueLayout.JAVA_FLOAT);
      float[] b = all.get(1).data().toArray(ValueLayout.JAVA_FLOAT);
      for (int i = 0; i < a.length; i++) {
        int row = i / 64;
        assertThat(a[i]).isEqualTo(row == 8 || row == 9 ? i - 8 * 64 + 1 : 0);
      }
      for (int i = 0; i < b.length; i++) {
        int column = i % 16;
        float own = (float) ((i / 16 * 2 + column - 8 + 1) * scale);
        assertThat(b[i]).isEqualTo(column == 8 || column == 9 ? own : 0);
      }
      assertThat(all.get(2).data().toArray(ValueLayout.JAVA_FLOAT)).containsOnly(0);
      assertThat(all.get(3).data().toArray(ValueLayout.JAVA_FLOAT)).containsOnly(0);
    }
  }
}
