package dev.lamina.backend.opencl;

import dev.lamina.backend.opencl.cl.ClException;
import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.OutOfDeviceMemory;

/** What a failure of a driver is to users of the SPI. */
final class Failures {
  private Failures() {}

  static BackendException of(String what, ClException e) {
    String message = what + ": " + e.getMessage();
    return switch (e.kind()) {
      case OUT_OF_MEMORY ->
          new OutOfDeviceMemory(
              message + "; a model takes less with --kv-memory or --max-num-batched-tokens", e);
      case DEVICE_LOST -> new DeviceLost(message, e);
      case OTHER -> new InvalidProgram(message, e);
    };
  }

  /** The same, to be thrown from a kernel or a memory space. */
  static BackendFailure unchecked(String what, ClException e) {
    return new BackendFailure(of(what, e));
  }
}
