package dev.lamina.spi;

import org.jspecify.annotations.Nullable;

/**
 * A kernel or graph did not compile though it should have; the message holds the log's first line.
 */
public final class CompileFailed extends BackendException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception.
   *
   * @param message one line
   */
  public CompileFailed(String message) {
    this(message, null);
  }

  /**
   * Makes an exception.
   *
   * @param message one line
   * @param cause what led to it, or null
   */
  public CompileFailed(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  @Override
  public boolean deviceUsable() {
    return true;
  }
}
