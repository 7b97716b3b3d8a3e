package dev.lamina.server;

import dev.lamina.Lamina;
import dev.lamina.LaminaException;
import dev.lamina.LaminaOptions;
import dev.lamina.ModelInfo;
import java.lang.System.Logger.Level;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * An HTTP server over one open model: OpenAI's chat and completion endpoints, health, metrics and a
 * page. Every method may be called from any thread.
 */
public final class LaminaServer implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("dev.lamina.server");

  private final Lamina lamina;
  private final HttpFront front;
  private final String host;
  private final AtomicBoolean closing = new AtomicBoolean();
  private final CountDownLatch closed = new CountDownLatch(1);

  private LaminaServer(Lamina lamina, HttpFront front, String host) {
    this.lamina = lamina;
    this.front = front;
    this.host = host;
  }

  /**
   * Opens a model and listens.
   *
   * @param model a folder with {@code config.json} and weights, or a built-in's name
   * @param laminaOptions backend, precision, limits
   * @param options where to listen and what to bear
   * @throws LaminaException if the model can't be opened or the port is taken; one line
   */
  public static LaminaServer open(
      String model, LaminaOptions laminaOptions, ServerOptions options) {
    HttpFront.checkFree(options);
    ObserverRelay observer = new ObserverRelay(laminaOptions.observer());
    Lamina lamina = Lamina.open(model, laminaOptions.withObserver(observer));
    try {
      ModelInfo info = lamina.model();
      ServedModel served = new ServedModel(lamina, info, model, System.currentTimeMillis() / 1000);
      ServerMetrics metrics = new ServerMetrics(info);
      metrics.showEngine(
          lamina::engineStats,
          laminaOptions.engine().blockSize(),
          laminaOptions.engine().enablePrefixCaching());
      observer.relayTo(metrics);
      return new LaminaServer(lamina, HttpFront.listen(served, metrics, options), options.host());
    } catch (RuntimeException e) {
      lamina.close();
      throw e;
    }
  }

  /** URL, model, backend and KV capacity in tokens, in one line. */
  public String readyLine() {
    ModelInfo model = lamina.model();
    String shownHost = host.contains(":") ? "[" + host + "]" : host;
    return "serving %s at http://%s:%d on %s (%s), KV capacity %d tokens"
        .formatted(
            model.name(),
            shownHost,
            port(),
            model.backend(),
            model.device(),
            model.kvCapacityTokens());
  }

  /** The port it listens on. */
  public int port() {
    return front.port();
  }

  /** The model that it serves. */
  public Lamina lamina() {
    return lamina;
  }

  /**
   * Returns once the server has stopped: by SIGTERM, SIGINT or {@link #close}. Only while a thread
   * waits here do these signals close the server before the JVM ends.
   */
  public void awaitShutdown() {
    Thread onSignal = new Thread(this::close, "lamina-shutdown");
    try {
      Runtime.getRuntime().addShutdownHook(onSignal);
    } catch (IllegalStateException e) {
      LOG.log(Level.DEBUG, "a signal came before the server was waited for");
      close();
      return;
    }
    awaitClosed();
    removeHook(onSignal);
  }

  private static void removeHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is ending, and the hook is what closed the server.
      LOG.log(Level.DEBUG, "stopped by a signal");
    }
  }

  /**
   * Stops: takes no more requests, lets streams go on for the grace, ends what is left with an
   * error line, frees the model. Takes at most the grace and two seconds; a second call waits for
   * the first.
   */
  @Override
  public void close() {
    if (!closing.compareAndSet(false, true)) {
      awaitClosed();
      return;
    }
    try {
      front.drain();
      lamina.close();
    } finally {
      front.close();
      closed.countDown();
    }
  }

  private void awaitClosed() {
    try {
      closed.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
