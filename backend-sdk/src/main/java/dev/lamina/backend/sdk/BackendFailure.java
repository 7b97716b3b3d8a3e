package dev.lamina.backend.sdk;

import dev.lamina.spi.BackendException;

/**
 * Carries a device's error out of a kernel or a {@link MemorySpace}; it poisons the signal points
 * of the command. A {@link dev.lamina.spi.DeviceLost} ends the device.
 */
public final class BackendFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final BackendException failure;

  /**
   * Wraps an error.
   *
   * @param failure what the command fails with
   */
  public BackendFailure(BackendException failure) {
    super(failure.getMessage(), failure);
    this.failure = failure;
  }

  /** What the command fails with. */
  public BackendException failure() {
    return failure;
  }
}
