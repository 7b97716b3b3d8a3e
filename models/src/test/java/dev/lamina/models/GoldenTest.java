package dev.lamina.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.safetensors.SafetensorsCheckpoint;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Logits of every backend against those of transformers in float32. */
@Execution(ExecutionMode.CONCURRENT)
class GoldenTest {
  // Of the largest absolute logit, taken as at least 1; honest float32 is near 2e-6.
  private static final double TOLERANCE = 2e-5;
  // Gemma 4 multiplies normed heads of 512 elements without a scale, so its softmax magnifies each
  // rounding: the golden logits are themselves 5e-5 off what float64 gives.
  // Qwen 3.5's are 1.7e-5 off what float64 gives, and move by 2e-5 when computed anew elsewhere.
  private static final Map<String, Double> TOLERANCES = Map.of("gemma4", 1e-4, "qwen3.5", 1e-4);

  // Rows of each case that hold, of all if not named. DeepSeek V3.2 looks at the 16 best positions.
  // Where positions tie at 0 about the last place (no head's product is above it), torch.topk takes
  // those that its partial sort leaves in front, which hangs on the whole row, later positions
  // included; behind the first such row the goldens hold for that order alone.
  private static final Map<String, List<Integer>> ROWS =
      Map.of("deepseek-v32", List.of(24, 20, 27));

  // Steps where the two likeliest tokens lie closer than this may go either way.
  private static final double LEAST_MARGIN = 0.01;

  // Hundreds of tiny steps: on a busy machine, handing them to a second thread only waits.
  private static final BackendOptions ONE_THREAD = new BackendOptions(1, Map.of());

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

  private static Stream<Arguments> cases() throws IOException {
    List<String> zoo = Fixtures.zoo();
    assertThat(zoo).contains("llama");
    return providers().stream()
        .flatMap(p -> zoo.stream().map(name -> Arguments.of(name, p.id(), p)));
  }

  @Test
  void providers_areFoundAtAll() {
    assertThat(providers()).extracting(BackendProvider::id).contains("reference", "cpu-vector");
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("cases")
  void logits_equalTheReferenceWholeAndInChunks(
      String name, String id, BackendProvider provider, @TempDir Path folder) throws Exception {
    Path model = Fixtures.unzip(name, folder);
    ModelOptions options = ModelOptions.DEFAULT.withPrecision(Precision.F32);
    JsonNode cases = JsonMapper.shared().readTree(model.resolve("golden.json")).path("cases");
    assertThat(cases.isEmpty()).isFalse();
    try (Backend backend = provider.open(ONE_THREAD);
        Device device = backend.open(0);
        SafetensorsCheckpoint golden =
            SafetensorsCheckpoint.open(model.resolve("golden.safetensors"));
        Checkpoint checkpoint = Checkpoint.open(model);
        LoadedModel loaded = ModelPlan.of(checkpoint, options).load(device, LoadListener.NONE);
        StepRunner runner = new StepRunner(loaded)) {
      for (int j = 0; j < cases.size(); j++) {
        int[] ids = ids(cases.get(j));
        StoredTensor expected = golden.find("logits." + j);
        int rows = ROWS.containsKey(name) ? ROWS.get(name).get(j) : ids.length;
        for (int chunk : chunks(id, j, ids.length)) {
          float[] got = runner.logits(ids, chunk);
          double tolerance = TOLERANCES.getOrDefault(name, TOLERANCE);
          String what = "case " + j + " by " + chunk;
          assertThat((long) got.length).isEqualTo(expected.elements());
          check(expected, got, rows * (got.length / ids.length), tolerance, what);
          checkGreedy(cases.get(j), got, rows, what);
        }
      }
    }
  }

  /** Whole, by one and by seven; the slow backend takes a short and a long case in chunks. */
  private static int[] chunks(String backend, int j, int whole) {
    if (!backend.equals("reference")) {
      return new int[] {whole, 1, 7};
    }
    return j == 0 ? new int[] {whole} : new int[] {whole, j == 1 ? 1 : 7};
  }

  private static Stream<Arguments> builtIns() {
    return providers().stream()
        .flatMap(p ->
            Stream.of("micro-draft", "micro-chat")
                .flatMap(name ->
                    Stream.of(Precision.values()).map(how -> Arguments.of(name, p.id(), how, p))));
  }

  @ParameterizedTest(name = "{0} on {1} at {2}")
  @MethodSource("builtIns")
  void builtInModels_answerAsTheReferenceDoes(
      String name, String id, Precision precision, BackendProvider provider) throws Exception {
    Path model = Fixtures.model(name);
    assumeTrue(Files.exists(model), "only beside a checkout that has it: " + name);
    JsonNode cases = JsonMapper.shared().readTree(model.resolve("goldens.json")).path("cases");
    ModelOptions options = ModelOptions.DEFAULT.withPrecision(precision);
    try (Backend backend = provider.open(BackendOptions.DEFAULT);
        Device device = backend.open(0);
        Checkpoint checkpoint = Checkpoint.open(model);
        LoadedModel loaded = ModelPlan.of(checkpoint, options).load(device, LoadListener.NONE);
        StepRunner runner = new StepRunner(loaded)) {
      // The first five are short; the slow backend takes seconds for each of the others.
      for (int j = 0; j < 5; j++) {
        JsonNode c = cases.get(j);
        int[] ids = ids(c);
        checkGreedy(c, runner.logits(ids, ids.length), ids.length, "case " + j);
      }
    }
  }

  private static void checkGreedy(JsonNode c, float[] logits, int rows, String what) {
    int prompt = c.path("prompt_ids").size();
    int steps = c.path("greedy_ids").size();
    int vocab = logits.length / (prompt + steps - 1);
    for (int i = 0; i < steps; i++) {
      if (prompt - 1 + i >= rows || c.path("greedy_margin").get(i).doubleValue() < LEAST_MARGIN) {
        return;
      }
      int row = (prompt - 1 + i) * vocab;
      int best = 0;
      for (int v = 1; v < vocab; v++) {
        if (logits[row + v] > logits[row + best]) {
          best = v;
        }
      }
      assertThat(best).as("%s, step %d", what, i).isEqualTo(c.path("greedy_ids").get(i).intValue());
    }
  }

  private static int[] ids(JsonNode c) {
    IntStream prompt = c.path("prompt_ids").valueStream().mapToInt(JsonNode::intValue);
    IntStream greedy = c.path("greedy_ids").valueStream().mapToInt(JsonNode::intValue);
    int steps = c.path("greedy_ids").size();
    return IntStream.concat(prompt, greedy.limit(steps - 1)).toArray();
  }

  private static void check(
      StoredTensor expected, float[] got, int elements, double tolerance, String what) {
    double largest = 1;
    double worst = 0;
    int at = 0;
    for (int i = 0; i < elements; i++) {
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
        .isLessThan(tolerance);
  }
}
