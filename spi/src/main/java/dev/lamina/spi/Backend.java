package dev.lamina.spi;

import java.util.List;
import java.util.Optional;

/** An open backend. Thread-safe. */
public interface Backend extends AutoCloseable {
  /**
   * Devices, in ordinal order.
   *
   * @return at least one
   */
  List<DeviceInfo> devices();

  /**
   * Opens a device.
   *
   * @param ordinal 0-based index in {@link #devices()}
   * @return a device the caller closes
   * @throws BackendException if it can't be opened
   */
  Device open(int ordinal) throws BackendException;

  /**
   * A feature outside this SPI, by its interface.
   *
   * @param type interface of the feature
   * @param <T> the interface
   * @return the feature if this backend has it
   */
  <T> Optional<T> extension(Class<T> type);

  @Override
  void close();
}
