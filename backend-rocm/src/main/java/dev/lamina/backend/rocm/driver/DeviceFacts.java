package dev.lamina.backend.rocm.driver;

/**
 * What HIP tells of a GPU before it is opened.
 *
 * @param ordinal index from 0, as {@code HIP_VISIBLE_DEVICES} leaves it
 * @param name product name
 * @param arch what its code is compiled for, without features, such as {@code gfx90a}
 * @param totalBytes memory
 * @param numUnits compute units
 * @param waveSize lanes of a wave: 32 or 64
 * @param maxSharedBytes shared memory of a thread block (LDS of a workgroup)
 * @param memoryClockKhz clock of the memory at most, 0 if HIP does not tell
 * @param memoryBusBits width of the memory bus
 */
public record DeviceFacts(
    int ordinal,
    String name,
    String arch,
    long totalBytes,
    int numUnits,
    int waveSize,
    int maxSharedBytes,
    int memoryClockKhz,
    int memoryBusBits) {
  /** Asks HIP, which is initialized. */
  static DeviceFacts of(Hip hip, int ordinal) throws HipException {
    String arch = hip.deviceArch(ordinal);
    int features = arch.indexOf(':');
    return new DeviceFacts(
        ordinal,
        hip.deviceName(ordinal),
        features < 0 ? arch : arch.substring(0, features),
        hip.deviceTotalMem(ordinal),
        hip.deviceAttribute(ordinal, Hip.Attribute.MULTIPROCESSOR_COUNT),
        hip.deviceAttribute(ordinal, Hip.Attribute.WARP_SIZE),
        hip.deviceAttribute(ordinal, Hip.Attribute.MAX_SHARED_MEMORY_PER_BLOCK),
        hip.deviceAttribute(ordinal, Hip.Attribute.MEMORY_CLOCK_RATE),
        hip.deviceAttribute(ordinal, Hip.Attribute.MEMORY_BUS_WIDTH));
  }

  /**
   * The bandwidth on paper: the bus moves two words a clock.
   *
   * @return bytes a second, 0 if HIP does not tell clock or width
   */
  public double memoryBytesPerSecond() {
    return 2.0 * memoryClockKhz * 1000 * memoryBusBits / 8;
  }
}
