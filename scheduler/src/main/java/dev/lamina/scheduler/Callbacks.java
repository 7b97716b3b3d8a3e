package dev.lamina.scheduler;

import java.lang.System.Logger.Level;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Calls listeners, the observer and futures, and keeps what they throw from other requests. */
final class Callbacks {
  private final EngineObserver observer;
  private final AtomicInteger numUnfinished;

  Callbacks(EngineObserver observer, AtomicInteger numUnfinished) {
    this.observer = observer;
    this.numUnfinished = numUnfinished;
  }

  /** Tells the request's listener of a token; returns what it threw, or null. */
  @Nullable Throwable onToken(Request request, TokenOutput token) {
    try {
      request.listener.onToken(token);
      return null;
    } catch (RuntimeException | Error e) {
      return e;
    }
  }

  /** Tells everyone that the request has ended: who has the answer finds it counted. */
  void onFinished(Request request, RequestOutput output) {
    numUnfinished.decrementAndGet();
    try {
      observer.onRequestFinished(output);
    } catch (RuntimeException | Error e) {
      log().log(Level.ERROR, "request " + output.requestId() + ": the engine observer threw", e);
    }
    try {
      request.listener.onFinished(output);
    } catch (RuntimeException | Error e) {
      log()
          .log(
              Level.ERROR,
              "request " + output.requestId() + ": onFinished of its listener threw",
              e);
    }
    request.future().complete(output);
  }

  /** Tells the observer of a step. */
  void onStep(int numTokens, int numSeqs) {
    try {
      observer.onStep(numTokens, numSeqs);
    } catch (RuntimeException | Error e) {
      log().log(Level.ERROR, "step of " + numTokens + " tokens: the engine observer threw", e);
    }
  }

  // Made when there is something to say: the first logger of a process costs its start 35 ms.
  private static System.Logger log() {
    return System.getLogger("dev.lamina.scheduler");
  }
}
