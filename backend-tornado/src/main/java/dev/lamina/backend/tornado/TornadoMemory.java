package dev.lamina.backend.tornado;

import dev.lamina.spi.InvalidProgram;
import org.jspecify.annotations.Nullable;

/** How much memory is taken of a device: one array, which Java indexes by int. */
final class TornadoMemory {
  /** Bytes that an array of bytes may have, with its header. */
  static final long MAX_BYTES = (1L << 31) - 4096;

  /** Names the bytes to take. */
  static final String PROPERTY = "lamina.tornado.memory";

  private static final long LEAST_BYTES = 16 << 20;

  private TornadoMemory() {}

  /**
   * Bytes to take of a device.
   *
   * @param facts the device's
   * @param asked value of the property, or null
   * @throws InvalidProgram if that is no number, or too small or large
   */
  static long bytes(TornadoRuntime.DeviceFacts facts, @Nullable String asked)
      throws InvalidProgram {
    long most = Math.min(MAX_BYTES, facts.maxAllocationBytes()) / 4096 * 4096;
    if (asked == null) {
      return Math.min(most, facts.totalBytes() / 2 / 4096 * 4096);
    }
    long bytes;
    try {
      bytes = Long.parseLong(asked);
    } catch (NumberFormatException e) {
      throw refused(facts, asked, most, e);
    }
    if (bytes < LEAST_BYTES || bytes > most) {
      throw refused(facts, asked, most, null);
    }
    return bytes;
  }

  private static InvalidProgram refused(
      TornadoRuntime.DeviceFacts facts,
      String asked,
      long most,
      @Nullable NumberFormatException cause) {
    String message =
        "open tornado: expected -D%s of %d to %d bytes for %s, got %s"
            .formatted(PROPERTY, LEAST_BYTES, most, facts.name(), asked);
    return cause == null ? new InvalidProgram(message) : new InvalidProgram(message, cause);
  }
}
