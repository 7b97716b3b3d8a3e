package dev.lamina;

/**
 * Receives an answer as it grows.
 *
 * <p>Called on the engine thread: it must not block, or every other request waits. What it throws
 * ends its own request with an error and no other.
 */
public interface AnswerListener {
  /**
   * Called for each sampled token; its text may be empty while a character or stop string is
   * incomplete.
   */
  void onDelta(Delta delta);

  /** Called once, after the last delta. */
  void onAnswer(Answer answer);

  /** Called once, in place of {@link #onAnswer}, if the request failed. */
  void onError(Throwable error);
}
