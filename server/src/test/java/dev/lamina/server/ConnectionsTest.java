package dev.lamina.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.scheduler.EngineStats;
import java.io.ByteArrayInputStream;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What clients do to connections. */
@ExtendWith(SharedServer.class)
class ConnectionsTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String COMPLETIONS = "/v1/completions";
  private static final String ASK =
      "{\"messages\":[{\"role\":\"user\",\"content\":\"What is 12 + 30?\"}],\"temperature\":0}";

  private final TestServer server;

  ConnectionsTest(TestServer server) {
    this.server = server;
  }

  @Test
  void readerThatLeavesAStream_freesItsPagesAtOnce() throws Exception {
    server.awaitIdle();
    Socket socket =
        server.connectAndPost(COMPLETIONS, TestServer.ENDLESS.formatted(",\"stream\":true"));
    TestServer.readUntil(socket, "\"text\":");
    EngineStats during = server.stats();

    socket.close();

    server.awaitIdle();
    assertThat(during.numRunning()).isEqualTo(1);
    assertThat(during.numFreeKvBlocks()).isLessThan(during.numKvBlocks());
  }

  @Test
  void clientThatLeavesWhileItWaitsForAWholeAnswer_freesItsPages() throws Exception {
    server.awaitIdle();
    Socket socket = server.connectAndPost(COMPLETIONS, TestServer.ENDLESS.formatted(""));
    TestServer.await("it runs", () -> server.stats().numRunning() == 1);

    socket.close();

    server.awaitIdle();
  }

  @Test
  void chunkedBody_isReadWhole() throws Exception {
    HttpResponse<String> response =
        server
            .client()
            .send(
                HttpRequest.newBuilder(server.uri(CHAT))
                    .POST(
                        BodyPublishers.ofInputStream(
                            () -> new ByteArrayInputStream(ASK.getBytes(StandardCharsets.UTF_8))))
                    .build(),
                BodyHandlers.ofString());

    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.body()).contains("12 + 30 = 42.");
  }

  @Test
  void bodyInSmallPieces_isReadWhole() throws Exception {
    try (Socket socket = server.connect()) {
      socket.setTcpNoDelay(true);
      String request = TestServer.request(CHAT, ASK);
      for (int at = 0; at < request.length(); at += 7) {
        TestServer.write(socket, request.substring(at, Math.min(at + 7, request.length())));
      }

      assertThat(TestServer.readUntil(socket, "total_tokens")).contains("12 + 30 = 42.");
    }
  }

  @Test
  void expectContinue_isAnswered() throws Exception {
    try (Socket socket = server.connect()) {
      String request = TestServer.request(CHAT, ASK);
      int body = request.indexOf("\r\n\r\n");
      TestServer.write(socket, request.substring(0, body) + "\r\nExpect: 100-continue\r\n\r\n");
      assertThat(TestServer.readUntil(socket, "\r\n\r\n")).startsWith("HTTP/1.1 100 ");

      TestServer.write(socket, request.substring(body + 4));

      assertThat(TestServer.readUntil(socket, "total_tokens")).contains("200 OK");
    }
  }

  @Test
  void pipelinedRequests_areAnsweredInOrder() throws Exception {
    try (Socket socket = server.connect()) {
      TestServer.write(
          socket,
          TestServer.request(CHAT, ASK)
              + "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
              + "GET /v1/models/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

      String all = TestServer.readAll(socket);

      int answer = all.indexOf("12 + 30 = 42.");
      int health = all.indexOf("{\"status\":\"ok\"}");
      int missing = all.indexOf("model_not_found");
      assertThat(answer).isPositive().isLessThan(health);
      assertThat(health).isLessThan(missing);
    }
  }

  @Test
  void streamToAnHttp10Client_endsWithTheConnection() throws Exception {
    try (Socket socket = server.connect()) {
      String request =
          TestServer.request(
              CHAT, ASK.replace("\"temperature\"", "\"stream\":true,\"temperature\""));
      TestServer.write(socket, request.replace("HTTP/1.1", "HTTP/1.0"));

      String all = TestServer.readAll(socket);

      assertThat(all).doesNotContainIgnoringCase("transfer-encoding").endsWith("data: [DONE]\n\n");
    }
  }

  @Test
  void headRequest_hasNoBody() throws Exception {
    HttpResponse<String> response = server.send("HEAD", "/health", "");

    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.body()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nonsense\r\n\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost x\u0000y: \u0001\r\n\r\n",
      })
  void malformedHttp_isAnsweredAndTheServerLivesOn(String request) throws Exception {
    try (Socket socket = server.connect()) {
      TestServer.write(socket, request);

      String all = TestServer.readAll(socket);

      assertThat(all).contains(" 400 Bad Request\r\n");
      assertThat(all).contains("request: expected HTTP/1.1, got something else");
    }
    assertThat(server.get("/health").statusCode()).isEqualTo(200);
  }

  @Test
  void tooLongPathAndHeaders_haveTheirOwnStatus() throws Exception {
    String path = "/" + "x".repeat(10_000);
    try (Socket socket = server.connect()) {
      TestServer.write(socket, "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
      assertThat(TestServer.readAll(socket)).contains(" 414 ").contains("shorten it");
    }
    try (Socket socket = server.connect()) {
      TestServer.write(socket, "GET / HTTP/1.1\r\nHost: " + path + "\r\n\r\n");
      assertThat(TestServer.readAll(socket)).contains(" 431 ").contains("leave some out");
    }
  }

  @Test
  void bodyOverTheLimit_isRefusedAfterItWasSent() throws Exception {
    HttpResponse<String> response = server.post(CHAT, "x".repeat(50 << 20));

    assertThat(response.statusCode()).isEqualTo(413);
    assertThat(response.body())
        .contains("body: expected at most 33554432 bytes, got more; shorten the request")
        .contains("request_too_large");
    assertThat(server.get("/health").statusCode()).isEqualTo(200);
  }

  @Test
  void page_needsNothingFromElsewhere() throws Exception {
    HttpResponse<String> response = server.get("/");

    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("content-type")).contains("text/html; charset=utf-8");
    assertThat(response.body())
        .contains("/v1/chat/completions")
        .doesNotContain("http://")
        .doesNotContain("https://");
  }

  @Test
  void models_listTheServedOne() throws Exception {
    String list = server.get("/v1/models").body();

    assertThat(TestServer.json(list).path("data").path(0).path("id").stringValue())
        .isEqualTo("micro-chat");
    assertThat(server.get("/v1/models/micro-chat").body()).contains("\"max_model_len\":4096");
    assertThat(server.server().readyLine())
        .matches(
            "serving micro-chat at http://127\\.0\\.0\\.1:\\d+ on cpu-vector:0 \\(.*\\),"
                + " KV capacity 16384 tokens");
  }
}
