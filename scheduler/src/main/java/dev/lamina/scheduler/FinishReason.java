package dev.lamina.scheduler;

/** Why a request ended. */
public enum FinishReason {
  /** An eos token, a stop token id or a stop string came. */
  STOP,
  /** {@code maxTokens} or the longest context was reached. */
  LENGTH,
  /** Someone ended it: the client went away, or the engine closed. */
  ABORT,
  /** The engine could not go on with it; {@link RequestOutput#error()} says why. */
  ERROR
}
