package dev.lamina.backend.sdk;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.RunMeter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** A backend whose devices are the SDK's. Thread-safe. */
public final class HostBackend implements Backend {
  /** Opens a device. */
  @FunctionalInterface
  public interface Opener {
    /**
     * Opens a device.
     *
     * @param index position among the backend's devices
     * @return the device; called once an open
     * @throws BackendException if it can't be opened
     */
    HostDevice open(int index) throws BackendException;
  }

  private static final RunMeter METER =
      new RunMeter() {
        @Override
        public void startTiming(Device device) throws BackendException {
          own(device).startTiming();
        }

        @Override
        public RunTimes stopTiming(Device device) throws BackendException {
          return own(device).stopTiming();
        }

        private static HostDevice own(Device device) throws InvalidProgram {
          if (device instanceof HostDevice own) {
            return own;
          }
          throw new InvalidProgram(
              "timing: expected a device of this backend, got " + device.info().name());
        }
      };

  private final List<DeviceInfo> infos;
  private final Opener opener;
  private final List<HostDevice> opened = new ArrayList<>();
  private boolean closed;

  /**
   * Makes a backend of one device.
   *
   * @param info of its device
   * @param opener opens the device; called once an open
   */
  public HostBackend(DeviceInfo info, Supplier<HostDevice> opener) {
    this(List.of(info), index -> opener.get());
  }

  /**
   * Makes a backend of several devices.
   *
   * @param infos of its devices
   * @param opener opens them
   */
  public HostBackend(List<DeviceInfo> infos, Opener opener) {
    this.infos = List.copyOf(infos);
    this.opener = opener;
  }

  @Override
  public List<DeviceInfo> devices() {
    return infos;
  }

  @Override
  public synchronized Device open(int ordinal) throws BackendException {
    if (closed) {
      throw new IllegalStateException("open: the backend is closed; use it before closing it");
    }
    if (ordinal < 0 || ordinal >= infos.size()) {
      throw new InvalidProgram(
          "open: expected a device of 0..%d, got %d".formatted(infos.size() - 1, ordinal));
    }
    HostDevice device = opener.open(ordinal);
    opened.removeIf(HostDevice::isClosed);
    opened.add(device);
    return device;
  }

  /** {@link RunMeter} while a device is open that has a clock. */
  @Override
  public synchronized <T> Optional<T> extension(Class<T> type) {
    boolean isMetered = type == RunMeter.class && opened.stream().anyMatch(HostDevice::hasClock);
    return isMetered ? Optional.of(type.cast(METER)) : Optional.empty();
  }

  @Override
  public synchronized void close() {
    opened.removeIf(HostDevice::isClosed);
    if (!opened.isEmpty()) {
      throw new IllegalStateException(
          "close: expected a backend without open devices, got %d of %s; close them first"
              .formatted(opened.size(), opened.getFirst().fixedInfo().name()));
    }
    closed = true;
  }
}
