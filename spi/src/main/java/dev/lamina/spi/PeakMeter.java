package dev.lamina.spi;

import dev.lamina.spi.DeviceInfo.Peak;

/**
 * Measures a device's ceilings; an extension of a {@link Device}'s backend, found by {@link
 * Backend#extension}. What benchmarks print their fractions against.
 */
public interface PeakMeter {
  /**
   * Measures now, for about a second, with as many threads as the backend computes with.
   *
   * @param ordinal of the device
   * @return read bandwidth and F32 multiply-add rate
   * @throws BackendException if the device fails
   */
  Peak measure(int ordinal) throws BackendException;
}
