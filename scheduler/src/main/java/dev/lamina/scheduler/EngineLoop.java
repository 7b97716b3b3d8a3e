package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import java.lang.System.Logger.Level;
import java.util.concurrent.locks.LockSupport;

/** The thread that owns an {@link Engine}: steps while there is work, parks while there is none. */
final class EngineLoop {
  private final Engine engine;
  private final Inbox inbox;
  private final Thread thread;
  private volatile boolean stopping;

  EngineLoop(Engine engine, Inbox inbox) {
    this.engine = engine;
    this.inbox = inbox;
    this.thread = Thread.ofPlatform().name("lamina-engine").daemon().unstarted(this::run);
  }

  void start() {
    inbox.readBy(thread);
    thread.start();
  }

  /** Ends the thread after the step it is in, and waits for it unless called from it. */
  void stop() {
    stopping = true;
    inbox.wake();
    if (Thread.currentThread() == thread) {
      return;
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    Throwable fatal = null;
    while (!stopping && fatal == null) {
      try {
        if (!engine.step() && inbox.isEmpty() && !stopping) {
          LockSupport.park(this);
        }
      } catch (Exception | Error e) {
        log().log(Level.ERROR, "engine: a step failed, every request ends with its error: {0}", e);
        log().log(Level.DEBUG, "the failed step", e);
        engine.fail(e);
        fatal = isFatal(e) ? e : null;
      }
    }
    engine.end(fatal);
  }

  /** After these the device or the JVM cannot be trusted with another request. */
  private static boolean isFatal(Throwable error) {
    return error instanceof Error
        || error instanceof BackendException backend && !backend.deviceUsable();
  }

  // Made when there is something to say: the first logger of a process costs its start 35 ms.
  private static System.Logger log() {
    return System.getLogger("dev.lamina.scheduler");
  }
}
