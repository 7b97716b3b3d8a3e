package dev.lamina.backend.rocm.driver;

/** What hipBLASLt's functions return: {@code hipblasStatus_t}, as hipblas-common.h numbers it. */
final class BlasLtStatus {
  static final int SUCCESS = 0;
  private static final int ALLOC_FAILED = 2;
  private static final int INVALID_VALUE = 3;
  private static final int NOT_SUPPORTED = 7;
  private static final int ARCH_MISMATCH = 8;

  private BlasLtStatus() {}

  /** Whether a search's answer says that there is none; for a GPU without kernels it is invalid. */
  static boolean isNoAlgorithm(int status) {
    return status == NOT_SUPPORTED || status == ARCH_MISMATCH || status == INVALID_VALUE;
  }

  /**
   * What a call failed with.
   *
   * @param call the function, with what it was asked for
   * @param status what it returned
   * @param library how it was opened
   */
  static HipException failure(String call, int status, String library) {
    return new HipException(
        call,
        status,
        name(status),
        library,
        switch (status) {
          case ALLOC_FAILED -> HipException.Kind.OUT_OF_MEMORY;
          case NOT_SUPPORTED, ARCH_MISMATCH -> HipException.Kind.UNSUPPORTED;
          default -> HipException.Kind.OTHER;
        });
  }

  private static String name(int status) {
    return switch (status) {
      case 1 -> "HIPBLAS_STATUS_NOT_INITIALIZED";
      case ALLOC_FAILED -> "HIPBLAS_STATUS_ALLOC_FAILED";
      case INVALID_VALUE -> "HIPBLAS_STATUS_INVALID_VALUE";
      case 4 -> "HIPBLAS_STATUS_MAPPING_ERROR";
      case 5 -> "HIPBLAS_STATUS_EXECUTION_FAILED";
      case 6 -> "HIPBLAS_STATUS_INTERNAL_ERROR";
      case NOT_SUPPORTED -> "HIPBLAS_STATUS_NOT_SUPPORTED";
      case ARCH_MISMATCH -> "HIPBLAS_STATUS_ARCH_MISMATCH";
      case 9 -> "HIPBLAS_STATUS_HANDLE_IS_NULLPTR";
      case 10 -> "HIPBLAS_STATUS_INVALID_ENUM";
      default -> "a hipblasStatus_t";
    };
  }
}
