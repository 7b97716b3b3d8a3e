package dev.lamina.backend.rocm.driver;

import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.Unsupported;

/** What a failure of HIP is to users of the SPI. */
public final class Failures {
  private Failures() {}

  /**
   * The SPI's exception for a failure of HIP.
   *
   * @param what that was being done, for the message
   * @param e what HIP said
   * @return with e as its cause
   */
  public static BackendException of(String what, HipException e) {
    String message = what + ": " + e.getMessage();
    return switch (e.kind()) {
      case OUT_OF_MEMORY ->
          new OutOfDeviceMemory(
              message + "; a model takes less with --kv-memory or --max-num-batched-tokens", e);
      case DEVICE_LOST -> new DeviceLost(message, e);
      case UNSUPPORTED -> new Unsupported(message, e);
      case OTHER -> new InvalidProgram(message, e);
    };
  }

  /**
   * The same, to be thrown from a kernel or a memory space.
   *
   * @param what that was being done, for the message
   * @param e what HIP said
   * @return with e as its cause
   */
  public static BackendFailure unchecked(String what, HipException e) {
    return new BackendFailure(of(what, e));
  }
}
