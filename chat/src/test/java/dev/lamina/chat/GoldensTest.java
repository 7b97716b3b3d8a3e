package dev.lamina.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** Prompts, ids and texts of the built-in models against what transformers recorded for them. */
class GoldensTest {

  @TestFactory
  Stream<DynamicTest> goldens_agreeOnPromptIdsAndText() {
    return Stream.of("micro-chat", "micro-draft").flatMap(GoldensTest::cases);
  }

  @Test
  void microChat_knowsItsSpecialTokens() {
    Tokenizer tokenizer = Tokenizers.load(Fixtures.MICRO_CHAT);
    assertThat(tokenizer.eosId()).hasValue(4089);
    assertThat(tokenizer.bosId()).isEmpty();
    assertThat(tokenizer.vocabSize()).isEqualTo(4096);
    assertThat(tokenizer.id("<|im_end|>")).hasValue(4089);
    assertThat(tokenizer.id("no such token")).isEmpty();
    assertThat(tokenizer.token(4089)).isEqualTo("<|im_end|>");
    assertThat(tokenizer.token(4096)).isNull();
    assertThat(tokenizer.isSpecial(4089)).isTrue();
    assertThat(tokenizer.isSpecial(4090)).isFalse();
  }

  @Test
  void qaAnswers_surviveTheRoundTrip() {
    Tokenizer tokenizer = Tokenizers.load(Fixtures.MICRO_CHAT);
    JsonNode qa = new ObjectMapper().readTree(Fixtures.MICRO_CHAT.resolve("qa.json"));
    assertThat(qa.path("cases").size()).isEqualTo(300);
    for (JsonNode item : qa.path("cases")) {
      String answer = item.path("reference").asString();
      assertThat(tokenizer.decode(tokenizer.encode(answer, true), true)).isEqualTo(answer);
    }
  }

  private static Stream<DynamicTest> cases(String model) {
    if (!Files.exists(Fixtures.model(model))) {
      return Stream.of(
          DynamicTest.dynamicTest(model, () -> abort("not beside this checkout: " + model)));
    }
    Tokenizer tokenizer = Tokenizers.load(Fixtures.model(model));
    ChatTemplate template = ChatTemplates.forModel(Fixtures.model(model));
    JsonNode goldens = new ObjectMapper().readTree(Fixtures.model(model).resolve("goldens.json"));
    List<DynamicTest> tests = new ArrayList<>();
    int number = 0;
    for (JsonNode golden : goldens.path("cases")) {
      tests.add(
          DynamicTest.dynamicTest(
              model + " case " + number++, () -> check(golden, tokenizer, template)));
    }
    assertThat(tests).isNotEmpty();
    return tests.stream();
  }

  private static void check(JsonNode golden, Tokenizer tokenizer, ChatTemplate template) {
    String prompt = golden.path("prompt").asString();
    boolean isChat = golden.path("messages").isArray();
    if (isChat) {
      String rendered =
          template.render(
              Messages.read(golden.get("messages")),
              Messages.readTools(golden.get("tools")),
              true,
              Map.of());
      assertThat(rendered).isEqualTo(prompt);
    }
    assertThat(tokenizer.encode(prompt, !isChat)).isEqualTo(ints(golden.path("prompt_ids")));
    assertThat(tokenizer.decode(ints(golden.path("prompt_ids")), false)).isEqualTo(prompt);
    assertThat(tokenizer.decode(ints(golden.path("greedy_ids")), true))
        .isEqualTo(golden.path("greedy_text").asString());
  }

  private static int[] ints(JsonNode array) {
    int[] ids = new int[array.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = array.get(i).intValue();
    }
    return ids;
  }
}
