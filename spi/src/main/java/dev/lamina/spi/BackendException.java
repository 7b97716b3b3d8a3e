package dev.lamina.spi;

import org.jspecify.annotations.Nullable;

/**
 * A failure of a backend. The message is one line: call, what was expected, what came, on which
 * device, what to do.
 */
public abstract sealed class BackendException extends Exception
    permits OutOfDeviceMemory, Unsupported, CompileFailed, DeviceLost, InvalidProgram, TimedOut {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception.
   *
   * @param message one line
   * @param cause what led to it, or null
   */
  protected BackendException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /**
   * Whether the device still works after this.
   *
   * @return false if it must be closed
   */
  public abstract boolean deviceUsable();
}
