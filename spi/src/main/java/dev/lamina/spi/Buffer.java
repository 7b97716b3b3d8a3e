package dev.lamina.spi;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** A range of memory on a device. Thread-safe; its content is ordered by timelines only. */
public interface Buffer extends AutoCloseable {
  /**
   * The device that owns it.
   *
   * @return the device
   */
  Device device();

  /**
   * Its size.
   *
   * @return bytes
   */
  long size();

  /**
   * Where it lives.
   *
   * @return the kind it got, which may differ from the one asked for by {@code wrapHost}
   */
  MemoryKind kind();

  /**
   * Its bytes, if the host can address them.
   *
   * @return a segment of {@link #size()} bytes
   */
  Optional<MemorySegment> host();

  /**
   * Whether it is not closed yet.
   *
   * @return true until close
   */
  boolean alive();

  @Override
  void close();
}
