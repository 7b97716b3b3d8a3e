package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TextTensorsTest {
  private static TensorSource files(String... names) {
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    for (String name : names) {
      MemorySegment data = MemorySegment.ofArray(new byte[4]);
      tensors.put(name, new StoredTensor(name, TensorType.of(DType.F32, 1), data, "f"));
    }
    return new TensorSource() {
      @Override
      public String origin() {
        return "f";
      }

      @Override
      public List<StoredTensor> tensors() {
        return List.copyOf(tensors.values());
      }

      @Override
      public @Nullable StoredTensor find(String name) {
        return tensors.get(name);
      }

      @Override
      public void close() {
        tensors.clear();
      }
    };
  }

  private static void expect(TensorSource text, String name, String stored) {
    assertThat(text.find(name)).as(name).isNotNull();
    assertThat(text.find(name)).extracting(StoredTensor::name).isEqualTo(stored);
    assertThat(text.find(stored)).extracting(StoredTensor::name).isEqualTo(stored);
  }

  @Test
  void theTextModelInside_isFoundByItsOwnNames() {
    TensorSource text =
        TextTensors.of(
            files("model.visual.a", "model.language_model.norm.weight", "lm_head.weight", "mtp.b"));
    assertThat(text.tensors())
        .extracting(StoredTensor::name)
        .containsExactly("model.language_model.norm.weight", "lm_head.weight");
    expect(text, "model.norm.weight", "model.language_model.norm.weight");
    expect(text, "lm_head.weight", "lm_head.weight");
    assertThat(text.find("model.visual.a")).isNull();
  }

  @Test
  void theTextModelOutside_isFoundByItsOwnNames() {
    TensorSource text =
        TextTensors.of(
            files(
                "vision_tower.a", "language_model.model.norm.weight", "language_model.lm_head.b"));
    expect(text, "model.norm.weight", "language_model.model.norm.weight");
    expect(text, "lm_head.b", "language_model.lm_head.b");
    assertThat(text.tensors()).hasSize(2);
    text.close();
    assertThat(text.find("lm_head.b")).isNull();
  }

  @Test
  void aTextModelAlone_isLeftAsItIs() {
    TensorSource plain = files("model.norm.weight", "lm_head.weight");
    assertThat(TextTensors.of(plain)).isSameAs(plain);
  }
}
