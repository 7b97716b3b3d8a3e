package dev.lamina.spi;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a probe found. */
public sealed interface ProbeResult {
  /**
   * Devices can be opened.
   *
   * @param devices at least one
   */
  record Available(List<DeviceInfo> devices) implements ProbeResult {
    /** Copies the list. */
    public Available {
      devices = List.copyOf(devices);
    }
  }

  /**
   * There is no such hardware or driver here; the conformance kit skips.
   *
   * @param why one line
   */
  record Absent(String why) implements ProbeResult {}

  /**
   * Something is there but unusable; the conformance kit fails.
   *
   * @param why one line, with what to do
   * @param cause the error met, if any
   */
  record Broken(String why, @Nullable Throwable cause) implements ProbeResult {}
}
