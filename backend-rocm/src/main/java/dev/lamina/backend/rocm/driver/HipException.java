package dev.lamina.backend.rocm.driver;

/**
 * A call of HIP that failed. The message is one line: the call with what it was asked for, the
 * result's name and number, HIP's text, and what to do.
 */
public final class HipException extends Exception {
  private static final long serialVersionUID = 1;

  /** {@code hipErrorOutOfMemory}. */
  static final int OUT_OF_MEMORY = 2;

  /** {@code hipErrorNoDevice}. */
  static final int NO_DEVICE = 100;

  /** {@code hipErrorInvalidDevice}: what initializing returns without a GPU. */
  static final int INVALID_DEVICE = 101;

  /** {@code hipErrorNotReady}. */
  static final int NOT_READY = 600;

  private final int code;
  private final Kind kind;

  /** What a failure means for whoever called. */
  public enum Kind {
    /** Nothing was done; the device is as before. */
    OUT_OF_MEMORY("; free device memory or ask for less"),
    /** The device is gone: every later call fails too, until the process is started anew. */
    DEVICE_LOST(
        "; a kernel or the GPU failed, perhaps in an earlier launch: start the process anew"),
    /** This runtime or GPU does not have it. */
    UNSUPPORTED("; update ROCm, or use what this GPU has"),
    /** Anything else, mostly a wrong argument. */
    OTHER("");

    private final String advice;

    Kind(String advice) {
      this.advice = advice;
    }

    /** As hip_runtime_api.h numbers them in {@code hipError_t}. */
    static Kind of(int code) {
      return switch (code) {
        case HipException.OUT_OF_MEMORY -> OUT_OF_MEMORY;
        // Deinitialized, ECCNotCorrectable, IllegalAddress, LaunchTimeOut, ContextIsDestroyed,
        // Assert, LaunchFailure, RuntimeMemory, RuntimeOther.
        case 4, 214, 700, 702, 709, 710, 719, 1052, 1053 -> DEVICE_LOST;
        // InsufficientDriver, NoBinaryForGpu, NotSupported.
        case 35, 209, 801 -> UNSUPPORTED;
        default -> OTHER;
      };
    }
  }

  HipException(String call, int code, String name, String text, Kind kind) {
    super("%s: %s (%d): %s%s".formatted(call, name, code, text, kind.advice));
    this.code = code;
    this.kind = kind;
  }

  private HipException(String message) {
    super(message);
    this.code = -1;
    this.kind = Kind.UNSUPPORTED;
  }

  /** Something that a library does not have. */
  static HipException unsupported(String message) {
    return new HipException(message);
  }

  /**
   * HIP's number.
   *
   * @return a {@code hipError_t} or {@code hiprtcResult}, -1 if no library was asked
   */
  public int code() {
    return code;
  }

  /**
   * What it means for whoever called.
   *
   * @return the kind
   */
  public Kind kind() {
    return kind;
  }
}
