package dev.lamina.backend.sdk;

import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.InvalidProgram;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** A backend of one device, the host itself. Thread-safe. */
public final class HostBackend implements Backend {
  private final DeviceInfo info;
  private final Supplier<HostDevice> opener;
  private final List<HostDevice> opened = new ArrayList<>();
  private boolean closed;

  /**
   * Makes a backend.
   *
   * @param info of its device
   * @param opener opens the device; called once an open
   */
  public HostBackend(DeviceInfo info, Supplier<HostDevice> opener) {
    this.info = info;
    this.opener = opener;
  }

  @Override
  public List<DeviceInfo> devices() {
    return List.of(info);
  }

  @Override
  public synchronized Device open(int ordinal) throws BackendException {
    if (closed) {
      throw new IllegalStateException("open: the backend is closed; use it before closing it");
    }
    if (ordinal != 0) {
      throw new InvalidProgram("open: expected device 0 of 1, got " + ordinal);
    }
    HostDevice device = opener.get();
    opened.removeIf(HostDevice::isClosed);
    opened.add(device);
    return device;
  }

  @Override
  public <T> Optional<T> extension(Class<T> type) {
    return Optional.empty();
  }

  @Override
  public synchronized void close() {
    opened.removeIf(HostDevice::isClosed);
    if (!opened.isEmpty()) {
      throw new IllegalStateException(
          "close: expected a backend without open devices, got %d of %s; close them first"
              .formatted(opened.size(), info.name()));
    }
    closed = true;
  }
}
