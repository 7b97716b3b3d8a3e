package dev.lamina.backend.opencl.cl;

import java.util.Map;

/** A call of OpenCL that failed. The message is one line: the call, and the result's name. */
public final class ClException extends Exception {
  private static final long serialVersionUID = 1;

  static final int DEVICE_NOT_FOUND = -1;
  static final int OUT_OF_HOST_MEMORY = -6;
  static final int BUILD_PROGRAM_FAILURE = -11;

  /** What an ICD loader answers that knows of no driver (cl_khr_icd). */
  static final int PLATFORM_NOT_FOUND = -1001;

  private static final Map<Integer, String> NAMES =
      Map.ofEntries(
          Map.entry(-1, "CL_DEVICE_NOT_FOUND"),
          Map.entry(-2, "CL_DEVICE_NOT_AVAILABLE"),
          Map.entry(-3, "CL_COMPILER_NOT_AVAILABLE"),
          Map.entry(-4, "CL_MEM_OBJECT_ALLOCATION_FAILURE"),
          Map.entry(-5, "CL_OUT_OF_RESOURCES"),
          Map.entry(-6, "CL_OUT_OF_HOST_MEMORY"),
          Map.entry(-11, "CL_BUILD_PROGRAM_FAILURE"),
          Map.entry(-14, "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST"),
          Map.entry(-30, "CL_INVALID_VALUE"),
          Map.entry(-34, "CL_INVALID_CONTEXT"),
          Map.entry(-36, "CL_INVALID_COMMAND_QUEUE"),
          Map.entry(-38, "CL_INVALID_MEM_OBJECT"),
          Map.entry(-42, "CL_INVALID_BINARY"),
          Map.entry(-43, "CL_INVALID_BUILD_OPTIONS"),
          Map.entry(-46, "CL_INVALID_KERNEL_NAME"),
          Map.entry(-49, "CL_INVALID_ARG_INDEX"),
          Map.entry(-51, "CL_INVALID_ARG_SIZE"),
          Map.entry(-52, "CL_INVALID_KERNEL_ARGS"),
          Map.entry(-54, "CL_INVALID_WORK_GROUP_SIZE"),
          Map.entry(-61, "CL_INVALID_BUFFER_SIZE"),
          Map.entry(-63, "CL_INVALID_GLOBAL_WORK_SIZE"),
          Map.entry(-1001, "CL_PLATFORM_NOT_FOUND_KHR"));

  private final int code;

  /** What a failure means for whoever called. */
  public enum Kind {
    /** Nothing was done. */
    OUT_OF_MEMORY,
    /** The device is gone. */
    DEVICE_LOST,
    /** Anything else, mostly a wrong argument. */
    OTHER
  }

  /**
   * A failure that a driver reported.
   *
   * @param call the C function and what it was asked for
   * @param code below 0
   */
  public ClException(String call, int code) {
    this(call, code, "");
  }

  /**
   * The same with what the driver's compiler said.
   *
   * @param call the C function and what it was asked for
   * @param code below 0
   * @param text of the driver; may be empty
   */
  public ClException(String call, int code, String text) {
    super(
        "%s: %s (%d)%s"
            .formatted(
                call,
                NAMES.getOrDefault(code, "an error of OpenCL"),
                code,
                text.isEmpty() ? "" : ": " + text));
    this.code = code;
  }

  /**
   * The driver's number.
   *
   * @return below 0
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
    return switch (code) {
      case -4, -5, -6, -61 -> Kind.OUT_OF_MEMORY;
      case -2, -34, -36 -> Kind.DEVICE_LOST;
      default -> Kind.OTHER;
    };
  }
}
