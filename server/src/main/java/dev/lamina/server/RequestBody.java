package dev.lamina.server;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import java.util.function.Consumer;

/**
 * Collects a request's body up to a limit; event loop only.
 *
 * <p>What goes over the limit is read to its end and dropped before the refusal goes out: a client
 * that is still writing when the connection closes would see a reset instead of the answer. A body
 * that is longer than anyone would send by mistake is cut off.
 */
final class RequestBody {
  private static final int CUT_OFF_AT_LIMITS = 16;

  private final int maxBytes;
  private Buffer collected = Buffer.buffer();
  private long seen;

  private RequestBody(int maxBytes) {
    this.maxBytes = maxBytes;
  }

  /**
   * Starts to read.
   *
   * @param request has not been read from
   * @param maxBytes the limit
   * @param whole gets a body within the limit
   * @param refused gets the error for one over it
   */
  static void read(
      HttpServerRequest request,
      int maxBytes,
      Consumer<byte[]> whole,
      Consumer<ApiException> refused) {
    RequestBody body = new RequestBody(maxBytes);
    long declared = declaredBytes(request);
    boolean expectsContinue =
        "100-continue".equalsIgnoreCase(request.getHeader(HttpHeaders.EXPECT));
    if (declared > body.cutOff() || declared > maxBytes && expectsContinue) {
      body.cut(request, refused);
      return;
    }
    request.handler(chunk -> body.append(chunk, request, refused));
    request.endHandler(nothing -> {
      if (body.seen > maxBytes) {
        refused.accept(ApiException.bodyTooLarge(maxBytes));
      } else {
        whole.accept(body.collected.getBytes());
      }
    });
    if (expectsContinue) {
      request.response().writeContinue();
    }
  }

  private void append(Buffer chunk, HttpServerRequest request, Consumer<ApiException> refused) {
    seen += chunk.length();
    if (seen <= maxBytes) {
      collected.appendBuffer(chunk);
    } else {
      collected = Buffer.buffer();
      if (seen > cutOff()) {
        request.handler(more -> {});
        request.endHandler(nothing -> {});
        cut(request, refused);
      }
    }
  }

  private void cut(HttpServerRequest request, Consumer<ApiException> refused) {
    request.response().putHeader(HttpHeaders.CONNECTION, HttpHeaders.CLOSE);
    refused.accept(ApiException.bodyTooLarge(maxBytes));
  }

  private long cutOff() {
    return (long) maxBytes * CUT_OFF_AT_LIMITS;
  }

  private static long declaredBytes(HttpServerRequest request) {
    String length = request.getHeader(HttpHeaders.CONTENT_LENGTH);
    try {
      return length == null ? -1 : Long.parseLong(length.strip());
    } catch (NumberFormatException e) {
      // The HTTP decoder has refused those that matter.
      return -1;
    }
  }
}
