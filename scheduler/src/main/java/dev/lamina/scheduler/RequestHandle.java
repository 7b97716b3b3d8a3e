package dev.lamina.scheduler;

import java.util.concurrent.CompletableFuture;

/** A request in the engine; every method may be called from any thread. */
public interface RequestHandle {
  /** What was asked. */
  GenerationRequest request();

  /** Ends it with {@link FinishReason#ABORT} before the next step; nothing if it has ended. */
  default void abort() {
    finish(FinishReason.ABORT);
  }

  /** Ends it before the next step with {@code reason}; nothing if it has ended. */
  void finish(FinishReason reason);

  /** Prompt tokens found in the prefix cache; 0 until it is first scheduled. */
  int numCachedTokens();

  /** Whether it has ended. */
  boolean isFinished();

  /**
   * Completes normally when the request ends for whatever reason, {@link FinishReason#ERROR}
   * included. Dependent stages without an executor run on the engine thread and must not block.
   */
  CompletableFuture<RequestOutput> future();
}
