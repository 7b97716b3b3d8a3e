package dev.lamina.spi;

import org.jspecify.annotations.Nullable;

/** A wait ended before its value was reached; the work goes on. */
public final class TimedOut extends BackendException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception.
   *
   * @param message one line
   */
  public TimedOut(String message) {
    this(message, null);
  }

  /**
   * Makes an exception.
   *
   * @param message one line
   * @param cause what led to it, or null
   */
  public TimedOut(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  @Override
  public boolean deviceUsable() {
    return true;
  }
}
