package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.ggml.GgmlType;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Holds models that went through a GGUF file to what they were before. */
class GgufModelTest {
  private static final Pattern EXPERT = Pattern.compile("(.*\\.experts)\\.(\\d+)(\\..*)");

  @TempDir Path folder;

  private Path convert(Checkpoint model, GgmlType type) throws Exception {
    Path file = folder.resolve("model-" + type.text() + ".gguf");
    Conversion.toGguf(model, type, file, pairs -> {}, name -> {});
    return file;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"llama", "llama-yarn", "mistral", "mixtral", "qwen2", "qwen3", "qwen3-moe"})
  void keepsConfigurationAndEveryBit(String name) throws Exception {
    try (Checkpoint before = Checkpoint.open(Fixtures.unzip(name, folder));
        Checkpoint after = Checkpoint.open(convert(before, GgmlType.BF16))) {
      assertThat(after.modelType()).isEqualTo(before.modelType());
      assertThat(after.architecture().shape()).isEqualTo(before.architecture().shape());
      assertThat(after.architecture().kvGroups()).isEqualTo(before.architecture().kvGroups());
      assertThat(after.parameters()).isEqualTo(before.parameters());
      for (StoredTensor t : before.tensors().tensors()) {
        // Experts, one tensor each, are one stack in a GGUF file.
        Matcher expert = EXPERT.matcher(t.name());
        boolean stacked = expert.matches();
        long first = stacked ? Long.parseLong(expert.group(2)) * t.elements() : 0;
        StoredTensor u =
            after.tensors().find(stacked ? expert.group(1) + expert.group(3) : t.name());
        assertThat(u).as(t.name()).isNotNull();
        if (!stacked) {
          assertThat(u.type().shape()).isEqualTo(t.type().shape());
        }
        for (long i = 0; i < t.elements(); i++) {
          assertThat(Floats.get(u, first + i))
              .as("%s element %d", t.name(), i)
              .isEqualTo(Floats.get(t, i));
        }
      }
      assertThat(ModelPlan.of(after, ModelOptions.DEFAULT).unused()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "llama-yarn", "mistral", "qwen2", "qwen3"})
  void keepsRotaryFrequencies(String name) throws Exception {
    try (Checkpoint before = Checkpoint.open(Fixtures.unzip(name, folder));
        Checkpoint after = Checkpoint.open(convert(before, GgmlType.BF16))) {
      List<float[]> expected = frequencies(before);
      List<float[]> got = frequencies(after);
      assertThat(got).hasSameSizeAs(expected).isNotEmpty();
      for (int i = 0; i < got.size(); i++) {
        assertThat(got.get(i)).hasSameSizeAs(expected.get(i));
        for (int j = 0; j < got.get(i).length; j++) {
          // Files state base and divisors in F32.
          assertThat((double) got.get(i)[j])
              .as("%s frequency %d", name, j)
              .isCloseTo(expected.get(i)[j], Offset.offset(3e-7 * Math.abs(expected.get(i)[j])));
        }
      }
    }
  }

  /** Those that the host computed: inputs of the graph that are not of the files. */
  private static List<float[]> frequencies(Checkpoint c) throws Exception {
    List<float[]> list = new ArrayList<>();
    for (WeightTable.Planned w : ModelPlan.of(c, ModelOptions.DEFAULT).weights()) {
      if (c.tensors().find(w.spec().name()) == null) {
        list.add(w.data().toArray(ValueLayout.JAVA_FLOAT));
      }
    }
    return list;
  }

  @ParameterizedTest
  @ValueSource(strings = {"Q8_0", "Q4_0", "Q4_K", "Q6_K"})
  void quantisesMatricesNearTheirValues(String typeName) throws Exception {
    GgmlType type = GgmlType.valueOf(typeName);
    // Relative to the spread of a matrix, by the bits of a format.
    double most =
        switch (type) {
          case Q8_0 -> 0.01;
          case Q6_K -> 0.03;
          case Q4_K -> 0.09;
          default -> 0.11;
        };
    try (Checkpoint before = Checkpoint.open(Fixtures.model("micro-chat"));
        Checkpoint after = Checkpoint.open(convert(before, type))) {
      for (StoredTensor t : before.tensors().tensors()) {
        StoredTensor u = after.tensors().find(t.name());
        assertThat(u.format()).isEqualTo(t.type().shape().rank() < 2 ? "f32" : type.text());
        double error = 0;
        double power = 0;
        float[] decoded = decoded(u);
        for (int i = 0; i < decoded.length; i++) {
          double x = Floats.get(t, i);
          error += (decoded[i] - x) * (decoded[i] - x);
          power += x * x;
        }
        assertThat(Math.sqrt(error / power)).as(t.name()).isLessThan(most);
      }
    }
  }

  private static float[] decoded(StoredTensor t) {
    float[] x = new float[Math.toIntExact(t.elements())];
    GgmlType type = GgmlType.of(t.type());
    type.decode(t.data(), 0, x, 0, x.length);
    return x;
  }

  @Test
  void refusesWhatHasNoPlaceInAFile() throws Exception {
    try (Checkpoint llama = Checkpoint.open(Fixtures.unzip("llama", folder))) {
      assertThatThrownBy(() -> convert(llama, GgmlType.Q4_K))
          .hasMessageContaining("expected rows of a multiple of 256 elements for q4_k, got 64");
    }
  }
}
