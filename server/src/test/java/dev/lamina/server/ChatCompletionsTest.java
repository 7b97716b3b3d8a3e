package dev.lamina.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

@ExtendWith(SharedServer.class)
class ChatCompletionsTest {
  private static final String PATH = "/v1/chat/completions";

  private final TestServer server;

  ChatCompletionsTest(TestServer server) {
    this.server = server;
  }

  private static String question(String question, String fields) {
    return "{\"model\":\"micro-chat\",\"temperature\":0,\"messages\":[{\"role\":\"user\",\"content\":"
        + Json.object().put("q", question).path("q")
        + "}]"
        + fields
        + "}";
  }

  private static String text(List<JsonNode> chunks) {
    StringBuilder text = new StringBuilder();
    for (JsonNode chunk : chunks) {
      text.append(chunk.path("choices").path(0).path("delta").path("content").asString(""));
    }
    return text.toString();
  }

  @Test
  void answer_hasOpenAisShapeAndTheRightText() throws Exception {
    JsonNode answer = server.ask(PATH, question("What is 12 + 30?", ""));

    assertThat(answer.path("id").stringValue()).startsWith("chatcmpl-");
    assertThat(answer.path("object").stringValue()).isEqualTo("chat.completion");
    assertThat(answer.path("created").longValue()).isGreaterThan(1_700_000_000L);
    assertThat(answer.path("model").stringValue()).isEqualTo("micro-chat");
    JsonNode choice = answer.path("choices").path(0);
    assertThat(choice.path("index").intValue()).isZero();
    assertThat(choice.path("message").path("role").stringValue()).isEqualTo("assistant");
    assertThat(choice.path("message").path("content").stringValue()).isEqualTo("12 + 30 = 42.");
    assertThat(choice.path("finish_reason").stringValue()).isEqualTo("stop");
    JsonNode usage = answer.path("usage");
    assertThat(usage.path("prompt_tokens").intValue()).isEqualTo(18);
    assertThat(usage.path("completion_tokens").intValue()).isEqualTo(12);
    assertThat(usage.path("total_tokens").intValue()).isEqualTo(30);
  }

  @Test
  void repeatedPrompt_tellsItsCachedTokens() throws Exception {
    String body = question("Which country has the capital Vienna, and who lives there?", "");
    server.ask(PATH, body);

    JsonNode usage = server.ask(PATH, body).path("usage");

    int cached = usage.path("prompt_tokens_details").path("cached_tokens").intValue();
    assertThat(cached).isPositive().isLessThan(usage.path("prompt_tokens").intValue());
    assertThat(cached % 16).isZero();
  }

  @Test
  void stream_beginsWithTheRoleAndEndsWithReasonAndUsage() throws Exception {
    List<JsonNode> chunks =
        server.stream(
            PATH,
            question(
                "What is 12 + 30?",
                ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));

    JsonNode first = chunks.getFirst().path("choices").path(0);
    assertThat(first.path("delta").path("role").stringValue()).isEqualTo("assistant");
    assertThat(first.path("finish_reason").isNull()).isTrue();
    assertThat(text(chunks)).isEqualTo("12 + 30 = 42.");
    JsonNode last = chunks.get(chunks.size() - 2).path("choices").path(0);
    assertThat(last.path("delta").isEmpty()).isTrue();
    assertThat(last.path("finish_reason").stringValue()).isEqualTo("stop");
    assertThat(chunks.getLast().path("choices").isEmpty()).isTrue();
    assertThat(chunks.getLast().path("usage").path("total_tokens").intValue()).isEqualTo(30);
    for (JsonNode chunk : chunks) {
      assertThat(chunk.path("object").stringValue()).isEqualTo("chat.completion.chunk");
      assertThat(chunk.path("id")).isEqualTo(chunks.getFirst().path("id"));
    }
    assertThat(chunks.getFirst().path("usage").isNull()).isTrue();
  }

  @Test
  void streamWithoutStreamOptions_hasNoUsage() throws Exception {
    List<JsonNode> chunks = server.stream(PATH, question("Hello", ",\"stream\":true"));

    assertThat(chunks).noneMatch(chunk -> chunk.has("usage"));
    assertThat(chunks.getLast().path("choices").path(0).path("finish_reason").isNull()).isFalse();
  }

