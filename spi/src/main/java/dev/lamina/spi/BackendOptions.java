package dev.lamina.spi;

import java.util.Map;

/**
 * How to open a backend.
 *
 * @param threads host threads for computing, 0 = the backend's choice
 * @param memoryLimitBytes most bytes that all live objects of a device may take together, 0 = what
 *     the device has; {@link DeviceInfo#memory()} then says no more than this. A device with {@link
 *     Cap#OOM_RECOVERABLE} keeps the limit, others may refuse it with {@link Unsupported}
 * @param properties the backend's own settings; unknown keys are refused by the backend
 */
public record BackendOptions(int threads, long memoryLimitBytes, Map<String, String> properties) {
  /** The backend's own choices. */
  public static final BackendOptions DEFAULT = new BackendOptions(0, Map.of());

  /** Copies and checks. */
  public BackendOptions {
    properties = Map.copyOf(properties);
    if (threads < 0) {
      throw new IllegalArgumentException("threads: expected at least 1, got " + threads);
    }
    if (memoryLimitBytes < 0) {
      throw new IllegalArgumentException(
          "memory limit: expected at least 1 byte, or 0 for none, got " + memoryLimitBytes);
    }
  }

  /**
   * Options without a memory limit.
   *
   * @param threads host threads for computing, 0 = the backend's choice
   * @param properties the backend's own settings
   */
  public BackendOptions(int threads, Map<String, String> properties) {
    this(threads, 0, properties);
  }

  /**
   * The same with a memory limit.
   *
   * @param bytes most bytes of a device's live objects, 0 = what the device has
   * @return new options
   */
  public BackendOptions withMemoryLimit(long bytes) {
    return new BackendOptions(threads, bytes, properties);
  }
}
