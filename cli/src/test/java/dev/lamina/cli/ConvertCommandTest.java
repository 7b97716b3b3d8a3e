package dev.lamina.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.ggml.GgmlType;
import dev.lamina.models.gguf.GgufPairs;
import dev.lamina.models.gguf.GgufTensors;
import dev.lamina.models.gguf.GgufWriter;
import dev.lamina.models.safetensors.SafetensorsCheckpoint;
import dev.lamina.spi.ir.Shape;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Models through files of other formats and back, by the commands that users type. */
class ConvertCommandTest {
  private static final Path MICRO_CHAT =
      Path.of(System.getProperty("lamina.fixtures"), "models", "micro-chat");

  @TempDir private Path folder;

  private Path convert(String in, String out, String dtype) {
    Path file = folder.resolve(out);
    Command c = Command.run("convert", in, file.toString(), "--dtype", dtype);
    assertThat(c.code()).as(c.err()).isZero();
    assertThat(c.err()).contains("wrote " + file);
    return file;
  }

  @Test
  void aQuantisedFileIsAWholeModel() {
    Path file = convert("micro-chat", "q8.gguf", "q8_0");
    Command run = Command.run("run", file.toString(), "What is 12 + 30?");
    assertThat(run.out().strip()).as(run.err()).isEqualTo("12 + 30 = 42.");

    JsonNode inspected = Command.run("inspect", file.toString(), "--json").json();
    JsonNode original = Command.run("inspect", "micro-chat", "--json").json();
    assertThat(inspected.get("model_type").stringValue()).isEqualTo("qwen3");
    assertThat(inspected.get("parameters")).isEqualTo(original.get("parameters"));
    assertThat(inspected.get("dtypes").get("q8_0").longValue()).isGreaterThan(7_000_000);
    assertThat(inspected.get("kv_dtype").stringValue()).isEqualTo("f16");
  }

  @Test
  void quantisedWeights_stayAsTheyAre() {
    Path file = convert("micro-chat", "q4k.gguf", "q4_k");
    Command inspected = Command.run("inspect", file.toString(), "--json");
    assertThat(inspected.err()).doesNotContain("decoded to f32");
    assertThat(inspected.json().get("dtypes").has("q4_k")).isTrue();
  }

  @Test
  void aFolderMadeOfAFileIsTheModelThatItWas() throws Exception {
    Path file = convert("micro-chat", "bf16.gguf", "bf16");
    Path back = convert(file.toString(), "back", "bf16");
    Command run = Command.run("run", back.toString(), "What is 12 + 30?");
    assertThat(run.out().strip()).as(run.err()).isEqualTo("12 + 30 = 42.");
    try (SafetensorsCheckpoint a = SafetensorsCheckpoint.open(MICRO_CHAT);
        SafetensorsCheckpoint b = SafetensorsCheckpoint.open(back)) {
      assertThat(b.tensors()).hasSameSizeAs(a.tensors());
      for (StoredTensor t : a.tensors()) {
        assertThat(b.find(t.name()).data().mismatch(t.data())).as(t.name()).isEqualTo(-1);
      }
    }
  }

  @Test
  void tensorsThatAreNoModelKeepTheirNames() throws Exception {
    Path gguf = folder.resolve("blocks.gguf");
    Map<String, GgufWriter.Entry> entries = new LinkedHashMap<>();
    entries.put("some.blocks", new GgufWriter.Entry(GgmlType.Q5_1, Shape.of(2, 64)));
    byte[] bytes = new byte[4 * GgmlType.Q5_1.bytes()];
    new Random(1).nextBytes(bytes);
    try (GgufWriter w = GgufWriter.create(gguf, new GgufPairs(), entries)) {
      w.append("some.blocks", MemorySegment.ofArray(bytes));
    }
    float[] expected = new float[128];
    GgmlType.Q5_1.decode(MemorySegment.ofArray(bytes), 0, expected, 0, 128);

    Path out = convert(gguf.toString(), "blocks.safetensors", "f32");
    try (SafetensorsCheckpoint c = SafetensorsCheckpoint.open(out)) {
      StoredTensor t = c.find("some.blocks");
      assertThat(t.type().shape()).isEqualTo(Shape.of(2, 64));
      assertThat(t.data().mismatch(MemorySegment.ofArray(expected))).isEqualTo(-1);
    }
    Path again = convert(out.toString(), "again.gguf", "q8_0");
    try (GgufTensors c = GgufTensors.open(again)) {
      assertThat(c.find("some.blocks").format()).isEqualTo("q8_0");
    }
    assertThat(Command.run("run", again.toString(), "Hi").error())
        .isEqualTo(
            "read %s: metadata 'general.architecture': expected a text, got no such key; convert"
                    .formatted(again)
                + " the model again");
  }

  @Test
  void aModelsTensorsAreNamedAsAsked() throws Exception {
    Path file = convert("micro-chat", "f16.gguf", "f16");
    Path own = convert(file.toString(), "own.safetensors", "f16");
    Path hf = folder.resolve("hf.safetensors");
    Command c =
        Command.run("convert", file.toString(), hf.toString(), "--dtype", "f16", "--names", "hf");
    assertThat(c.code()).as(c.err()).isZero();
    try (SafetensorsCheckpoint a = SafetensorsCheckpoint.open(own);
        SafetensorsCheckpoint b = SafetensorsCheckpoint.open(hf)) {
      assertThat(a.find("blk.0.attn_q.weight")).isNotNull();
      assertThat(b.find("model.layers.0.self_attn.q_proj.weight")).isNotNull();
    }
  }

  @Test
  void randomWeightsOfAShapeAreAModelToo() {
    Path file = folder.resolve("random.gguf");
    Command c =
        Command.run(
            "convert", "--shape", "100m", file.toString(), "--dtype", "q8_0", "--seed", "7");
    assertThat(c.code()).as(c.err()).isZero();
    JsonNode inspected = Command.run("inspect", file.toString(), "--json").json();
    assertThat(inspected.get("parameters").longValue()).isBetween(54_000_000L, 55_000_000L);
    assertThat(inspected.get("vocab_size").intValue()).isEqualTo(32_768);
    Command ids = Command.withInput("Hi", "tokenize", file.toString());
    assertThat(ids.out()).isEqualTo(Command.withInput("Hi", "tokenize", "micro-chat").out());
  }

  @Test
  void refusesInOneLine() throws Exception {
    String out = folder.resolve("out").toString();
    assertThat(Command.run("convert", "micro-chat").error())
        .isEqualTo("convert: expected IN and OUT, or --shape NAME and OUT");
    assertThat(Command.run("convert", "micro-chat", out, "--dtype", "q8_0").error())
        .isEqualTo(
            "convert: --dtype q8_0: expected f32, f16 or bf16 for safetensors; name a .gguf file");
    assertThat(Command.run("convert", "micro-chat", out, "--dtype", "q3").error())
        .isEqualTo("--dtype: expected one of f32, f16, q4_0, q8_0, q4_k, q6_k, bf16, got 'q3'");
    Path bad = Files.writeString(folder.resolve("bad.gguf"), "GGML");
    assertThat(Command.run("inspect", bad.toString()).error())
        .isEqualTo(
            "read %s: magic: expected the bytes GGUF, got 0x47474d4c; it is not a GGUF file, check"
                    .formatted(bad)
                + " the path");
  }
}
