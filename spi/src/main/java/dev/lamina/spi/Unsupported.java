package dev.lamina.spi;

import org.jspecify.annotations.Nullable;

/** The device can't do what was asked, and never will; the message says why. */
public final class Unsupported extends BackendException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception.
   *
   * @param message one line
   */
  public Unsupported(String message) {
    this(message, null);
  }

  /**
   * Makes an exception.
   *
   * @param message one line
   * @param cause what led to it, or null
   */
  public Unsupported(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  @Override
  public boolean deviceUsable() {
    return true;
  }
}