  @Test
  void logprobs_comeWithEachTokenInWholeAndStream() throws Exception {
    String asked = ",\"logprobs\":true,\"top_logprobs\":3";
    JsonNode content =
        server
            .ask(PATH, question("What is 12 + 30?", asked))
            .path("choices")
            .path(0)
            .path("logprobs")
            .path("content");
    List<JsonNode> streamed = new ArrayList<>();
    for (JsonNode chunk :
        server.stream(PATH, question("What is 12 + 30?", asked + ",\"stream\":true"))) {
      chunk.path("choices").path(0).path("logprobs").path("content").forEach(streamed::add);
    }

    assertThat(content.size()).isEqualTo(12);
    JsonNode first = content.path(0);
    assertThat(first.path("token").stringValue()).isEqualTo("1");
    assertThat(first.path("bytes").path(0).intValue()).isEqualTo('1');
    assertThat(first.path("logprob").doubleValue()).isBetween(-0.1, 0.0);
    assertThat(first.path("top_logprobs").size()).isEqualTo(3);
    assertThat(first.path("top_logprobs").path(0).path("token").stringValue()).isEqualTo("1");
    assertThat(content.path(11).path("token").stringValue()).isEqualTo("<|im_end|>");
    assertThat(streamed).extracting(token -> token.path("token").stringValue()).hasSize(12);
  }

  @Test
  void stopString_endsTheTextBeforeItInWholeAndStream() throws Exception {
    String asked = ",\"stop\":[\" = \",\"never\"]";

    JsonNode choice = server.ask(PATH, question("What is 12 + 30?", asked)).path("choices").path(0);
    List<JsonNode> chunks =
        server.stream(PATH, question("What is 12 + 30?", asked + ",\"stream\":true"));

    assertThat(choice.path("message").path("content").stringValue()).isEqualTo("12 + 30");
    assertThat(choice.path("finish_reason").stringValue()).isEqualTo("stop");
    assertThat(text(chunks)).isEqualTo("12 + 30");
  }

  @Test
  void maxTokens_endsWithLength() throws Exception {
    JsonNode answer =
        server.ask(PATH, question("What is 12 + 30?", ",\"max_completion_tokens\":2"));

    assertThat(answer.path("choices").path(0).path("finish_reason").stringValue())
        .isEqualTo("length");
    assertThat(answer.path("usage").path("completion_tokens").intValue()).isEqualTo(2);
  }

  @Test
  void ignoreEos_goesOnToMaxTokens() throws Exception {
    JsonNode answer =
        server.ask(PATH, question("What is 12 + 30?", ",\"max_tokens\":20,\"ignore_eos\":true"));

    assertThat(answer.path("usage").path("completion_tokens").intValue()).isEqualTo(20);
  }

  @Test
  void charactersSplitOverTokens_comeWholeInDeltas() throws Exception {
    // Hot enough that bytes of characters come one by one.
    String body =
        "{\"prompt\":\"x\",\"temperature\":2,\"seed\":11,\"max_tokens\":60,\"ignore_eos\":true,"
            + "\"logprobs\":0%s}";
    String whole =
        server
            .ask("/v1/completions", body.formatted(""))
            .path("choices")
            .path(0)
            .path("text")
            .stringValue();
    StringBuilder streamed = new StringBuilder();
    for (JsonNode chunk : server.stream("/v1/completions", body.formatted(",\"stream\":true"))) {
      String piece = chunk.path("choices").path(0).path("text").stringValue();
      if (!piece.isEmpty()) {
        assertThat(Character.isLowSurrogate(piece.charAt(0))).isFalse();
      }
      streamed.append(piece);
    }

    assertThat(streamed.toString()).isEqualTo(whole);
    assertThat(whole).hasSizeGreaterThan(60);
  }

  @Test
  void thirtyTwoStreamsAtOnce_allAnswerAsTheReference() throws Exception {
    JsonNode cases =
        TestServer.json(Files.readString(TestServer.model().resolve("qa.json"))).path("cases");
    List<Callable<String>> asks = new ArrayList<>();
    for (int i = 0; i < 32; i++) {
      String body = question(cases.path(i).path("question").stringValue(), ",\"stream\":true");
      asks.add(() -> text(server.stream(PATH, body)));
    }

    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> answers = threads.invokeAll(asks);
      for (int i = 0; i < 32; i++) {
        assertThat(answers.get(i).get()).isEqualTo(cases.path(i).path("reference").stringValue());
      }
    }
    server.awaitIdle();
  }
}
