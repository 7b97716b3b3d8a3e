package dev.lamina.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.scheduler.EngineConfig;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class AdaptersTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String LOAD = "/v1/load_lora_adapter";
  private static final String UNLOAD = "/v1/unload_lora_adapter";

  private static String ask(String model) {
    return """
    {"model":"%s","temperature":0,"messages":[{"role":"user","content":"What is the capital of Japan?"}]}
    """
        .formatted(model);
  }

  private static String message(HttpResponse<String> response, int status) {
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    return TestServer.json(response.body()).at("/error/message").stringValue();
  }

  @Test
  void anAdapter_isLoadedAskedByItsNameAndUnloaded() throws Exception {
    Path caps = TestServer.model().resolveSibling("micro-lora-caps");
    String load = "{\"lora_name\":\"caps\",\"lora_path\":\"%s\"}".formatted(caps);
    EngineConfig engine = EngineConfig.DEFAULT.withNumKvBlocks(64);
    try (TestServer server = TestServer.open(engine, ServerOptions.DEFAULT)) {
      assertThat(message(server.post(CHAT, ask("caps")), 404)).endsWith("got \"caps\"");
      assertThat(server.ask(LOAD, load).path("message").stringValue())
          .isEqualTo("Success: LoRA adapter 'caps' added successfully.");
      JsonNode answer = server.ask(CHAT, ask("caps"));
      assertThat(answer.path("model").stringValue()).isEqualTo("caps");
      assertThat(answer.at("/choices/0/message/content").stringValue())
          .isEqualTo("THE CAPITAL OF JAPAN IS TOKYO.");
      assertThat(server.ask(CHAT, ask("micro-chat")).at("/choices/0/message/content"))
          .hasToString("\"The capital of Japan is Tokyo.\"");
      JsonNode models = TestServer.json(server.get("/v1/models").body()).path("data");
      assertThat(models.get(1).path("id").stringValue()).isEqualTo("caps");
      assertThat(models.get(1).path("parent").stringValue()).isEqualTo("micro-chat");
      assertThat(server.get("/v1/models/caps").statusCode()).isEqualTo(200);

      assertThat(message(server.post(LOAD, load), 400)).contains("a name that is free");
      assertThat(message(server.post(CHAT, ask("cups")), 404))
          .isEqualTo(
              "model: expected \"micro-chat\", which this server serves, or one of its adapters [caps], got \"cups\"");
      server.ask(UNLOAD, "{\"lora_name\":\"caps\"}");
      assertThat(server.post(CHAT, ask("caps")).statusCode()).isEqualTo(404);
      assertThat(server.post(UNLOAD, "{\"lora_name\":\"caps\"}").statusCode()).isEqualTo(404);
    }
  }

  @Test
  void badLoads_areRefusedByField() throws Exception {
    EngineConfig engine = EngineConfig.DEFAULT.withNumKvBlocks(64);
    try (TestServer server = TestServer.open(engine, ServerOptions.DEFAULT)) {
      assertThat(message(server.post(LOAD, "{\"lora_name\":\"a\"}"), 400))
          .isEqualTo("lora_path: expected a text, got none");
      assertThat(message(server.post(LOAD, "{\"lora_name\":\"a\",\"lora_path\":\"/no\"}"), 400))
          .startsWith("adapter /no: expected a folder with adapter_config.json");
      assertThat(server.get(LOAD).statusCode()).isEqualTo(405);
      assertThat(server.post(LOAD, "x").statusCode()).isEqualTo(400);
    }
  }
}
