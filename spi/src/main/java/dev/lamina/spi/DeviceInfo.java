package dev.lamina.spi;

import dev.lamina.spi.ir.DType;
import java.util.Set;

/**
 * What is known of a device without computing on it.
 *
 * @param ordinal 0-based index within its backend
 * @param name for people, such as the chip's product name
 * @param arch the compile target, such as {@code sm_90} or {@code avx512}
 * @param memory sizes
 * @param limits hard bounds
 * @param dtypes dtypes with arithmetic or storage support
 * @param caps capabilities; an absent one is tested to be refused
 * @param peak known ceilings, zeros if unknown
 */
public record DeviceInfo(
    int ordinal,
    String name,
    String arch,
    MemoryInfo memory,
    Limits limits,
    Set<DType> dtypes,
    Set<Cap> caps,
    Peak peak) {
  /** Copies the sets. */
  public DeviceInfo {
    dtypes = Set.copyOf(dtypes);
    caps = Set.copyOf(caps);
  }

  /**
   * The same with other memory figures.
   *
   * @param figures taken anew, or limited
   * @return new information
   */
  public DeviceInfo withMemory(MemoryInfo figures) {
    return new DeviceInfo(ordinal, name, arch, figures, limits, dtypes, caps, peak);
  }

  /**
   * The same of a device that may use no more memory, as {@link BackendOptions#memoryLimitBytes()}
   * says.
   *
   * @param bytes the limit, 0 for none
   * @return new information
   */
  public DeviceInfo withMemoryLimit(long bytes) {
    if (bytes == 0) {
      return this;
    }
    return withMemory(
        new MemoryInfo(
            Math.min(memory.totalBytes, bytes),
            Math.min(memory.freeBytes, bytes),
            memory.sharedWithHost));
  }

  /**
   * Memory of a device.
   *
   * @param totalBytes installed, or the limit of this process
   * @param freeBytes available when asked
   * @param sharedWithHost whether host and device address the same memory
   */
  public record MemoryInfo(long totalBytes, long freeBytes, boolean sharedWithHost) {}

  /**
   * Hard bounds of a device.
   *
   * @param maxAllocationBytes largest buffer
   * @param alignmentBytes offsets of views must be a multiple of the smaller of this and the
   *     element size
   */
  public record Limits(long maxAllocationBytes, int alignmentBytes) {}

  /**
   * Ceilings for rooflines; 0 = unknown.
   *
   * @param readBytesPerSecond memory read bandwidth
   * @param flopsPerSecond fused multiply-adds count two
   */
  public record Peak(double readBytesPerSecond, double flopsPerSecond) {
    /** Nothing is known. */
    public static final Peak UNKNOWN = new Peak(0, 0);
  }
}
