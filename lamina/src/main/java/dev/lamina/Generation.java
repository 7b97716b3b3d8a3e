package dev.lamina;

import java.util.concurrent.CompletableFuture;

/** A request that runs; every method may be called from any thread. */
public interface Generation {
  /**
   * Ends it before the next step; its answer then has the reason ABORT. Nothing if it has ended.
   */
  void abort();

  /** The prompt's length. */
  int numPromptTokens();

  /** Completes with the answer, or exceptionally with the error that ended it. */
  CompletableFuture<Answer> answer();
}
