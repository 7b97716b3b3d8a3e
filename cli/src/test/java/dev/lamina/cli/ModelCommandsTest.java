package dev.lamina.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.lamina.ModelLocator;
import dev.lamina.ModelText;
import dev.lamina.chat.Tokenizer;
import dev.lamina.models.safetensors.SafetensorsCheckpoint;
import dev.lamina.spi.ir.GraphText;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class ModelCommandsTest {
  @TempDir private Path folder;
  private Path model = Path.of("");

  @BeforeEach
  void unzip() throws IOException {
    model = Files.createDirectory(folder.resolve("qwen3"));
    Path zip = Path.of(System.getProperty("lamina.fixtures"), "zoo", "qwen3.zip");
    try (InputStream file = Files.newInputStream(zip);
        ZipInputStream in = new ZipInputStream(file)) {
      for (ZipEntry e = in.getNextEntry(); e != null; e = in.getNextEntry()) {
        Files.copy(in, model.resolve(e.getName()));
      }
    }
  }

  @Test
  void score_writesTheGoldenLogits() throws Exception {
    JsonNode golden = Json.read(Files.readString(model.resolve("golden.json"))).get("cases").get(0);
    String ids =
        golden
                .get("prompt_ids")
                .valueStream()
                .map(JsonNode::toString)
                .collect(Collectors.joining(","))
            + ","
            + golden
                .get("greedy_ids")
                .valueStream()
                .limit(golden.get("greedy_ids").size() - 1)
                .map(JsonNode::toString)
                .collect(Collectors.joining(","));
    Path out = folder.resolve("out.safetensors");
    for (String chunk : List.of("1000", "7")) {
      Command c =
          Command.run(
              "score",
              model.toString(),
              "--tokens",
              ids,
              "--chunk",
              chunk,
              "--out",
              out.toString());
      assertThat(c.code()).as(c.err()).isZero();
      assertThat(worst(out)).isLessThan(2e-5);
    }
  }

  private double worst(Path out) throws Exception {
    try (SafetensorsCheckpoint got = SafetensorsCheckpoint.open(out);
        SafetensorsCheckpoint golden =
            SafetensorsCheckpoint.open(model.resolve("golden.safetensors"))) {
      MemorySegment a = got.find("logits.0").data();
      MemorySegment b = golden.find("logits.0").data();
      assertThat(a.byteSize()).isEqualTo(b.byteSize());
      double largest = 1;
      double worst = 0;
      for (long i = 0; i < a.byteSize(); i += 4) {
        float x = a.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
        float y = b.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
        largest = Math.max(largest, Math.abs(y));
        worst = Math.max(worst, Math.abs(x - y));
      }
      return worst / largest;
    }
  }

  @Test
  void score_refusesInOneLine() throws IOException {
    assertThat(Command.run("score", model.toString(), "--tokens", "1,320").error())
        .isEqualTo("tokens[1]: expected an id of 0..319, got 320");
    String many = "1,".repeat(512) + "1";
    assertThat(Command.run("score", model.toString(), "--tokens", many).error())
        .isEqualTo("tokens: expected at most 512, the model's longest context, got 513");
    Path input = Files.writeString(folder.resolve("in.jsonl"), "{\"id\":1}\n");
    assertThat(Command.run("score", model.toString(), "--input", input.toString()).error())
        .isEqualTo(input + " line 1: expected {\"id\":..,\"tokens\":[..]}");
  }

  /** Of the text as it is: no end of a line is added, taken away or made another. */
  @Test
  void score_printsThePerplexityThatTheLogitsOfTheTextGive() throws Exception {
    String text = "Once upon a time\r\nthere was a king.\n\nHe had a daughter";
    Path file = Files.writeString(folder.resolve("text"), text);
    int[] ids;
    try (Tokenizer tokenizer = ModelText.load(ModelLocator.find(ModelLocator.DEFAULT))) {
      ids = tokenizer.encode(text, true);
    }
    Command c = Command.run("score", "--perplexity", file.toString(), "--json", "--chunk", "5");
    assertThat(c.json().get("tokens").intValue()).isEqualTo(ids.length);

    String list = Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(","));
    Path out = folder.resolve("logits.safetensors");
    assertThat(Command.run("score", "--tokens", list, "--out", out.toString()).code()).isZero();
    double sum = 0;
    try (SafetensorsCheckpoint written = SafetensorsCheckpoint.open(out)) {
      MemorySegment logits = written.find("logits.0").data();
      int vocab = Math.toIntExact(logits.byteSize() / 4 / ids.length);
      for (int t = 0; t + 1 < ids.length; t++) {
        double all = 0;
        for (int v = 0; v < vocab; v++) {
          all += Math.exp(logit(logits, (long) t * vocab + v));
        }
        sum += Math.log(all) - logit(logits, (long) t * vocab + ids[t + 1]);
      }
    }
    assertThat(c.json().get("perplexity").doubleValue())
        .isCloseTo(Math.exp(sum / (ids.length - 1)), withinPercentage(0.01));
  }

  private static float logit(MemorySegment logits, long index) {
    return logits.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * index);
  }

  @Test
  void inspect_tellsTheModel() {
    JsonNode d = Command.run("inspect", "--json", "--graph", "--explain").json();
    assertThat(d.get("model_type").stringValue()).isEqualTo("qwen3");
    assertThat(d.get("parameters").longValue()).isEqualTo(7_345_408L);
    assertThat(d.get("kv_dtype").stringValue()).isEqualTo("bf16");
    assertThat(d.get("memory").get("kv_bytes_per_token").intValue()).isEqualTo(8 * 2 * 2 * 64 * 2);
    assertThat(GraphText.parse(d.get("graph").stringValue()).nodes()).isNotEmpty();
    assertThat(d.get("kernels")).isNotEmpty();
    assertThat(Command.run("inspect", "--explain").out()).contains("paged_attention");
  }

  @Test
  void backends_listsAllAndTheDefault() {
    JsonNode d = Command.run("backends", "--json").json();
    assertThat(d.get("default").stringValue()).isEqualTo("cpu-vector:0");
    assertThat(d.get("backends").valueStream().map(b -> b.get("id").stringValue()))
        .contains("cpu-vector", "reference", "null");
    assertThat(Command.run("backends").out()).contains("<- default");
  }

  @Test
  void bench_measuresStepsAndTheEngine() {
    Command steps =
        Command.run("bench", "-p", "16", "-n", "4", "-np", "2", "-r", "1", "--no-warmup", "--json");
    assertThat(steps.code()).as(steps.err()).isZero();
    assertThat(steps.jsonLines()).hasSize(2);
    JsonNode row = steps.jsonLines().getFirst();
    assertThat(row.get("n_prompt").intValue()).isEqualTo(16);
    assertThat(row.get("n_gen").intValue()).isZero();
    assertThat(row.get("median_ts").doubleValue()).isPositive();
    assertThat(row.get("flops_fraction").doubleValue()).isPositive();
    Command engine =
        Command.run("bench", "--requests", "4", "--in", "8", "--out", "4", "-r", "1", "--json");
    assertThat(engine.jsonLines().getFirst().get("requests").intValue()).isEqualTo(4);
  }

  @Test
  void conformance_runsOneCase() {
    Command c = Command.run("conformance", "--backend", "cpu-vector", "--only", "argmax/*");
    assertThat(c.code()).as(c.err()).isZero();
    assertThat(c.out()).contains("passed").contains("not-run");
    assertThat(Command.run("conformance", "--only", "no/such/*").code()).isEqualTo(Main.USAGE);
  }
}
