package dev.lamina.server;

import dev.lamina.Lamina;
import dev.lamina.LaminaException;
import dev.lamina.LaminaOptions;
import java.util.concurrent.CountDownLatch;

/** An HTTP server over one open model. */
public final class LaminaServer implements AutoCloseable {
  private final Lamina lamina;
  private final ServerOptions options;
  private final CountDownLatch closed = new CountDownLatch(1);

  private LaminaServer(Lamina lamina, ServerOptions options) {
    this.lamina = lamina;
    this.options = options;
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
    return new LaminaServer(Lamina.open(model, laminaOptions), options);
  }

  /** URL, model, backend and KV capacity in tokens, in one line. */
  public String readyLine() {
    return lamina.model().name();
  }

  /** The port it listens on. */
  public int port() {
    return options.port();
  }

  /** Returns once the server has stopped: by SIGTERM, SIGINT or {@link #close}. */
  public void awaitShutdown() {
    try {
      closed.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    lamina.close();
    closed.countDown();
  }
}
