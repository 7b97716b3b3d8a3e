package dev.lamina.backend.sdk;

/** A rule that submitted work broke, found while it ran; poisons its signal points. */
public final class ProgramError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an error.
   *
   * @param message one line: op, what was expected, what came
   */
  public ProgramError(String message) {
    super(message);
  }
}
