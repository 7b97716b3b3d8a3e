package dev.lamina.server;

import dev.lamina.Answer;
import dev.lamina.AnswerListener;
import dev.lamina.Delta;
import dev.lamina.Generation;
import dev.lamina.scheduler.FinishReason;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.lang.System.Logger.Level;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * One generation request and its response, from the first header to the last byte.
 *
 * <p>The response belongs to the event loop. The engine's callbacks only hand over to it, so a
 * reader, however slow, never holds up a step. A client that leaves aborts the generation at once.
 */
final class Exchange implements AnswerListener {
  private static final System.Logger LOG = System.getLogger("dev.lamina.server");
  private static final Buffer DONE = Buffer.buffer("data: [DONE]\n\n");
  private static final byte[] DATA = {'d', 'a', 't', 'a', ':', ' '};

  private final HttpServerRequest request;
  private final HttpServerResponse response;
  private final Context context;
  private final InFlight inFlight;
  private final ServerMetrics metrics;
  private boolean ended;
  private volatile @Nullable GenerationCall call;
  private volatile @Nullable Generation generation;
  private volatile boolean gone;
  // The engine thread's.
  private long lastTokenNanos;

  /** Event loop only. */
  Exchange(
      HttpServerRequest request,
      Context context,
      InFlight inFlight,
      ServerMetrics metrics,
      int maxUnsentBytes) {
    this.request = request;
    this.response = request.response();
    this.context = context;
    this.inFlight = inFlight;
    this.metrics = metrics;
    response.setWriteQueueMaxSize(maxUnsentBytes);
    response.closeHandler(nothing -> leave());
    response.exceptionHandler(error -> leave());
    request.exceptionHandler(error -> leave());
    inFlight.add(this);
  }

  /** What is about to start; its callbacks may come before {@link #started}. Any thread. */
  void starting(GenerationCall read) {
    call = read;
  }

  /** It runs, or waits to. Any thread. */
  void started(Generation running) {
    generation = running;
    if (gone) {
      running.abort();
    }
    onLoop(this::head);
  }

  /** Whether nobody waits for the answer any more; any thread. */
  boolean isGone() {
    return gone;
  }

  /** Answers with an error; any thread. */
  void refuse(ApiException error) {
    onLoop(() -> fail(error));
  }

  @Override
  public void onDelta(Delta delta) {
    if (delta.tokenIds().length > 0) {
      long now = System.nanoTime();
      if (lastTokenNanos != 0) {
        metrics.interToken(now - lastTokenNanos);
      }
      lastTokenNanos = now;
    }
    GenerationCall c = call;
    if (c != null && c.stream() && !gone) {
      onLoop(() -> send(c, delta));
    }
  }

  @Override
  public void onAnswer(Answer answer) {
    GenerationCall c = call;
    if (c != null) {
      onLoop(() -> finish(c, answer));
    }
  }

  @Override
  public void onError(Throwable error) {
    refuse(ApiException.failed("generation failed: " + oneLine(error)));
  }

  /** Runs on the event loop; what goes wrong there ends this request and no other. */
  private void onLoop(Runnable work) {
    context.runOnContext(nothing -> {
      try {
        work.run();
      } catch (RuntimeException e) {
        LOG.log(Level.ERROR, "a response could not be written", e);
        fail(ApiException.failed("response: " + oneLine(e)));
      }
    });
  }

  private static String oneLine(Throwable error) {
    String message = error.getMessage() == null ? error.getClass().getName() : error.getMessage();
    return message.replaceAll("\\s*\\R\\s*", " ");
  }

  private void head() {
    GenerationCall c = call;
    if (c == null || !c.stream() || ended || response.headWritten()) {
      return;
    }
    response
        .setChunked(true)
        .putHeader("content-type", "text/event-stream; charset=utf-8")
        .putHeader("cache-control", "no-cache")
        .putHeader("x-accel-buffering", "no");
    ObjectNode first = c.format().first();
    if (first == null) {
      response.writeHead();
    } else {
      write(first);
    }
  }

  private void send(GenerationCall c, Delta delta) {
    head();
    if (ended) {
      return;
    }
    ObjectNode chunk = c.format().delta(delta);
    if (chunk != null) {
      write(chunk);
    }
  }

  /** Cuts off a reader that leaves too much unread: what it misses would have to be kept. */
  private void write(ObjectNode chunk) {
    response.write(event(chunk));
    if (response.writeQueueFull()) {
      LOG.log(Level.INFO, "a stream was cut off: its reader left too much unread");
      leave();
      request.connection().close();
    }
  }

  private static Buffer event(ObjectNode data) {
    return Buffer.buffer().appendBytes(DATA).appendBytes(Json.bytes(data)).appendString("\n\n");
  }

  private void finish(GenerationCall c, Answer answer) {
    if (answer.finishReason() == FinishReason.ABORT) {
      fail(ApiException.shuttingDown());
      return;
    }
    head();
    if (ended) {
      return;
    }
    if (c.stream()) {
      Buffer rest = event(c.format().last(answer));
      if (c.includeUsage()) {
        rest.appendBuffer(event(c.format().usage(answer)));
      }
      end();
      response.end(rest.appendBuffer(DONE));
    } else {
      ObjectNode whole = c.format().whole(answer);
      end();
      Responses.json(response, 200, whole);
    }
  }

  private void end() {
    ended = true;
    inFlight.remove(this);
  }

  /** Ends with an error, as a status or, in a stream that has begun, as its last event. */
  void fail(ApiException error) {
    if (ended) {
      return;
    }
    end();
    abort();
    if (response.headWritten()) {
      response.end(event(error.json()));
    } else {
      Responses.error(response, error);
    }
  }

  /** The client went away, maybe after the last byte. */
  private void leave() {
    gone = true;
    if (!ended) {
      end();
      abort();
    }
  }

  private void abort() {
    gone = true;
    Generation running = generation;
    if (running != null) {
      running.abort();
    }
  }
}
