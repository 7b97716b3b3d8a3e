package dev.lamina.server;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** A request that is answered with an error: an HTTP status and OpenAI's error object. */
final class ApiException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private static final String INVALID_REQUEST = "invalid_request_error";
  private static final String SERVER_ERROR = "server_error";

  private final int status;
  private final String type;
  private final @Nullable String param;
  private final @Nullable String code;

  private ApiException(
      int status, String type, @Nullable String param, @Nullable String code, String message) {
    super(message);
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
  }

  /** 400: a field that can't be used as it is. */
  static ApiException badRequest(@Nullable String param, String message) {
    return new ApiException(400, INVALID_REQUEST, param, null, message);
  }

  /** 400: more tokens than the model's context holds. */
  static ApiException promptTooLong(String param, int numTokens, int maxModelLen) {
    return new ApiException(
        400,
        INVALID_REQUEST,
        param,
        "context_length_exceeded",
        "%s: expected fewer tokens than the %d of the model's context, got %d; shorten it"
            .formatted(param, maxModelLen, numTokens));
  }

  /** A request that is no HTTP. */
  static ApiException malformed(int status, String message) {
    return new ApiException(status, INVALID_REQUEST, null, null, message);
  }

  /** 404: a path that isn't served. */
  static ApiException unknownPath(String path) {
    return new ApiException(
        404,
        INVALID_REQUEST,
        null,
        "unknown_url",
        "path: expected /v1/chat/completions, /v1/completions, /v1/models, /health, /metrics or /,"
            + " got "
            + path);
  }

  /** 404: neither the served model nor one of its adapters. */
  static ApiException unknownModel(String got, String served, List<String> adapters) {
    String expected =
        adapters.isEmpty()
            ? "\"%s\", which this server serves".formatted(served)
            : "\"%s\", which this server serves, or one of its adapters %s"
                .formatted(served, adapters);
    return new ApiException(
        404,
        INVALID_REQUEST,
        "model",
        "model_not_found",
        "model: expected %s, got \"%s\"".formatted(expected, got));
  }

  /** 405: a path that is served by other methods; they go into {@code Allow}. */
  static ApiException wrongMethod(String path, String allowed, String got) {
    return new ApiException(
        405,
        INVALID_REQUEST,
        null,
        "method_not_allowed",
        "method: %s expects %s, got %s".formatted(path, allowed, got));
  }

  /** 413: a body over the limit. */
  static ApiException bodyTooLarge(int maxBytes) {
    return new ApiException(
        413,
        INVALID_REQUEST,
        null,
        "request_too_large",
        "body: expected at most %d bytes, got more; shorten the request".formatted(maxBytes));
  }

  /** 429: as many requests wait as may. */
  static ApiException queueFull(int numWaiting) {
    return new ApiException(
        429,
        "rate_limit_error",
        null,
        "queue_full",
        "queue: %d requests wait already, which is the limit; send it again later"
            .formatted(numWaiting));
  }

  /** 503: the engine has ended and takes no more requests. */
  static ApiException engineEnded(String why) {
    return new ApiException(
        503, SERVER_ERROR, null, "engine_ended", "engine: " + why + "; restart the server");
  }

  /** 503: the server is about to stop. */
  static ApiException shuttingDown() {
    return new ApiException(
        503, SERVER_ERROR, null, "shutting_down", "server: it is shutting down; send it elsewhere");
  }

  /** 500: the request was fine and failed all the same. */
  static ApiException failed(String message) {
    return new ApiException(500, SERVER_ERROR, null, "generation_failed", message);
  }

  int status() {
    return status;
  }

  /** {@code {"error":{"message","type","param","code"}}}. */
  ObjectNode json() {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    body.putObject("error")
        .put("message", getMessage())
        .put("type", type)
        .put("param", param)
        .put("code", code);
    return body;
  }
}
