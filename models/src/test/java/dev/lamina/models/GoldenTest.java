package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.safetensors.SafetensorsCheckpoint;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.Device;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Logits of every backend against those of transformers in float32. */
class GoldenTest {
  private static final List<String> ZOO =
      List.of("llama", "llama-yarn", "mistral", "qwen2", "qwen3");
  // Of the largest absolute logit, taken as at least 1; honest float32 is near 2e-6.
  private static final double TOLERANCE = 2e-5;

  @TempDir Path folder;

  private static List<BackendProvider> providers() {
    // The module itself must not know of backends; its tests may.
    GoldenTest.class.getModule().addUses(BackendProvider.class);
    List<BackendProvider> found = new ArrayList<>();
    for (BackendProvider p : ServiceLoader.load(BackendProvider.class)) {
      if (p.preference() >= 0 || p.id().equals("reference")) {
        found.add(p);
      }
    }
    return found;
  }

  private static Stream<Arguments> cases() {
    return providers().stream()
        .flatMap(p -> ZOO.stream().map(name -> Arguments.of(name, p.id(), p)));
  }

  @Test
  void providers_areFoundAtAll() {
    assertThat(providers()).extracting(BackendProvider::id).contains("reference");
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("cases")
  void logits_equalTheReferenceWholeAndInChunks(String name, String id, BackendProvider provider)
      throws Exception {
    Path model = Fixtures.unzip(name, folder);
    ModelOptions options = ModelOptions.DEFAULT.withPrecision(Precision.F32);
    JsonNode cases = JsonMapper.shared().readTree(model.resolve("golden.json")).path("cases");
    assertThat(cases.isEmpty()).isFalse();
    try (Backend backend = provider.open(BackendOptions.DEFAULT);
        Device device = backend.open(0);
        SafetensorsCheckpoint golden =
            SafetensorsCheckpoint.open(model.resolve("golden.safetensors"));
        Checkpoint checkpoint = Checkpoint.open(model);
        LoadedModel loaded = ModelPlan.of(checkpoint, options).load(device, LoadListener.NONE);
        StepRunner runner = new StepRunner(loaded)) {
      for (int j = 0; j < cases.size(); j++) {
        int[] ids = ids(cases.get(j));
        StoredTensor expected = golden.find("logits." + j);
        for (int chunk : new int[] {ids.length, 1, 7}) {
          check(expected, runner.logits(ids, chunk), "case " + j + " by " + chunk);
        }
      }
    }
  }

  private static int[] ids(JsonNode c) {
    IntStream prompt = c.path("prompt_ids").valueStream().mapToInt(JsonNode::intValue);
    IntStream greedy = c.path("greedy_ids").valueStream().mapToInt(JsonNode::intValue);
    int steps = c.path("greedy_ids").size();
    return IntStream.concat(prompt, greedy.limit(steps - 1)).toArray();
  }

  private static void check(StoredTensor expected, float[] got, String what) {
    assertThat((long) got.length).isEqualTo(expected.elements());
    double largest = 1;
    double worst = 0;
    int at = 0;
    for (int i = 0; i < got.length; i++) {
      float e = Floats.get(expected, i);
      largest = Math.max(largest, Math.abs(e));
      double d = Float.isFinite(got[i]) ? Math.abs(e - got[i]) : Double.POSITIVE_INFINITY;
      if (d > worst) {
        worst = d;
        at = i;
      }
    }
    assertThat(worst / largest)
        .as(
            "%s: worst at element %d, expected %s, got %s",
            what, at, Floats.get(expected, at), got[at])
        .isLessThan(TOLERANCE);
  }
}
