package dev.lamina.backend.cuda.gpu;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.Unsupported;

/** What a failure of the driver is to users of the SPI. */
public final class Failures {
  private Failures() {}

  /**
   * The SPI's exception for a failure of the driver.
   *
   * @param what that was being done, for the message
   * @param e what the driver said
   * @return with e as its cause
   */
  public static BackendException of(String what, CudaException e) {
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
   * @param e what the driver said
   * @return carries the exception to the command's signal points
   */
  public static BackendFailure unchecked(String what, CudaException e) {
    return new BackendFailure(of(what, e));
  }
}
