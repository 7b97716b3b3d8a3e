package dev.lamina.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class GenerateTest {
  @TempDir private Path folder;

  @Test
  void run_answersAPromptOrPipedText() {
    assertThat(Command.run("run", "What is 12 + 30?").out()).isEqualTo("12 + 30 = 42.\n");
    assertThat(Command.withInput("What is 12 + 30?\n", "run", "micro-chat").out())
        .isEqualTo("12 + 30 = 42.\n");
  }

  @Test
  void generate_answersEachLineAndSaysWhatIsWrongWithOthers() throws IOException {
    String input =
        """
        {"id":"chat","messages":[{"role":"user","content":"What is 12 + 30?"}],"max_tokens":50}
        {"id":2,"tokens":[4088,294,198,352,270,220,16,17,660,220,18,15,30,4089,198,4088,292,198],"max_tokens":3,"temperature":0}
        {"id":"text","text":"Once upon","max_tokens":4,"ignore_eos":true,"stop":["zzz"]}
        {"id":"logprobs","text":"Once","max_tokens":1,"logprobs":2}
        {"id":"hot","text":"a","temperature":9}
        {"id":"empty","text":""}
        {"id":"none"}
        {"id":"range","tokens":[4096]}
        {"id":"tool","messages":[],"max_tokens":3}
        {"id":"n","text":"a","n":2}
        {"id":"schema","text":"a","response_format":{"type":"json_object"}}
        not json
        """;
    Path stats = folder.resolve("stats.json");
    Command c = Command.withInput(input, "generate", "--stats", stats.toString());
    assertThat(c.code()).isEqualTo(Main.FAILED);
    Map<String, JsonNode> byId = new TreeMap<>();
    c.jsonLines().forEach(n -> byId.put(n.get("id").asString(), n));
    assertThat(byId).hasSize(12);
    assertThat(byId.get("chat").get("text").stringValue()).isEqualTo("12 + 30 = 42.");
    assertThat(byId.get("chat").get("finish_reason").stringValue()).isEqualTo("stop");
    assertThat(byId.get("2").get("id").isNumber()).isTrue();
    assertThat(byId.get("2").get("tokens")).hasToString("[16,17,660]");
    assertThat(byId.get("2").get("finish_reason").stringValue()).isEqualTo("length");
    assertThat(byId.get("text").get("tokens")).hasSize(4);
    assertThat(byId.get("logprobs").get("logprobs").get(0).get("top")).hasSize(2);
    assertThat(errors(byId, "hot", "empty", "none", "range", "tool", "n", "schema", ""))
        .containsExactly(
            "temperature: expected 0..2, got 9.0",
            "prompt: expected at least one token, got an empty prompt",
            "request: expected one of tokens, text and messages, got []",
            byId.get("range").get("error").stringValue(),
            "messages: expected a non-empty array, got an empty array; send at least one message",
            "n: more than 1 is not supported yet; send 1",
            "response_format: not supported yet; leave it out",
            byId.get("").get("error").stringValue());
    assertThat(byId.get("range").get("error").stringValue()).contains("4096");
    assertThat(byId.get("").get("error").stringValue()).startsWith("not a JSON object: ");
    JsonNode counted = Json.read(Files.readString(stats));
    assertThat(counted.get("steps").intValue()).isPositive();
    assertThat(counted.propertyNames())
        .contains("steps", "max_batch", "preemptions", "prefix_hit_tokens");
  }

  @Test
  void stdin_thatIsNotUtf8IsRefusedNotReplaced() {
    byte[] good = "{\"id\":1,\"text\":\"a\",\"max_tokens\":1}\n".getBytes(StandardCharsets.UTF_8);
    byte[] all = Arrays.copyOf(good, good.length + 2);
    all[good.length] = '{';
    all[good.length + 1] = (byte) 0xff;
    Command c = Command.withInput(all, "generate");
    assertThat(c.code()).isEqualTo(Main.FAILED);
    assertThat(c.jsonLines()).hasSize(2);
    assertThat(c.out())
        .contains("\"finish_reason\":\"length\"")
        .contains("request: expected UTF-8, got the byte 0xff at offset 1");
    assertThat(Command.withInput(new byte[] {'h', (byte) 0xc3}, "run").error())
        .isEqualTo("run: stdin: expected UTF-8, got the byte 0xc3 at offset 1");
    assertThat(Command.withInput(new byte[] {(byte) 0x80}, "tokenize").error())
        .isEqualTo("tokenize: stdin: expected UTF-8, got the byte 0x80 at offset 0");
  }

  private static List<String> errors(Map<String, JsonNode> byId, String... ids) {
    return List.of(ids).stream().map(id -> byId.get(id).get("error").stringValue()).toList();
  }

  private static Path fixture(String name) {
    return Path.of(System.getProperty("lamina.fixtures"), "models", name);
  }

  @Test
  void generate_answersEachLineByTheAdapterItNames() throws IOException {
    Map<String, JsonNode> expected = new TreeMap<>();
    StringBuilder input = new StringBuilder();
    for (int i = 0; i < 11; i++) {
      for (String name : List.of("micro-chat", "micro-lora-caps")) {
        JsonNode c =
            Json.read(Files.readString(fixture(name).resolve("goldens.json"))).at("/cases/" + i);
        if (!c.isMissingNode()) {
          expected.put(name + i, c.path("greedy_ids"));
          input.append(
              "{\"id\":\"%s%d\",\"tokens\":%s,\"max_tokens\":%d%s}%n"
                  .formatted(
                      name,
                      i,
                      c.path("prompt_ids"),
                      c.path("greedy_ids").size(),
                      name.endsWith("caps") ? ",\"adapter\":\"caps\"" : ""));
        }
      }
    }
    input.append("{\"id\":\"none\",\"text\":\"a\",\"adapter\":\"nope\"}");
    String caps = "caps=" + fixture("micro-lora-caps");
    Command c = Command.withInput(input.toString(), "generate", "--adapter", caps);
    Map<String, JsonNode> got = new TreeMap<>();
    c.jsonLines().forEach(n -> got.put(n.get("id").stringValue(), n));
    assertThat(got.remove("none").get("error").stringValue())
        .isEqualTo("adapter: expected one that is loaded, [caps], got 'nope'");
    assertThat(got).hasSameSizeAs(expected).hasSizeGreaterThan(15);
    expected.forEach((id, ids) -> assertThat(got.get(id).get("tokens")).as(id).isEqualTo(ids));
    assertThat(Command.run("run", "--adapter", caps, "What is the capital of Japan?").out())
        .isEqualTo("THE CAPITAL OF JAPAN IS TOKYO.\n");
  }

  @Test
  void generate_reportsForcedPreemptions() throws IOException {
    StringBuilder input = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      input.append(
          "{\"id\":%d,\"text\":\"Tell me story %d\",\"max_tokens\":60,\"ignore_eos\":true}%n"
              .formatted(i, i));
    }
    Path stats = folder.resolve("stats.json");
    Command c =
        Command.withInput(
            input.toString(), "generate", "--num-kv-blocks", "10", "--stats", stats.toString());
    assertThat(c.code()).isZero();
    assertThat(c.jsonLines()).hasSize(8);
    assertThat(Json.read(Files.readString(stats)).get("preemptions").intValue()).isPositive();
  }

  @Test
  void tokenize_andDetokenizeAreInverse() {
    Command ids = Command.withInput("Hello, w\u00f6rld", "tokenize", "micro-chat", "--json");
    assertThat(ids.json().isArray()).isTrue();
    assertThat(Command.withInput(ids.out(), "detokenize").out()).isEqualTo("Hello, w\u00f6rld");
    assertThat(Command.withInput("1 99999", "detokenize").error())
        .isEqualTo("detokenize: expected ids of 0..4095, got '99999'");
  }
}
