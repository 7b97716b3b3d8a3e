package dev.lamina.spi;

/** A pool of state on a device, reached only through state ops. */
public interface State extends AutoCloseable {
  /**
   * The device that owns it.
   *
   * @return the device
   */
  Device device();

  /**
   * Its layout.
   *
   * @return as given at allocation
   */
  StateLayout layout();

  /**
   * Its size.
   *
   * @return slots
   */
  long numSlots();

  @Override
  void close();
}
