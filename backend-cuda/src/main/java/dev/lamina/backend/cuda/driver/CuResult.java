package dev.lamina.backend.cuda.driver;

/** What the numbers mean that the driver API returns: {@code CUresult} of cuda.h. */
final class CuResult {
  static final int SUCCESS = 0;
  static final int OUT_OF_MEMORY = 2;
  static final int STUB_LIBRARY = 34;
  static final int NO_DEVICE = 100;
  static final int INVALID_IMAGE = 200;
  static final int NOT_READY = 600;
  static final int SYSTEM_DRIVER_MISMATCH = 803;
  static final int GRAPH_EXEC_UPDATE_FAILURE = 910;

  private CuResult() {}

  static CudaException.Kind kind(int result) {
    return switch (result) {
      case OUT_OF_MEMORY -> CudaException.Kind.OUT_OF_MEMORY;
      // DEINITIALIZED, ECC_UNCORRECTABLE, NVLINK_UNCORRECTABLE, CONTAINED: the chip or its link.
      case 4, 214, 220, 226 -> CudaException.Kind.DEVICE_LOST;
      // ILLEGAL_ADDRESS, LAUNCH_TIMEOUT, CONTEXT_IS_DESTROYED, ASSERT, HARDWARE_STACK_ERROR,
      // ILLEGAL_INSTRUCTION, MISALIGNED_ADDRESS, INVALID_ADDRESS_SPACE, INVALID_PC, LAUNCH_FAILED,
      // TENSOR_MEMORY_LEAK: cuda.h says of each that the process must be started anew.
      case 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721 -> CudaException.Kind.DEVICE_LOST;
      // MPS_CLIENT_TERMINATED: the daemon took the context away.
      case 810 -> CudaException.Kind.DEVICE_LOST;
      // CALL_REQUIRES_NEWER_DRIVER, NO_BINARY_FOR_GPU, UNSUPPORTED_PTX_VERSION, NOT_SUPPORTED,
      // SYSTEM_DRIVER_MISMATCH, COMPAT_NOT_SUPPORTED_ON_DEVICE.
      case 36, 209, 222, 801, 803, 804 -> CudaException.Kind.UNSUPPORTED;
      default -> CudaException.Kind.OTHER;
    };
  }
}
