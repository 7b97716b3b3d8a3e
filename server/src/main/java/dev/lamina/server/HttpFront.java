package dev.lamina.server;

import dev.lamina.LaminaException;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The listening socket and its event loop: one thread that every connection lives on. */
final class HttpFront implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("dev.lamina.server");
  private static final int SEND_BUFFER_BYTES = 64 << 10;
  private static final int BACKLOG = 1024;
  private static final Duration LAST_BYTES = Duration.ofSeconds(1);

  private final Vertx vertx;
  private final Context context;
  private final HttpServer server;
  private final InFlight inFlight;
  private final ExecutorService readers;
  private final Duration grace;

  private HttpFront(
      Vertx vertx, HttpServer server, InFlight inFlight, ExecutorService readers, Duration grace) {
    this.vertx = vertx;
    this.context = vertx.getOrCreateContext();
    this.server = server;
    this.inFlight = inFlight;
    this.readers = readers;
    this.grace = grace;
  }

  /**
   * Finds out early, before a model is loaded, that a port is taken.
   *
   * @throws LaminaException if it is; one line
   */
  static void checkFree(ServerOptions options) {
    InetSocketAddress address = new InetSocketAddress(options.host(), options.port());
    if (address.isUnresolved()) {
      throw new LaminaException(
          "serve: expected a host name or address of this machine, got %s; choose another with --host"
              .formatted(options.host()));
    }
    try (ServerSocket probe = new ServerSocket()) {
      probe.setReuseAddress(true);
      probe.bind(address);
    } catch (IOException e) {
      throw cannotListen(options, e);
    }
  }

  /**
   * Listens.
   *
   * @throws LaminaException if it can't; one line
   */
  static HttpFront listen(ServedModel model, ServerMetrics metrics, ServerOptions options) {
    Vertx vertx = vertx();
    ExecutorService readers =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("lamina-reader-", 0).factory());
    InFlight inFlight = new InFlight();
    Generations generations = new Generations(model, options, metrics, inFlight, readers);
    AdapterChanges adapters = new AdapterChanges(model, options.maxBodyBytes(), readers);
    Routes routes = new Routes(vertx, model, generations, adapters, metrics, inFlight, page());
    HttpServer server =
        vertx
            .createHttpServer(httpOptions(options))
            .requestHandler(routes::handle)
            .invalidRequestHandler(Routes::malformed)
            .exceptionHandler(e -> LOG.log(Level.DEBUG, "a connection failed: {0}", e.toString()));
    HttpFront front = new HttpFront(vertx, server, inFlight, readers, options.shutdownGrace());
    try {
      await(server.listen(), Duration.ofSeconds(10));
    } catch (ExecutionException e) {
      front.close();
      throw cannotListen(options, e.getCause() == null ? e : e.getCause());
    } catch (TimeoutException e) {
      front.close();
      throw cannotListen(options, e);
    }
    return front;
  }

  /** Few threads and no caches: one event loop carries thousands of streams. */
  private static Vertx vertx() {
    return Vertx.vertx(
        new VertxOptions()
            .setEventLoopPoolSize(1)
            .setWorkerPoolSize(1)
            .setInternalBlockingPoolSize(1)
            .setFileSystemOptions(
                new FileSystemOptions()
                    .setClassPathResolvingEnabled(false)
                    .setFileCachingEnabled(false)));
  }

  /**
   * The kernel's send buffer is kept small: left alone it takes megabytes, and a reader that does
   * not drain its stream would be noticed late.
   */
  private static HttpServerOptions httpOptions(ServerOptions options) {
    HttpServerOptions http = new HttpServerOptions();
    http.setHost(options.host());
    http.setPort(options.port());
    http.setHttp2ClearTextEnabled(false);
    http.setTcpKeepAlive(true);
    http.setSendBufferSize(SEND_BUFFER_BYTES);
    http.setAcceptBacklog(BACKLOG);
    return http;
  }

  private static Buffer page() {
    try (InputStream in = HttpFront.class.getResourceAsStream("page.html")) {
      if (in == null) {
        throw new AssertionError("page.html is part of this module");
      }
      return Buffer.buffer(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static LaminaException cannotListen(ServerOptions options, Throwable cause) {
    String at = options.host() + ":" + options.port();
    String message =
        cause instanceof BindException && String.valueOf(cause.getMessage()).contains("in use")
            ? "serve: expected %s to be free, got a port in use; choose another with --port"
                .formatted(at)
            : "serve: can't listen on %s: %s; choose another address with --host and --port"
                .formatted(at, cause.getMessage());
    return new LaminaException(message, cause);
  }

  int port() {
    return server.actualPort();
  }

  /** Takes no more requests, waits for the grace, then ends what is left with an error. */
  void drain() {
    CompletableFuture<Void> drained = new CompletableFuture<>();
    context.runOnContext(
        nothing -> inFlight.drain().whenComplete((none, error) -> drained.complete(null)));
    Future<Void> stopped =
        server.shutdown(grace.plus(LAST_BYTES).toMillis(), TimeUnit.MILLISECONDS);
    try {
      drained.get(grace.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      LOG.log(Level.INFO, "requests still ran after the grace; they end with an error");
      context.runOnContext(nothing -> inFlight.endAll());
    } catch (ExecutionException e) {
      throw new AssertionError("draining has no way to fail", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try {
      await(stopped, LAST_BYTES);
    } catch (TimeoutException | ExecutionException e) {
      LOG.log(Level.DEBUG, "connections were still open at the end: {0}", e.toString());
    }
  }

  /** Closes every connection and ends the event loop; the engine, which calls it, ends before. */
  @Override
  public void close() {
    readers.shutdownNow();
    try {
      await(vertx.close(), LAST_BYTES);
    } catch (TimeoutException | ExecutionException e) {
      LOG.log(Level.WARNING, "the event loop did not end: {0}", e.toString());
    }
  }

  private static <T> void await(Future<T> future, Duration atMost)
      throws ExecutionException, TimeoutException {
    try {
      future
          .toCompletionStage()
          .toCompletableFuture()
          .get(atMost.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
