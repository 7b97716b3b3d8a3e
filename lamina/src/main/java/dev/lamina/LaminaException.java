package dev.lamina;

import org.jspecify.annotations.Nullable;

/** A model or backend that can't be opened; the message is one line that says what to do. */
public final class LaminaException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** With a message. */
  public LaminaException(String message) {
    this(message, null);
  }

  /** With what led to it. */
  public LaminaException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
