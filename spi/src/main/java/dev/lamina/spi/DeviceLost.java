package dev.lamina.spi;

import org.jspecify.annotations.Nullable;

/** The device is gone or in an unknown state; close it. The process lives on. */
public final class DeviceLost extends BackendException {
  private static final long serialVersionUID = 1L;

  /**
   * Makes an exception.
   *
   * @param message one line
   */
  public DeviceLost(String message) {
    this(message, null);
  }

  /**
   * Makes an exception.
   *
   * @param message one line
   * @param cause what led to it, or null
   */
  public DeviceLost(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  @Override
  public boolean deviceUsable() {
    return false;
  }
}
