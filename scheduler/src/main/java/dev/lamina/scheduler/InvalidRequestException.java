package dev.lamina.scheduler;

/** A request that can never run as it was asked; the caller's fault, said in one line. */
public final class InvalidRequestException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String param;

  /**
   * @param param the request field at fault, spelled as in the HTTP API, such as {@code max_tokens}
   * @param message one line: what was expected, what came, what to do
   */
  public InvalidRequestException(String param, String message) {
    super(message);
    this.param = param;
  }

  /** The request field at fault, spelled as in the HTTP API. */
  public String param() {
    return param;
  }
}
