package dev.lamina.backend.cuda.driver;

/**
 * What the driver tells of a GPU without a context on it.
 *
 * @param ordinal index from 0, as {@code CUDA_VISIBLE_DEVICES} leaves it
 * @param device the driver's handle
 * @param name product name
 * @param uuid as {@code nvidia-smi -L} prints it
 * @param major compute capability, the digits before the last
 * @param minor compute capability, the last digit
 * @param totalBytes memory
 * @param numSms number of multiprocessors
 * @param l2Bytes size of the L2 cache
 * @param maxSharedBytes shared memory of a block that opted in
 * @param clockKhz clock of the multiprocessors at most
 * @param memoryClockKhz clock of the memory at most
 * @param memoryBusBits width of the memory bus
 * @param integrated whether its memory is the host's
 */
public record DeviceFacts(
    int ordinal,
    int device,
    String name,
    String uuid,
    int major,
    int minor,
    long totalBytes,
    int numSms,
    long l2Bytes,
    int maxSharedBytes,
    int clockKhz,
    int memoryClockKhz,
    int memoryBusBits,
    boolean integrated) {
  /**
   * Asks the driver.
   *
   * @param driver initialized
   * @param ordinal from 0
   * @return the facts
   * @throws CudaException if the driver reports a failure
   */
  static DeviceFacts of(Driver driver, int ordinal) throws CudaException {
    int device = driver.device(ordinal);
    return new DeviceFacts(
        ordinal,
        device,
        driver.deviceName(device),
        driver.deviceUuid(device),
        driver.deviceAttribute(device, DeviceAttribute.COMPUTE_CAPABILITY_MAJOR),
        driver.deviceAttribute(device, DeviceAttribute.COMPUTE_CAPABILITY_MINOR),
        driver.deviceTotalMem(device),
        driver.deviceAttribute(device, DeviceAttribute.MULTIPROCESSOR_COUNT),
        driver.deviceAttribute(device, DeviceAttribute.L2_CACHE_SIZE),
        driver.deviceAttribute(device, DeviceAttribute.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
        driver.deviceAttribute(device, DeviceAttribute.CLOCK_RATE),
        driver.deviceAttribute(device, DeviceAttribute.MEMORY_CLOCK_RATE),
        driver.deviceAttribute(device, DeviceAttribute.GLOBAL_MEMORY_BUS_WIDTH),
        driver.deviceAttribute(device, DeviceAttribute.INTEGRATED) == 1);
  }

  /**
   * Compute capability as one number.
   *
   * @return 90 for 9.0, 120 for 12.0
   */
  public int sm() {
    return 10 * major + minor;
  }

  /**
   * What kernels are compiled for: at 9.0 with the instructions that only that chip has.
   *
   * @return such as {@code sm_80} or {@code sm_90a}
   */
  public String arch() {
    return "sm_" + sm() + (sm() == 90 ? "a" : "");
  }

  /**
   * The bandwidth on paper: the bus moves two words a clock. A read kernel reaches some 90 % of it.
   *
   * @return bytes a second, 0 if the driver does not tell clock or width
   */
  public double memoryBytesPerSecond() {
    return 2.0 * memoryClockKhz * 1000 * memoryBusBits / 8;
  }
}
