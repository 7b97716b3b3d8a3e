package dev.lamina.server;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import tools.jackson.databind.JsonNode;

/** Whole responses; event loop only. */
final class Responses {
  private static final String RETRY_AFTER_SECONDS = "1";

  private Responses() {}

  static void json(HttpServerResponse response, int status, JsonNode body) {
    bytes(response, status, "application/json", Json.buffer(body));
  }

  static void bytes(HttpServerResponse response, int status, String contentType, Buffer body) {
    if (response.ended() || response.closed()) {
      return;
    }
    response.setStatusCode(status).putHeader("content-type", contentType).end(body);
  }

  static void error(HttpServerResponse response, ApiException error) {
    if (response.ended() || response.closed()) {
      return;
    }
    if (error.status() == 429 || error.status() == 503) {
      response.putHeader("retry-after", RETRY_AFTER_SECONDS);
    }
    json(response, error.status(), error.json());
  }
}
