package dev.lamina.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.LaminaException;
import dev.lamina.LaminaOptions;
import dev.lamina.scheduler.EngineConfig;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Servers that bear little, and how they stop. */
class LimitsTest {
  private static final String COMPLETIONS = "/v1/completions";
  private static final String STREAM = TestServer.ENDLESS.formatted(",\"stream\":true");
  private static final String SHUTTING_DOWN = "server: it is shutting down; send it elsewhere";

  private static TestServer tight(ServerOptions options) {
    return TestServer.open(EngineConfig.DEFAULT.withMaxNumSeqs(1).withNumKvBlocks(512), options);
  }

  @Test
  void fullQueue_isRefusedUntilOneWhoWaitsLeaves() throws Exception {
    try (TestServer server =
            tight(
                ServerOptions.DEFAULT
                    .withMaxQueuedRequests(1)
                    .withMaxBodyBytes(1000)
                    .withShutdownGrace(Duration.ZERO));
        Socket running = server.connectAndPost(COMPLETIONS, STREAM)) {
      TestServer.readUntil(running, "\"text\":");
      Socket waiting = server.connectAndPost(COMPLETIONS, STREAM);
      TestServer.await("one waits", () -> server.stats().numWaiting() == 1);

      HttpResponse<String> refused = server.post(COMPLETIONS, STREAM);

      assertThat(refused.statusCode()).isEqualTo(429);
      assertThat(refused.headers().firstValue("retry-after")).contains("1");
      assertThat(refused.body())
          .contains("queue: 1 requests wait already, which is the limit; send it again later")
          .contains("rate_limit_error");
      waiting.close();
      TestServer.await("none waits", () -> server.stats().numWaiting() == 0);
      assertThat(server.stats().numRunning()).isEqualTo(1);
      assertThat(server.post(COMPLETIONS, " ".repeat(1001)).statusCode()).isEqualTo(413);
    }
  }

  @Test
  void readerThatDoesNotDrain_isCutOffWhileOthersGoOn() throws Exception {
    ServerOptions options = ServerOptions.DEFAULT.withMaxUnsentBytes(8 << 10);
    EngineConfig engine = EngineConfig.DEFAULT.withNumKvBlocks(512);
    try (TestServer server = TestServer.open(engine, options);
        Socket stuck = new Socket()) {
      stuck.setReceiveBufferSize(4 << 10);
      stuck.connect(server.connect().getRemoteSocketAddress());
      TestServer.write(
          stuck,
          TestServer.request(
              COMPLETIONS, TestServer.ENDLESS.formatted(",\"stream\":true,\"logprobs\":20")));
      TestServer.await("it runs", () -> server.stats().numRunning() == 1);

      assertThat(server.ask(COMPLETIONS, "{\"prompt\":\"x\",\"max_tokens\":3}").has("usage"))
          .isTrue();
      server.awaitIdle();
      assertThat(server.stats().generationTokens()).isLessThan(3000);
    }
  }

  @Test
  void shutdown_endsWhatIsLeftAfterTheGraceWithAnError() throws Exception {
    TestServer server = tight(ServerOptions.DEFAULT.withShutdownGrace(Duration.ofMillis(300)));
    try (Socket idle = server.connect();
        Socket running = server.connectAndPost(COMPLETIONS, STREAM)) {
      TestServer.readUntil(running, "\"text\":");
      Socket queued = server.connectAndPost(COMPLETIONS, STREAM);
      Socket whole = server.connectAndPost(COMPLETIONS, TestServer.ENDLESS.formatted(""));
      TestServer.await("two wait", () -> server.stats().numWaiting() == 2);

      server.close();

      for (Socket stream : List.of(running, queued)) {
        String text = TestServer.readAll(stream);
        int last = text.lastIndexOf("data: ") + "data: ".length();
        JsonNode event = TestServer.json(text.substring(last, text.indexOf("\n\n", last)));
        assertThat(event.path("error").path("message").stringValue()).isEqualTo(SHUTTING_DOWN);
        assertThat(text).endsWith("0\r\n\r\n");
      }
      assertThat(TestServer.readAll(whole)).startsWith("HTTP/1.1 503 ").contains(SHUTTING_DOWN);
      assertThat(TestServer.readAll(idle)).isEmpty();
      server.server().awaitShutdown();
    }
  }

  @Test
  void shutdown_letsStreamsFinishWithinTheGrace() throws Exception {
    TestServer server = tight(ServerOptions.DEFAULT.withShutdownGrace(Duration.ofSeconds(8)));
    String body =
        "{\"prompt\":\"Hello\",\"max_tokens\":4,\"ignore_eos\":true,\"temperature\":0,\"stream\":true}";
    try (Socket stream = server.connectAndPost(COMPLETIONS, body)) {
      TestServer.readUntil(stream, "event-stream");

      server.close();

      assertThat(TestServer.readAll(stream)).contains("data: [DONE]\n\n");
    }
  }

  @Test
  void shutdown_isNotHeldUpByIdleConnections() throws Exception {
    Duration grace = Duration.ofSeconds(8);
    TestServer server = tight(ServerOptions.DEFAULT.withShutdownGrace(grace));
    try (Socket silent = server.connect();
        Socket answered = server.connect()) {
      TestServer.write(answered, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
      TestServer.readUntil(answered, "ok");
      long start = System.nanoTime();

      server.close();

      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(grace);
      assertThat(TestServer.readAll(silent)).isEmpty();
    }
  }

  @Test
  void takenPort_isSaidBeforeTheModelIsLoaded() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      int port = taken.getLocalPort();

      assertThatThrownBy(() ->
              LaminaServer.open(
                  "no such model", LaminaOptions.DEFAULT, ServerOptions.DEFAULT.withPort(port)))
          .isInstanceOf(LaminaException.class)
          .hasMessage(
              "serve: expected 127.0.0.1:"
                  + port
                  + " to be free, got a port in use; choose another with --port");
    }
  }

  @Test
  void foreignAddress_isSaidWithTheFlagThatChangesIt() {
    assertThatThrownBy(() ->
            LaminaServer.open(
                "no such model",
                LaminaOptions.DEFAULT,
                ServerOptions.DEFAULT.withHost("192.0.2.1").withPort(0)))
        .isInstanceOf(LaminaException.class)
        .hasMessageStartingWith("serve: can't listen on 192.0.2.1:0: ")
        .hasMessageEndingWith("; choose another address with --host and --port");
  }

  @Test
  void options_checkTheirRanges() {
    assertThatThrownBy(() -> ServerOptions.DEFAULT.withPort(65_536))
        .hasMessage("port: expected 0..65535, got 65536");
    assertThatThrownBy(() -> ServerOptions.DEFAULT.withMaxQueuedRequests(0))
        .hasMessage("max queued requests: expected 1..2147483647, got 0");
    assertThatThrownBy(() -> ServerOptions.DEFAULT.withShutdownGrace(Duration.ofSeconds(9)))
        .hasMessage("shutdown grace: expected 0 to 8 s, got 9000 ms");
  }
}
