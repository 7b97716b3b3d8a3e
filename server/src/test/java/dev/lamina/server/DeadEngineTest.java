package dev.lamina.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.LaminaOptions;
import dev.lamina.scheduler.EngineConfig;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** What clients see once the device under the engine is lost. */
class DeadEngineTest {
  private static final String COMPLETIONS = "/v1/completions";

  @AfterEach
  void revive() {
    DyingBackend.DEAD.set(false);
  }

  @Test
  void lostDevice_endsEveryRequestAndIsSaidByHealth() throws Exception {
    LaminaOptions options =
        LaminaOptions.DEFAULT
            .withBackend("dying")
            .withEngine(EngineConfig.DEFAULT.withNumKvBlocks(512))
            .withThreads(1);
    try (TestServer server = TestServer.open(options, ServerOptions.DEFAULT);
        Socket stream =
            server.connectAndPost(COMPLETIONS, TestServer.ENDLESS.formatted(",\"stream\":true"));
        Socket whole = server.connectAndPost(COMPLETIONS, TestServer.ENDLESS.formatted(""))) {
      TestServer.readUntil(stream, "\"text\":");
      TestServer.await("both run", () -> server.stats().numRunning() == 2);
      assertThat(server.get("/health").statusCode()).isEqualTo(200);

      DyingBackend.DEAD.set(true);

      String rest = TestServer.readUntil(stream, "0\r\n\r\n");
      int last = rest.lastIndexOf("data: ") + "data: ".length();
      JsonNode event = TestServer.json(rest.substring(last, rest.indexOf("\n\n", last)));
      assertThat(event.path("error").path("code").stringValue()).isEqualTo("generation_failed");
      assertThat(event.path("error").path("message").stringValue()).contains(DyingBackend.REASON);
      assertThat(rest).doesNotContain("[DONE]");
      assertThat(TestServer.readUntil(whole, "}}"))
          .startsWith("HTTP/1.1 500 ")
          .contains("generation_failed", DyingBackend.REASON);

      TestServer.await("the engine has ended", () -> !server.server().lamina().isRunning());
      for (HttpResponse<String> refused :
          List.of(
              server.get("/health"),
              server.post(COMPLETIONS, "{\"prompt\":\"x\"}"),
              server.post(
                  "/v1/chat/completions",
                  "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stream\":true}"))) {
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(refused.body()).contains("engine_ended", "restart");
      }
      assertThat(server.get("/v1/models").statusCode()).isEqualTo(200);
      assertThat(server.get("/metrics").statusCode()).isEqualTo(200);
    }
  }
}
