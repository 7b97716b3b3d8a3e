package dev.lamina.backend.cuda.driver;

/** Facts and settings of a kernel: {@code CUfunction_attribute} of cuda.h. */
public enum FunctionAttribute {
  /** Most threads of a block. */
  MAX_THREADS_PER_BLOCK(0),
  /** Static shared memory in bytes. */
  SHARED_SIZE_BYTES(1),
  /** Local memory of a thread in bytes: more than 0 if registers spilled. */
  LOCAL_SIZE_BYTES(3),
  /** Registers of a thread. */
  NUM_REGS(4),
  /** Virtual architecture that it was compiled for, such as 90. */
  PTX_VERSION(5),
  /** Most dynamic shared memory of a block in bytes; may be set. */
  MAX_DYNAMIC_SHARED_SIZE_BYTES(8),
  /** Percentage of the L1 cache given to shared memory; may be set, a hint. */
  PREFERRED_SHARED_MEMORY_CARVEOUT(9),
  /** 1 to allow clusters of more than 8 blocks; may be set. */
  NON_PORTABLE_CLUSTER_SIZE_ALLOWED(14);

  private final int number;

  FunctionAttribute(int number) {
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
