package dev.lamina.spi;

import org.jspecify.annotations.Nullable;

/** The caller broke a rule: a binding that does not fit, an index past the end, a bad graph. */
public final class InvalidProgram extends BackendException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception.
   *
   * @param message one line
   */
  public InvalidProgram(String message) {
    this(message, null);
  }

  /**
   * Makes an exception.
   *
   * @param message one line
   * @param cause what led to it, or null
   */
  public InvalidProgram(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  @Override
  public boolean deviceUsable() {
    return true;
  }
}
