package dev.lamina.backend.cuda.driver;

/** Facts of a device: {@code CUdevice_attribute} of cuda.h. */
public enum DeviceAttribute {
  /** Most threads of a block. */
  MAX_THREADS_PER_BLOCK(1),
  /** Shared memory of a block without opting in, in bytes. */
  MAX_SHARED_MEMORY_PER_BLOCK(8),
  /** Threads of a warp. */
  WARP_SIZE(10),
  /** Clock of the multiprocessors in kHz. */
  CLOCK_RATE(13),
  /** Number of multiprocessors. */
  MULTIPROCESSOR_COUNT(16),
  /** 1 if the device's memory is the host's. */
  INTEGRATED(18),
  /** Clock of the memory in kHz. */
  MEMORY_CLOCK_RATE(36),
  /** Width of the memory bus in bits. */
  GLOBAL_MEMORY_BUS_WIDTH(37),
  /** Size of the L2 cache in bytes. */
  L2_CACHE_SIZE(38),
  /** Most resident threads of a multiprocessor. */
  MAX_THREADS_PER_MULTIPROCESSOR(39),
  /** Compute capability, the digits before the last. */
  COMPUTE_CAPABILITY_MAJOR(75),
  /** Compute capability, the last digit. */
  COMPUTE_CAPABILITY_MINOR(76),
  /** Shared memory of a multiprocessor in bytes. */
  MAX_SHARED_MEMORY_PER_MULTIPROCESSOR(81),
  /** 32-bit registers of a multiprocessor. */
  MAX_REGISTERS_PER_MULTIPROCESSOR(82),
  /** 1 if cooperative launches work. */
  COOPERATIVE_LAUNCH(95),
  /** Shared memory of a block that opted in, in bytes. */
  MAX_SHARED_MEMORY_PER_BLOCK_OPTIN(97),
  /** 1 if read-only host memory can be registered. */
  READ_ONLY_HOST_REGISTER_SUPPORTED(113),
  /** 1 if stream-ordered allocation works. */
  MEMORY_POOLS_SUPPORTED(115),
  /** 1 if thread block clusters work. */
  CLUSTER_LAUNCH(120),
  /** 1 if the tensor memory accelerator works. */
  TENSOR_MAP_ACCESS_SUPPORTED(127);

  private final int number;

  DeviceAttribute(int number) {
    this.number = number;
  }

  /**
   * The number in C.
   *
   * @return from cuda.h
   */
  public int number() {
    return number;
  }
}
