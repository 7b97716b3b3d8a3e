package dev.lamina.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.Prompt;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;

@ExtendWith(SharedServer.class)
class CompletionsTest {
  private static final String PATH = "/v1/completions";

  private final TestServer server;

  CompletionsTest(TestServer server) {
    this.server = server;
  }

  @Test
  void textAndItsTokens_giveTheSame() throws Exception {
    int[] ids = server.server().lamina().tokenize(Prompt.text("What is"));
    String tokens = Arrays.toString(ids);

    JsonNode fromText =
        server.ask(PATH, "{\"prompt\":\"What is\",\"temperature\":0,\"ignore_eos\":true}");
    JsonNode fromIds =
        server.ask(PATH, "{\"prompt\":" + tokens + ",\"temperature\":0,\"ignore_eos\":true}");
    JsonNode fromList =
        server.ask(PATH, "{\"prompt\":[" + tokens + "],\"temperature\":0,\"ignore_eos\":true}");

    assertThat(fromText.path("id").stringValue()).startsWith("cmpl-");
    assertThat(fromText.path("object").stringValue()).isEqualTo("text_completion");
    assertThat(fromText.path("usage").path("completion_tokens").intValue()).isEqualTo(16);
    assertThat(fromText.path("usage").path("prompt_tokens").intValue()).isEqualTo(ids.length);
    assertThat(fromIds.path("choices")).isEqualTo(fromText.path("choices"));
    assertThat(fromList.path("choices")).isEqualTo(fromText.path("choices"));
  }

  @Test
  void stream_concatenatesToTheWhole() throws Exception {
    String whole =
        server
            .ask(PATH, "{\"prompt\":\"What is\",\"temperature\":0,\"ignore_eos\":true}")
            .path("choices")
            .path(0)
            .path("text")
            .stringValue();
    List<JsonNode> chunks =
        server.stream(
            PATH, "{\"prompt\":\"What is\",\"temperature\":0,\"ignore_eos\":true,\"stream\":true}");

    StringBuilder streamed = new StringBuilder();
    chunks.forEach(c -> streamed.append(c.path("choices").path(0).path("text").stringValue()));
    assertThat(streamed.toString()).isEqualTo(whole).isNotEmpty();
    assertThat(chunks.getLast().path("choices").path(0).path("finish_reason").stringValue())
        .isEqualTo("length");
  }

  @Test
  void logprobs_haveTextsValuesAlternativesAndOffsets() throws Exception {
    JsonNode logprobs =
        server
            .ask(PATH, "{\"prompt\":\"What is\",\"temperature\":0,\"max_tokens\":3,\"logprobs\":2}")
            .path("choices")
            .path(0)
            .path("logprobs");

    assertThat(logprobs.path("tokens").size()).isEqualTo(3);
    for (int i = 0; i < 3; i++) {
      String token = logprobs.path("tokens").path(i).stringValue();
      assertThat(logprobs.path("top_logprobs").path(i).size()).isEqualTo(2);
      assertThat(logprobs.path("top_logprobs").path(i).path(token))
          .isEqualTo(logprobs.path("token_logprobs").path(i));
    }
    int length = logprobs.path("tokens").path(0).stringValue().length();
    assertThat(logprobs.path("text_offset").path(0).intValue()).isZero();
    assertThat(logprobs.path("text_offset").path(1).intValue()).isEqualTo(length);
  }

  @Test
  void seed_makesSamplingRepeatable() throws Exception {
    String body = "{\"prompt\":\"Once\",\"seed\":%d,\"max_tokens\":24,\"ignore_eos\":true}";

    JsonNode one = server.ask(PATH, body.formatted(7)).path("choices");

    assertThat(server.ask(PATH, body.formatted(7)).path("choices")).isEqualTo(one);
    assertThat(server.ask(PATH, body.formatted(8)).path("choices")).isNotEqualTo(one);
  }
}
