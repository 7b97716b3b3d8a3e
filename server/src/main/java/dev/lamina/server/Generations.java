package dev.lamina.server;

import dev.lamina.Generation;
import dev.lamina.Prompt;
import dev.lamina.chat.TokenizerException;
import dev.lamina.scheduler.InvalidRequestException;
import io.vertx.core.Context;
import io.vertx.core.http.HttpServerRequest;
import java.lang.System.Logger.Level;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The generation endpoints: a body is collected on the event loop, read and tokenized on a virtual
 * thread, and handed to the engine, whose callbacks an {@link Exchange} writes out.
 */
final class Generations {
  private static final System.Logger LOG = System.getLogger("dev.lamina.server");

  private final ServedModel model;
  private final ServerOptions options;
  private final ServerMetrics metrics;
  private final InFlight inFlight;
  private final ExecutorService readers;
  private final ReentrantLock admission = new ReentrantLock();

  Generations(
      ServedModel model,
      ServerOptions options,
      ServerMetrics metrics,
      InFlight inFlight,
      ExecutorService readers) {
    this.model = model;
    this.options = options;
    this.metrics = metrics;
    this.inFlight = inFlight;
    this.readers = readers;
  }

  /** Takes a request whose body has not come yet; event loop only. */
  void handle(HttpServerRequest request, Context context, Dialect dialect) {
    Exchange exchange = new Exchange(request, context, inFlight, metrics, options.maxUnsentBytes());
    RequestBody.read(
        request,
        options.maxBodyBytes(),
        body -> readers.execute(() -> answer(exchange, dialect, body)),
        exchange::fail);
  }

  private void answer(Exchange exchange, Dialect dialect, byte[] body) {
    try {
      GenerationCall call = dialect.read(Json.parse(body), model);
      if (!exchange.isGone()) {
        exchange.starting(call);
        exchange.started(start(exchange, call));
      }
    } catch (ApiException e) {
      exchange.refuse(e);
    } catch (InvalidRequestException e) {
      exchange.refuse(dialect.refused(e));
    } catch (TokenizerException e) {
      exchange.refuse(ApiException.badRequest(null, String.valueOf(e.getMessage())));
    } catch (RuntimeException | Error e) {
      LOG.log(Level.ERROR, "a request failed before it could start", e);
      exchange.refuse(ApiException.failed("request: " + e.getClass().getSimpleName()));
    }
  }

  /** One request at a time counts those that wait, so that the limit holds. */
  private Generation start(Exchange exchange, GenerationCall call) {
    admission.lock();
    try {
      if (inFlight.isDraining()) {
        throw ApiException.shuttingDown();
      }
      int waiting = model.lamina().engineStats().numWaiting();
      if (waiting >= options.maxQueuedRequests()) {
        throw ApiException.queueFull(waiting);
      }
      return model.lamina().start(new Prompt.Tokens(call.promptIds()), call.options(), exchange);
    } catch (IllegalStateException e) {
      throw ApiException.engineEnded(String.valueOf(e.getMessage()));
    } finally {
      admission.unlock();
    }
  }
}
