package dev.lamina.server;

import dev.lamina.LaminaOptions;
import dev.lamina.scheduler.EngineConfig;
import dev.lamina.scheduler.EngineStats;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import tools.jackson.databind.JsonNode;

/** A real server over micro-chat on a free port, and ways to talk to it. */
final class TestServer implements AutoCloseable {
  /** What a prompt goes on from without an end, for requests that others must not wait for. */
  static final String ENDLESS =
      "{\"prompt\":\"Hello\",\"max_tokens\":3000,\"ignore_eos\":true,\"temperature\":1,\"seed\":1%s}";

  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final LaminaServer server;
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private TestServer(LaminaServer server) {
    this.server = server;
  }

  /** A server with room for everyone. */
  static TestServer open() {
    return open(EngineConfig.DEFAULT.withNumKvBlocks(1024), ServerOptions.DEFAULT);
  }

  static TestServer open(EngineConfig engine, ServerOptions options) {
    return open(LaminaOptions.DEFAULT.withEngine(engine).withThreads(1), options);
  }

  static TestServer open(LaminaOptions lamina, ServerOptions options) {
    return new TestServer(LaminaServer.open(model().toString(), lamina, options.withPort(0)));
  }

  static Path model() {
    return Path.of(System.getProperty("lamina.fixtures"), "models", "micro-chat");
  }

  LaminaServer server() {
    return server;
  }

  EngineStats stats() {
    return server.lamina().engineStats();
  }

  HttpResponse<String> get(String path) throws Exception {
    return send("GET", path, "");
  }

  HttpResponse<String> post(String path, String body) throws Exception {
    return send("POST", path, body);
  }

  HttpResponse<String> send(String method, String path, String body) throws Exception {
    return client.send(
        HttpRequest.newBuilder(uri(path))
            .timeout(PATIENCE)
            .method(method, BodyPublishers.ofString(body))
            .build(),
        BodyHandlers.ofString());
  }

  /** The body of an answer that must be fine. */
  JsonNode ask(String path, String body) throws Exception {
    HttpResponse<String> response = post(path, body);
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + " " + response.body());
    }
    return json(response.body());
  }

  /** The JSON of each event of a stream that must end with {@code [DONE]}. */
  List<JsonNode> stream(String path, String body) throws Exception {
    HttpResponse<String> response = post(path, body);
    String text = response.body();
    if (response.statusCode() != 200 || !text.endsWith("data: [DONE]\n\n")) {
      throw new AssertionError(response.statusCode() + " " + text);
    }
    return events(text.substring(0, text.length() - "data: [DONE]\n\n".length()));
  }

  /** The JSON of each event of a stream's text. */
  static List<JsonNode> events(String text) {
    List<JsonNode> events = new ArrayList<>();
    for (String event : text.split("\n\n")) {
      if (!event.startsWith("data: ") || event.indexOf('\n') >= 0) {
        throw new AssertionError("no event of one data line: " + event);
      }
      events.add(json(event.substring("data: ".length())));
    }
    return events;
  }

  static JsonNode json(String text) {
    return Json.parse(text.getBytes(StandardCharsets.UTF_8));
  }

  HttpClient client() {
    return client;
  }

  URI uri(String path) {
    return URI.create("http://127.0.0.1:" + server.port() + path);
  }

  /** A connection of its own, for what no client would send. */
  Socket connect() throws IOException {
    Socket socket = new Socket("127.0.0.1", server.port());
    socket.setSoTimeout((int) PATIENCE.toMillis());
    return socket;
  }

  /** A connection that has sent a request and read nothing. */
  Socket connectAndPost(String path, String body) throws IOException {
    Socket socket = connect();
    write(socket, request(path, body));
    return socket;
  }

  static String request(String path, String body) {
    int length = body.getBytes(StandardCharsets.UTF_8).length;
    return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + "\r\n\r\n" + body;
  }

  static void write(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
    socket.getOutputStream().flush();
  }

  /** Reads until {@code end} has come. */
  static String readUntil(Socket socket, String end) throws IOException {
    StringBuilder text = new StringBuilder();
    while (text.indexOf(end) < 0) {
      int c = socket.getInputStream().read();
      if (c < 0) {
        throw new AssertionError("expected " + end + " before the end of: " + text);
      }
      text.append((char) c);
    }
    return text.toString();
  }

  static String readAll(Socket socket) throws IOException {
    return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  /** Waits until something holds. */
  static void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("waited in vain until " + what);
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
    }
  }

  /** Waits until no request runs or waits and every KV block is free. */
  void awaitIdle() {
    await(
        "all is free: " + stats(),
        () -> {
          EngineStats s = stats();
          return s.numRunning() == 0
              && s.numWaiting() == 0
              && s.numFreeKvBlocks() == s.numKvBlocks();
        });
  }

  @Override
  public void close() {
    client.close();
    server.close();
  }
}
