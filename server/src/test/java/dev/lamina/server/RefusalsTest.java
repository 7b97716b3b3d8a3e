package dev.lamina.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

@ExtendWith(SharedServer.class)
class RefusalsTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String COMPLETIONS = "/v1/completions";
  private static final String USER = "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]";

  private final TestServer server;

  RefusalsTest(TestServer server) {
    this.server = server;
  }

  /** Path, body, the param it blames, a part of the message. */
  static Stream<Arguments> badRequests() {
    return Stream.concat(badChats(), badCompletions());
  }

  private static Stream<Arguments> badChats() {
    return Stream.of(
        chat("{\"messages\":[]}", "messages", "messages: expected a non-empty array, got an empty"),
        chat("{}", "messages", "messages: expected a non-empty array"),
        chat("[]", null, "request: expected a JSON object, got an empty array"),
        chat("", null, "body: expected a JSON object, got nothing"),
        chat("{\"messages\":", null, "body: expected JSON, got something else at line 1, column"),
        chat("{} {}", null, "body: expected JSON"),
        chat("[".repeat(3000), null, "body: expected JSON"),
        chat(
            "{\"messages\":[{\"role\":\"pope\",\"content\":\"x\"}]}",
            "messages[0].role",
            "messages[0].role: expected system, user, assistant or tool, got \"pope\""),
        chat("{\"messages\":[7]}", "messages[0]", "messages[0]: expected an object"),
        user("\"max_tokens\":0", "max_tokens", "max_tokens: expected at least 1, got 0"),
        user("\"max_completion_tokens\":-1", "max_tokens", "expected at least 1, got -1"),
        user("\"max_tokens\":1.5", "max_tokens", "max_tokens: expected an integer, got 1.5"),
        user("\"temperature\":2.1", "temperature", "temperature: expected 0..2, got 2.1"),
        user("\"temperature\":-0.1", "temperature", "temperature: expected 0..2, got -0.1"),
        user("\"temperature\":\"hot\"", "temperature", "expected a number, got a string"),
        user("\"top_p\":0", "top_p", "top_p: expected above 0 and at most 1, got 0.0"),
        user("\"stop\":[\"\"]", "stop", "stop: expected non-empty strings"),
        user("\"stream\":\"yes\"", "stream", "stream: expected true or false, got a string"),
        user("\"stream_options\":{}", "stream_options", "expected \"stream\": true beside it"),
        user("\"stream\":true,\"stream_options\":3", "stream_options", "expected an object"),
        user("\"top_logprobs\":2", "top_logprobs", "expected \"logprobs\": true beside it"),
        user("\"logprobs\":true,\"top_logprobs\":21", "top_logprobs", "expected 0 to 20, got 21"),
        user("\"model\":7", "model", "model: expected a string"),
        user("\"n\":2", "n", "n: more than 1 is not supported yet"),
        user("\"tools\":[]", "tools", "tools: not supported yet"),
        user("\"tool_choice\":\"auto\"", "tool_choice", "tool_choice: not supported yet"),
        user("\"functions\":[]", "functions", "functions: not supported yet"),
        user("\"logit_bias\":{\"1\":1}", "logit_bias", "logit_bias: not supported yet"),
        user(
            "\"response_format\":{\"type\":\"json_object\"}",
            "response_format",
            "response_format: only {\"type\":\"text\"} is supported yet"),
        user("\"modalities\":[\"audio\"]", "modalities", "modalities: only [\"text\"]"),
        user("\"structured_outputs\":{}", "structured_outputs", "not supported yet"));
  }

  private static Stream<Arguments> badCompletions() {
    return Stream.of(
        completion(
            "{}", "prompt", "prompt: expected a string or an array of token ids, got nothing"),
        completion("{\"prompt\":\"\"}", "prompt", "prompt: expected at least one token"),
        completion("{\"prompt\":[]}", "prompt", "prompt: expected at least one token"),
        completion("{\"prompt\":[[]]}", "prompt", "prompt: expected at least one token"),
        completion("{\"prompt\":[\"a\",\"b\"]}", "prompt", "several prompts are not supported yet"),
        completion("{\"prompt\":[1,\"b\"]}", "prompt", "got a string at index 1"),
        completion("{\"prompt\":[1,2.5]}", "prompt", "got 2.5 at index 1"),
        completion("{\"prompt\":[true]}", "prompt", "got an array of a boolean"),
        completion("{\"prompt\":[4096]}", "prompt", "expected token ids in 0..4095, got 4096"),
        completion("{\"prompt\":[-1]}", "prompt", "expected token ids in 0..4095, got -1"),
        completion("{\"prompt\":\"x\",\"echo\":true}", "echo", "echo: true is not supported yet"),
        completion("{\"prompt\":\"x\",\"suffix\":\"y\"}", "suffix", "suffix: not supported yet"),
        completion("{\"prompt\":\"x\",\"best_of\":2}", "best_of", "best_of: more than 1"),
        completion("{\"prompt\":\"x\",\"logprobs\":21}", "logprobs", "expected 0 to 20, got 21"));
  }

  private static Arguments chat(String body, String param, String message) {
    return Arguments.of(CHAT, body, param, message);
  }

  private static Arguments user(String field, String param, String message) {
    return chat("{" + USER + "," + field + "}", param, message);
  }

  private static Arguments completion(String body, String param, String message) {
    return Arguments.of(COMPLETIONS, body, param, message);
  }

  @ParameterizedTest
  @MethodSource("badRequests")
  void badRequest_isRefusedByFieldAndTheServerLivesOn(
      String path, String body, String param, String message) throws Exception {
    JsonNode error = refusal(server.post(path, body), 400);

    assertThat(error.path("message").stringValue()).contains(message).doesNotContain("\n");
    assertThat(error.path("type").stringValue()).isEqualTo("invalid_request_error");
    if (param == null) {
      assertThat(error.path("param").isNull()).isTrue();
    } else {
      assertThat(error.path("param").stringValue()).isEqualTo(param);
    }
    assertThat(server.get("/health").statusCode()).isEqualTo(200);
  }

  @Test
  void promptLongerThanTheContext_saysBothLengths() throws Exception {
    String ids = "1,".repeat(4999) + "1";

    JsonNode error = refusal(server.post(COMPLETIONS, "{\"prompt\":[" + ids + "]}"), 400);

    assertThat(error.path("message").stringValue())
        .isEqualTo(
            "prompt: expected fewer tokens than the 4096 of the model's context, got 5000;"
                + " shorten it");
    assertThat(error.path("code").stringValue()).isEqualTo("context_length_exceeded");
  }

  @Test
  void unknownModel_isNotFound() throws Exception {
    JsonNode error = refusal(server.post(CHAT, "{\"model\":\"gpt-9\"," + USER + "}"), 404);

    assertThat(error.path("message").stringValue())
        .isEqualTo("model: expected \"micro-chat\", which this server serves, got \"gpt-9\"");
    assertThat(error.path("code").stringValue()).isEqualTo("model_not_found");
    assertThat(error.path("param").stringValue()).isEqualTo("model");
    assertThat(refusal(server.get("/v1/models/gpt-9"), 404)).isEqualTo(error);
  }

  @Test
  void unknownPath_isNotFound() throws Exception {
    JsonNode error = refusal(server.post("/v1/embeddings", "{}"), 404);

    assertThat(error.path("message").stringValue())
        .startsWith("path: expected /v1/chat/completions")
        .endsWith("got /v1/embeddings");
    assertThat(error.path("code").stringValue()).isEqualTo("unknown_url");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "GET|/v1/chat/completions|POST",
        "PUT|/v1/completions|POST",
        "POST|/v1/models|GET, HEAD",
        "DELETE|/v1/models/micro-chat|GET, HEAD",
        "POST|/health|GET, HEAD",
        "POST|/metrics|GET, HEAD",
        "POST|/|GET, HEAD",
      })
  void wrongMethod_saysWhichIsRight(String method, String path, String allowed) throws Exception {
    HttpResponse<String> response = server.send(method, path, "");

    assertThat(refusal(response, 405).path("message").stringValue())
        .isEqualTo("method: " + path + " expects " + allowed + ", got " + method);
    assertThat(response.headers().firstValue("allow")).contains(allowed);
  }

  private static JsonNode refusal(HttpResponse<String> response, int status) {
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    assertThat(response.headers().firstValue("content-type")).contains("application/json");
    return TestServer.json(response.body()).path("error");
  }
}
