package dev.lamina;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.models.Checkpoint;
import dev.lamina.models.Precision;
import dev.lamina.models.safetensors.SafetensorsCheckpoint;
import dev.lamina.models.safetensors.SafetensorsWriter;
import dev.lamina.scheduler.InvalidRequestException;
import dev.lamina.scheduler.SamplingParams;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class AdaptersTest {
  private static final String CAPS = "micro-lora-caps";

  @TempDir private Path folder;

  private static Path fixture(String name) {
    return Path.of(System.getProperty("lamina.fixtures"), "models", name);
  }

  private static AdapterSource caps() {
    return new AdapterSource(CAPS, fixture(CAPS));
  }

  private static JsonNode goldens(String name) throws IOException {
    return JsonMapper.shared()
        .readTree(fixture(name).resolve("goldens.json").toFile())
        .path("cases");
  }

  private static int[] ids(JsonNode list) {
    return list.valueStream().mapToInt(JsonNode::intValue).toArray();
  }

  private static GenerationOptions greedy(int maxTokens) {
    return GenerationOptions.of(
        SamplingParams.builder().temperature(0).maxTokens(maxTokens).ignoreEos(true).build());
  }

  private static CompletableFuture<Answer> start(Lamina lamina, int[] ids, GenerationOptions how) {
    return lamina.start(Prompt.tokens(ids), how, new Ignoring()).answer();
  }

  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu-vector"})
  void goldensOfModelAndAdapterInOneBatch_giveBothModelsIds(String backend) throws Exception {
    List<CompletableFuture<Answer>> answers = new ArrayList<>();
    List<int[]> expected = new ArrayList<>();
    LaminaOptions options =
        LaminaOptions.DEFAULT.withBackend(backend).withAdapters(List.of(caps()));
    try (Lamina lamina = Lamina.open(fixture("micro-chat").toString(), options)) {
      assertThat(lamina.adapters()).containsExactly(CAPS);
      JsonNode base = goldens("micro-chat");
      JsonNode adapted = goldens(CAPS);
      for (int i = 0; i < 5; i++) {
        for (JsonNode c : List.of(base.get(i), adapted.get(i))) {
          int[] ids = ids(c.path("greedy_ids"));
          String adapter = c == base.get(i) ? null : CAPS;
          expected.add(ids);
          answers.add(
              start(lamina, ids(c.path("prompt_ids")), greedy(ids.length).withAdapter(adapter)));
        }
      }
      for (int i = 0; i < expected.size(); i++) {
        assertThat(answers.get(i).join().tokenIds()).isEqualTo(expected.get(i));
      }
      assertThat(lamina.engineStats().maxBatch()).isGreaterThan(2);
    }
  }

  @Test
  void loadAndUnload_disturbNoRunningStream() throws Exception {
    JsonNode adapted = goldens(CAPS).get(1);
    int[] prompt = ids(adapted.path("prompt_ids"));
    int[] expected = ids(adapted.path("greedy_ids"));
    int[] story = ids(goldens("micro-chat").get(0).path("prompt_ids"));
    try (Lamina lamina = Lamina.open(fixture("micro-chat").toString())) {
      int[] alone = start(lamina, story, greedy(250)).join().tokenIds();
      CountDownLatch running = new CountDownLatch(20);
      CompletableFuture<Answer> stream =
          lamina.start(Prompt.tokens(story), greedy(250), new Counting(running)).answer();
      running.await();
      lamina.loadAdapter("one", fixture(CAPS));
      GenerationOptions one = greedy(expected.length).withAdapter("one");
      CompletableFuture<Answer> first = start(lamina, prompt, one);
      lamina.loadAdapter("two", fixture(CAPS));
      lamina.unloadAdapter("one");
      assertThatThrownBy(() -> start(lamina, prompt, one))
          .isInstanceOf(InvalidRequestException.class)
          .hasMessage("adapter: expected one that is loaded, [two], got 'one'");
      CompletableFuture<Answer> second =
          start(lamina, prompt, greedy(expected.length).withAdapter("two"));
      assertThat(first.join().tokenIds()).isEqualTo(expected);
      assertThat(second.join().tokenIds()).isEqualTo(expected);
      assertThat(stream.isDone()).as("the stream must have run beside all this").isFalse();
      assertThat(stream.join().tokenIds()).isEqualTo(alone);
      lamina.unloadAdapter("two");
      assertThat(lamina.adapters()).isEmpty();
      assertThat(start(lamina, story, greedy(250)).join().tokenIds()).isEqualTo(alone);
    }
  }

  @Test
  void aPrefix_isNeverSharedAcrossAdapters_notEvenOfOneName() throws Exception {
    int[] prompt = new int[40];
    for (int i = 0; i < prompt.length; i++) {
      prompt[i] = 300 + i;
    }
    try (Lamina lamina = Lamina.open(fixture("micro-chat").toString())) {
      GenerationOptions a = greedy(2).withAdapter("a");
      start(lamina, prompt, greedy(2)).join();
      lamina.loadAdapter("a", fixture(CAPS));
      assertThat(start(lamina, prompt, a).join().numCachedTokens()).isZero();
      assertThat(start(lamina, prompt, a).join().numCachedTokens()).isEqualTo(32);
      lamina.unloadAdapter("a");
      lamina.loadAdapter("a", fixture(CAPS));
      assertThat(start(lamina, prompt, a).join().numCachedTokens()).isZero();
      assertThat(start(lamina, prompt, greedy(2)).join().numCachedTokens()).isEqualTo(32);
    }
  }

  @Test
  void limitsAndMisfits_areRefusedInOneLine() throws Exception {
    LaminaOptions two =
        LaminaOptions.DEFAULT.withAdapterLimits(new AdapterLimits(1, 64)).withThreads(1);
    try (Lamina lamina = Lamina.open(fixture("micro-chat").toString(), two)) {
      lamina.loadAdapter("a", fixture(CAPS));
      assertThatThrownBy(() -> lamina.loadAdapter("a", fixture(CAPS)))
          .hasMessage(
              "adapter a: expected a name that is free, got one that is taken; unload it or choose another");
      assertThatThrownBy(() -> lamina.loadAdapter("micro-chat", fixture(CAPS)))
          .hasMessageContaining("a name that is free");
      assertThatThrownBy(() -> lamina.loadAdapter("b", fixture(CAPS)))
          .hasMessage(
              "adapter b: expected at most 1 adapters at once, got one more; unload one or raise --max-loras");
      assertThatThrownBy(() -> lamina.unloadAdapter("b"))
          .hasMessage("adapter: expected one that is loaded, [a], got 'b'");
      lamina.unloadAdapter("a");
      lamina.loadAdapter("b", fixture(CAPS));
      assertThat(lamina.adapters()).containsExactly("b");
    }
    LaminaOptions low =
        LaminaOptions.DEFAULT
            .withAdapterLimits(new AdapterLimits(1, 4))
            .withAdapters(List.of(caps()));
    assertThatThrownBy(() -> Lamina.open(fixture("micro-chat").toString(), low))
        .isInstanceOf(LaminaException.class)
        .hasMessage(
            "adapter %s: expected rank 4 at most, got 8; raise --max-lora-rank", fixture(CAPS));
    LaminaOptions wrong =
        LaminaOptions.DEFAULT.withAdapters(List.of(new AdapterSource("a", ofAnotherModel())));
    assertThatThrownBy(() -> Lamina.open(fixture("micro-chat").toString(), wrong))
        .isInstanceOf(LaminaException.class)
        .hasMessageContaining(
            "expected one that fits the model, %s has width ", fixture("micro-chat"))
        .hasMessageEndingWith("the adapter was made for another");
  }

  private Path ofAnotherModel() throws IOException {
    Path adapter = Files.createDirectories(folder.resolve("wrong"));
    Files.writeString(
        adapter.resolve("adapter_config.json"),
        "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4,\"base_model_name_or_path\":\"another\"}");
    String module = "base_model.model.model.layers.0.self_attn.o_proj";
    Map<String, TensorType> types = new LinkedHashMap<>();
    types.put(module + ".lora_A.weight", TensorType.of(DType.F32, 2, 8));
    types.put(module + ".lora_B.weight", TensorType.of(DType.F32, 8, 2));
    try (SafetensorsWriter w =
            SafetensorsWriter.create(
                adapter.resolve("adapter_model.safetensors"), types, Map.of());
        Arena arena = Arena.ofConfined()) {
      for (String name : types.keySet()) {
        w.append(name, arena.allocate(16 * Float.BYTES));
      }
    }
    return adapter;
  }

  /** The matrix {@code [rows, columns]} of a random adapter. */
  private static float[] random(Random random, int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian() * 0.05f;
    }
    return values;
  }

  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu-vector"})
  void anAdapter_equalsTheModelItIsMergedInto(String backend) throws Exception {
    Path merged = Files.createDirectories(folder.resolve("merged"));
    Path adapter = Files.createDirectories(folder.resolve("adapter"));
    mergeARandomAdapter(fixture("micro-chat"), adapter, merged);
    int[] ids = Arrays.copyOf(ids(goldens("micro-chat").get(0).path("prompt_ids")), 12);
    float[] expected = logits(backend, merged, null, ids);
    float[] plain = logits(backend, fixture("micro-chat"), null, ids);
    float[] got = logits(backend, fixture("micro-chat"), new AdapterSource("a", adapter), ids);
    double largest = 1;
    double worst = 0;
    double moved = 0;
    for (int i = 0; i < got.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      worst = Math.max(worst, Math.abs(expected[i] - got[i]));
      moved = Math.max(moved, Math.abs(expected[i] - plain[i]));
    }
    assertThat(moved / largest).isGreaterThan(0.05);
    assertThat(worst / largest).isLessThan(2e-5);
  }

  /** Rank 3, alpha 6, rank-stabilised, on two modules: A and B into one, their sum into another. */
  private static void mergeARandomAdapter(Path model, Path adapter, Path merged) throws Exception {
    List<String> modules =
        List.of("model.layers.0.self_attn.o_proj", "model.layers.1.mlp.down_proj");
    int rank = 3;
    double scale = 6 / Math.sqrt(rank);
    Files.writeString(
        adapter.resolve("adapter_config.json"),
        "{\"peft_type\":\"LORA\",\"r\":3,\"lora_alpha\":6,\"use_rslora\":true}");
    Files.copy(model.resolve("config.json"), merged.resolve("config.json"));
    Random random = new Random(7);
    Map<String, float[]> matrices = new LinkedHashMap<>();
    Map<String, TensorType> types = new LinkedHashMap<>();
    Map<String, TensorType> mergedTypes = new LinkedHashMap<>();
    try (SafetensorsCheckpoint source = SafetensorsCheckpoint.open(model);
        Arena arena = Arena.ofConfined()) {
      source
          .tensors()
          .forEach(t ->
              mergedTypes.put(
                  t.name(), new TensorType(DType.F32, t.type().shape(), t.type().layout())));
      for (String m : modules) {
        int out = (int) source.find(m + ".weight").type().shape().dim(0).upperBound();
        int in = (int) source.find(m + ".weight").type().shape().dim(1).upperBound();
        types.put("base_model.model." + m + ".lora_A.weight", TensorType.of(DType.F32, rank, in));
        types.put("base_model.model." + m + ".lora_B.weight", TensorType.of(DType.F32, out, rank));
        matrices.put(m + ".A", random(random, rank * in));
        matrices.put(m + ".B", random(random, out * rank));
      }
      try (SafetensorsWriter w =
          SafetensorsWriter.create(adapter.resolve("adapter_model.safetensors"), types, Map.of())) {
        for (String name : types.keySet()) {
          String key =
              name.replace("base_model.model.", "").replace(".lora_", ".").replace(".weight", "");
          w.append(name, arena.allocateFrom(ValueLayout.JAVA_FLOAT, matrices.get(key)));
        }
      }
      try (SafetensorsWriter w =
          SafetensorsWriter.create(merged.resolve("model.safetensors"), mergedTypes, Map.of())) {
        for (String name : mergedTypes.keySet()) {
          short[] bits = source.find(name).data().toArray(ValueLayout.JAVA_SHORT_UNALIGNED);
          float[] values = new float[bits.length];
          String m = name.replace(".weight", "");
          float[] a = matrices.get(m + ".A");
          float[] b = matrices.get(m + ".B");
          int in = a == null ? 1 : a.length / rank;
          for (int i = 0; i < bits.length; i++) {
            double sum = Float.intBitsToFloat(bits[i] << 16);
            for (int r = 0; a != null && r < rank; r++) {
              sum += scale * b[i / in * rank + r] * a[r * in + i % in];
            }
            values[i] = (float) sum;
          }
          w.append(name, arena.allocateFrom(ValueLayout.JAVA_FLOAT, values));
        }
      }
    }
  }

  private static float[] logits(String backend, Path model, AdapterSource adapter, int[] ids)
      throws Exception {
    LaminaOptions options =
        LaminaOptions.DEFAULT.withBackend(backend).withThreads(1).withPrecision(Precision.F32);
    try (Checkpoint checkpoint = Checkpoint.open(model);
        ModelRuntime runtime = ModelRuntime.load(checkpoint, options);
        Scorer scorer = new Scorer(runtime, 7, adapter)) {
      int vocab = runtime.compiled().limits().vocabSize();
      float[] all = new float[ids.length * vocab];
      scorer.score(
          ids,
          (first, n, logits) ->
              MemorySegment.copy(logits, ValueLayout.JAVA_FLOAT, 0, all, first * vocab, n * vocab));
      return all;
    }
  }

  @Test
  void differentAdaptersInOneBatch_answerAsEachAlone() throws Exception {
    List<AdapterSource> sources = new ArrayList<>(List.of(caps()));
    Path random = Files.createDirectories(folder.resolve("random"));
    mergeARandomAdapter(
        fixture("micro-chat"), random, Files.createDirectories(folder.resolve("m")));
    sources.add(AdapterSource.parse(random.toString()));
    sources.add(AdapterSource.parse("again=" + fixture(CAPS)));
    int[] prompt = ids(goldens(CAPS).get(1).path("prompt_ids"));
    List<GenerationOptions> asks = new ArrayList<>(List.of(greedy(24)));
    sources.forEach(s -> asks.add(greedy(24).withAdapter(s.name())));
    try (Lamina lamina = Lamina.open(fixture("micro-chat").toString())) {
      sources.forEach(s -> lamina.loadAdapter(s.name(), s.folder()));
      assertThat(lamina.adapters()).containsExactly(CAPS, "random", "again");
      List<int[]> alone = new ArrayList<>();
      asks.forEach(how -> alone.add(start(lamina, prompt, how).join().tokenIds()));
      List<CompletableFuture<Answer>> together = new ArrayList<>();
      asks.forEach(how -> together.add(start(lamina, prompt, how)));
      for (int i = 0; i < asks.size(); i++) {
        assertThat(together.get(i).join().tokenIds()).isEqualTo(alone.get(i));
      }
      assertThat(alone.get(3)).isEqualTo(alone.get(1));
      assertThat(alone.get(1)).isNotEqualTo(alone.get(0));
      assertThat(alone.get(2)).isNotEqualTo(alone.get(1));
    }
  }

  private static class Ignoring implements AnswerListener {
    @Override
    public void onDelta(Delta delta) {}

    @Override
    public void onAnswer(Answer answer) {}

    @Override
    public void onError(Throwable error) {}
  }

  private static final class Counting extends Ignoring {
    private final CountDownLatch tokens;

    Counting(CountDownLatch tokens) {
      this.tokens = tokens;
    }

    @Override
    public void onDelta(Delta delta) {
      tokens.countDown();
    }
  }
}
