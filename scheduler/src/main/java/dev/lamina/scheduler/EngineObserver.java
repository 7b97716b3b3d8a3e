package dev.lamina.scheduler;

/** Sees every step and every request's end, for histograms; called on the engine thread. */
public interface EngineObserver {
  /** Sees nothing. */
  EngineObserver NONE = new EngineObserver() {};

  /**
   * A step ended.
   *
   * @param numTokens tokens that ran in it, prompt and decode
   * @param numSeqs requests that ran in it
   */
  default void onStep(int numTokens, int numSeqs) {}

  /** A request ended; its listener and future are told after this. */
  default void onRequestFinished(RequestOutput output) {}
}
