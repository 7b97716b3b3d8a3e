package dev.lamina.backend.cuda;

import dev.lamina.backend.sdk.HostBackend;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.DeviceInfo.Peak;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.PeakMeter;
import java.util.List;
import java.util.Optional;

/**
 * The SDK's backend with a meter of what its devices reach.
 *
 * @param devicesOf opens them
 * @param meter measures one, by its position
 */
record MeteredBackend(HostBackend devicesOf, Meter meter) implements Backend, PeakMeter {
  /** Measures a device. */
  @FunctionalInterface
  interface Meter {
    Peak measure(int index) throws BackendException;
  }

  @Override
  public List<DeviceInfo> devices() {
    return devicesOf.devices();
  }

  @Override
  public Device open(int ordinal) throws BackendException {
    return devicesOf.open(ordinal);
  }

  @Override
  public <T> Optional<T> extension(Class<T> type) {
    return type == PeakMeter.class ? Optional.of(type.cast(this)) : devicesOf.extension(type);
  }

  @Override
  public Peak measure(int ordinal) throws BackendException {
    int count = devices().size();
    if (ordinal < 0 || ordinal >= count) {
      throw new InvalidProgram(
          "measure: expected a device of 0..%d, got %d".formatted(count - 1, ordinal));
    }
    return meter.measure(ordinal);
  }

  @Override
  public void close() {
    devicesOf.close();
  }
}
