package dev.lamina.server;

import io.netty.handler.codec.TooLongFrameException;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.lang.System.Logger.Level;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** Which path and method goes where; event loop only. */
final class Routes {
  private static final System.Logger LOG = System.getLogger("dev.lamina.server");
  private static final String MODELS = "/v1/models";

  private final Vertx vertx;
  private final ServedModel model;
  private final Generations generations;
  private final AdapterChanges adapterChanges;
  private final ServerMetrics metrics;
  private final InFlight inFlight;
  private final Buffer page;

  Routes(
      Vertx vertx,
      ServedModel model,
      Generations generations,
      AdapterChanges adapterChanges,
      ServerMetrics metrics,
      InFlight inFlight,
      Buffer page) {
    this.vertx = vertx;
    this.model = model;
    this.generations = generations;
    this.adapterChanges = adapterChanges;
    this.metrics = metrics;
    this.inFlight = inFlight;
    this.page = page;
  }

  /** Answers a request or hands it on. */
  void handle(HttpServerRequest request) {
    try {
      route(request, request.path() == null ? "" : request.path());
    } catch (ApiException e) {
      Responses.error(request.response(), e);
    } catch (RuntimeException | Error e) {
      // Without an answer the client would wait for ever.
      LOG.log(Level.ERROR, "a request failed", e);
      Responses.error(
          request.response(), ApiException.failed("request: " + e.getClass().getSimpleName()));
    }
  }

  private void route(HttpServerRequest request, String path) {
    HttpServerResponse response = request.response();
    switch (path) {
      case "/v1/chat/completions" -> generate(request, path, Dialect.CHAT);
      case "/v1/completions" -> generate(request, path, Dialect.COMPLETION);
      case "/v1/load_lora_adapter" -> change(request, path, adapterChanges::load);
      case "/v1/unload_lora_adapter" -> change(request, path, adapterChanges::unload);
      case "/health" -> {
        needGet(request, path);
        health();
        Responses.json(response, 200, Json.object().put("status", "ok"));
      }
      case "/metrics" -> {
        needGet(request, path);
        Responses.bytes(response, 200, ServerMetrics.CONTENT_TYPE, Buffer.buffer(metrics.text()));
      }
      case MODELS -> {
        needGet(request, path);
        ObjectNode list = Json.object().put("object", "list");
        list.set("data", model.list());
        Responses.json(response, 200, list);
      }
      case "/" -> {
        needGet(request, path);
        response.putHeader(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
                + " connect-src 'self'; img-src data:");
        Responses.bytes(response, 200, "text/html; charset=utf-8", page);
      }
      default -> {
        if (!path.startsWith(MODELS + "/")) {
          throw ApiException.unknownPath(path);
        }
        needGet(request, path);
        String adapter = model.adapter(decoded(path.substring(MODELS.length() + 1)));
        Responses.json(response, 200, model.json(adapter));
      }
    }
  }

  private void generate(HttpServerRequest request, String path, Dialect dialect) {
    if (!request.method().equals(HttpMethod.POST)) {
      throw wrongMethod(request, path, "POST");
    }
    Context context = vertx.getOrCreateContext();
    generations.handle(request, context, dialect);
  }

  private void change(HttpServerRequest request, String path, AdapterChanges.Change change) {
    if (!request.method().equals(HttpMethod.POST)) {
      throw wrongMethod(request, path, "POST");
    }
    adapterChanges.handle(request, vertx.getOrCreateContext(), change);
  }

  private static void needGet(HttpServerRequest request, String path) {
    HttpMethod method = request.method();
    if (!method.equals(HttpMethod.GET) && !method.equals(HttpMethod.HEAD)) {
      throw wrongMethod(request, path, "GET, HEAD");
    }
  }

  private static ApiException wrongMethod(HttpServerRequest request, String path, String allowed) {
    request.response().putHeader(HttpHeaders.ALLOW, allowed);
    return ApiException.wrongMethod(path, allowed, request.method().name());
  }

  private void health() {
    if (inFlight.isDraining()) {
      throw ApiException.shuttingDown();
    }
    if (!model.lamina().isRunning()) {
      throw ApiException.engineEnded("it ended after an error");
    }
  }

  /** A path segment as it was meant; a plus sign is no space in a path. */
  private static String decoded(String segment) {
    try {
      return URLDecoder.decode(segment.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw ApiException.malformed(400, "path: expected %-escaped UTF-8, got " + segment);
    }
  }

  /** Answers what is no HTTP, then closes its connection: where it ends can't be known. */
  static void malformed(HttpServerRequest request) {
    ApiException error = malformedError(request.decoderResult().cause());
    request.response().putHeader(HttpHeaders.CONNECTION, HttpHeaders.CLOSE);
    Responses.error(request.response(), error);
  }

  private static ApiException malformedError(@Nullable Throwable cause) {
    String message = cause == null ? "" : String.valueOf(cause.getMessage());
    if (cause instanceof TooLongFrameException) {
      return message.contains("header")
          ? ApiException.malformed(
              431, "headers: expected a shorter header section; leave some out")
          : ApiException.malformed(414, "path: expected a shorter one; shorten it");
    }
    return ApiException.malformed(400, "request: expected HTTP/1.1, got something else");
  }
}
