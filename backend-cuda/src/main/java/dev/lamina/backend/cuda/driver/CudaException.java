package dev.lamina.backend.cuda.driver;

/**
 * A call of one of NVIDIA's libraries that failed. The message is one line: the call with what it
 * was asked for, the result's name and number, the library's text, and what to do.
 */
public final class CudaException extends Exception {
  private static final long serialVersionUID = 1;

  private final String call;
  private final int code;
  private final Kind kind;

  /** What a failure means for whoever called. */
  public enum Kind {
    /** Nothing was done; the context is as before. */
    OUT_OF_MEMORY("; free device memory or ask for less"),
    /** The context is gone: every later call fails too, until the process is started anew. */
    DEVICE_LOST(
        "; a kernel or the GPU failed, perhaps in an earlier launch: start the process anew"),
    /** This driver, library or GPU does not have it. */
    UNSUPPORTED("; update NVIDIA's driver, or use what this GPU has"),
    /** Anything else, mostly a wrong argument. */
    OTHER("");

    private final String advice;

    Kind(String advice) {
      this.advice = advice;
    }
  }

  /**
   * A failure that a library reported.
   *
   * @param call the C function and what it was asked for, such as {@code cuMemAlloc_v2(4096 bytes)}
   * @param code the library's number
   * @param codeName the library's name of that number
   * @param text the library's description
   * @param kind what it means
   */
  public CudaException(String call, int code, String codeName, String text, Kind kind) {
    super("%s: %s (%d): %s%s".formatted(call, codeName, code, text, kind.advice));
    this.call = call;
    this.code = code;
    this.kind = kind;
  }

  private CudaException(String call, String message, Kind kind) {
    super(message);
    this.call = call;
    this.code = -1;
    this.kind = kind;
  }

  /**
   * A failure that the driver reported.
   *
   * @param call the C function and what it was asked for
   * @param result a {@code CUresult} other than success
   * @param name the driver's name of that number
   * @param text the driver's description
   * @return of the kind that the number tells
   */
  public static CudaException ofDriver(String call, int result, String name, String text) {
    return new CudaException(call, result, name, text, CuResult.kind(result));
  }

  /**
   * Something that a library does not have.
   *
   * @param call the C function, or the library
   * @param message the whole line
   * @return with code -1
   */
  public static CudaException unsupported(String call, String message) {
    return new CudaException(call, message, Kind.UNSUPPORTED);
  }

  /**
   * The function that failed.
   *
   * @return its name in C, with what it was asked for
   */
  public String call() {
    return call;
  }

  /**
   * The library's number, a {@code CUresult} if the driver reported it.
   *
   * @return -1 if no library was asked
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
