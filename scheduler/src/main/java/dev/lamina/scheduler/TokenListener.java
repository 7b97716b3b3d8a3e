package dev.lamina.scheduler;

/**
 * Receives the tokens of one request as they are sampled.
 *
 * <p>Called on the engine thread: it must not block, or every other request waits. What it throws
 * ends its own request with {@link FinishReason#ERROR} and no other.
 */
public interface TokenListener {
  /** Does nothing; for callers that only want {@link RequestHandle#future()}. */
  TokenListener NONE = token -> {};

  /**
   * Called once per generated token, in order, the token that ended the request included.
   *
   * @param token valid only during the call
   */
  void onToken(TokenOutput token);

  /** Called exactly once, after the last token; its KV blocks are already free. */
  default void onFinished(RequestOutput output) {}
}
