package dev.lamina.spi;

/** An immutable weight on a device. */
public interface Weight extends AutoCloseable {
  /**
   * The device that owns it.
   *
   * @return the device
   */
  Device device();

  /**
   * What it was made from.
   *
   * @return name, type and uses
   */
  WeightSpec spec();

  /**
   * How it lies now.
   *
   * @return {@code shared} if the given bytes are used in place, else the backend's name of the
   *     copy or packing
   */
  String layout();

  /**
   * Device memory it takes.
   *
   * @return bytes, 0 if the given bytes are used in place
   */
  long deviceBytes();

  @Override
  void close();
}
