package dev.lamina.spi;

import org.jspecify.annotations.Nullable;

/** An allocation did not fit; nothing was allocated, and the device stays usable. */
public final class OutOfDeviceMemory extends BackendException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception.
   *
   * @param message one line
   */
  public OutOfDeviceMemory(String message) {
    this(message, null);
  }

  /**
   * Makes an exception.
   *
   * @param message one line
   * @param cause what led to it, or null
   */
  public OutOfDeviceMemory(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  @Override
  public boolean deviceUsable() {
    return true;
  }
}
