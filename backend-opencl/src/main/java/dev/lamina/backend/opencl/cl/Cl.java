package dev.lamina.backend.opencl.cl;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import org.lwjgl.opencl.CL;
import org.lwjgl.opencl.CL10;
import org.lwjgl.opencl.CL12;
import org.lwjgl.system.Configuration;
import org.lwjgl.system.MemoryUtil;

/**
 * The calls of OpenCL 1.2 that are used, with their results checked. Handles are longs. Thread-safe
 * as OpenCL is: all but the arguments of one kernel.
 */
public final class Cl {
  private static final boolean IS_LINUX = System.getProperty("os.name").startsWith("Linux");
  private static boolean loaded;

  private Cl() {}

  /** A function that tells of an object: how much there is to say, or what. */
  @FunctionalInterface
  private interface Facts {
    int get(long bytes, long to, long size);
  }

  /**
   * Loads the ICD loader.
   *
   * @throws UnsatisfiedLinkError if there is none
   */
  static synchronized void load() {
    if (loaded) {
      return;
    }
    Lwjgl.load();
    Configuration.OPENCL_EXPLICIT_INIT.set(true);
    if (IS_LINUX) {
      // The name without a number belongs to development packages, which few machines have.
      Configuration.OPENCL_LIBRARY_NAME.set("libOpenCL.so.1");
    }
    CL.create();
    loaded = true;
  }

  private static void check(int code, String call) throws ClException {
    if (code != CL10.CL_SUCCESS) {
      throw new ClException(call, code);
    }
  }

  private static byte[] bytes(String call, Facts info) throws ClException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
      check(info.get(0, 0, size.address()), call);
      long n = size.get(ValueLayout.JAVA_LONG, 0);
      MemorySegment to = arena.allocate(Math.max(1, n), 8);
      check(info.get(n, to.address(), 0), call);
      return to.asSlice(0, n).toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private static String text(byte[] bytes) {
    int n = bytes.length;
    while (n > 0 && bytes[n - 1] == 0) {
      n--;
    }
    return new String(bytes, 0, n, StandardCharsets.UTF_8).trim();
  }

  private static long number(byte[] bytes) {
    long x = 0;
    for (int i = Math.min(bytes.length, Long.BYTES) - 1; i >= 0; i--) {
      x = x << 8 | bytes[i] & 0xFF;
    }
    return x;
  }

  /** Lists handles: of platforms, or of a platform's devices. */
  private interface Handles {
    int get(int count, long to, long size);
  }

  private static long[] handles(String call, int none, Handles handles) throws ClException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(ValueLayout.JAVA_INT);
      int code = handles.get(0, 0, size.address());
      if (code == none) {
        return new long[0];
      }
      check(code, call);
      int n = size.get(ValueLayout.JAVA_INT, 0);
      MemorySegment to = arena.allocate(ValueLayout.JAVA_LONG, Math.max(1, n));
      if (n > 0) {
        check(handles.get(n, to.address(), 0), call);
      }
      return to.asSlice(0, 8L * n).toArray(ValueLayout.JAVA_LONG);
    }
  }

  static long[] platforms() throws ClException {
    return handles("clGetPlatformIDs", ClException.PLATFORM_NOT_FOUND, CL10::nclGetPlatformIDs);
  }

  static long[] devices(long platform) throws ClException {
    return handles(
        "clGetDeviceIDs",
        ClException.DEVICE_NOT_FOUND,
        (n, to, size) ->
            CL10.nclGetDeviceIDs(platform, CL10.CL_DEVICE_TYPE_ALL & 0xFFFFFFFFL, n, to, size));
  }

  static String platformText(long platform, int name) throws ClException {
    return text(
        bytes(
            "clGetPlatformInfo",
            (n, to, size) -> CL10.nclGetPlatformInfo(platform, name, n, to, size)));
  }

  private static byte[] deviceInfo(long device, int name) throws ClException {
    return bytes(
        "clGetDeviceInfo(0x%X)".formatted(name),
        (n, to, size) -> CL10.nclGetDeviceInfo(device, name, n, to, size));
  }

  static String deviceText(long device, int name) throws ClException {
    return text(deviceInfo(device, name));
  }

  static long deviceNumber(long device, int name) throws ClException {
    return number(deviceInfo(device, name));
  }

  /** A call that makes an object and says in an int whether it could. */
  @FunctionalInterface
  private interface Making {
    long make(long error);
  }

  private static long made(String call, Making making) throws ClException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = arena.allocate(ValueLayout.JAVA_INT);
      long handle = making.make(error.address());
      check(error.get(ValueLayout.JAVA_INT, 0), call);
      return handle;
    }
  }

  /**
   * Makes a context of one device.
   *
   * @param platform of the device
   * @param device its handle
   * @return a handle to release
   * @throws ClException if the driver refuses
   */
  public static long createContext(long platform, long device) throws ClException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment properties =
          arena.allocateFrom(ValueLayout.JAVA_LONG, CL10.CL_CONTEXT_PLATFORM, platform, 0);
      MemorySegment devices = arena.allocateFrom(ValueLayout.JAVA_LONG, device);
      return made(
          "clCreateContext",
          e -> CL10.nclCreateContext(properties.address(), 1, devices.address(), 0, 0, e));
    }
  }

  /**
   * Gives a context back.
   *
   * @param context its handle
   * @throws ClException if the driver refuses
   */
  public static void releaseContext(long context) throws ClException {
    check(CL10.clReleaseContext(context), "clReleaseContext");
  }

  /**
   * Makes a queue that runs commands in order.
   *
   * @param context of the device
   * @param device its handle
   * @return a handle to release
   * @throws ClException if the driver refuses
   */
  public static long createQueue(long context, long device) throws ClException {
    return made("clCreateCommandQueue", e -> CL10.nclCreateCommandQueue(context, device, 0, e));
  }

  /**
   * Gives a queue back.
   *
   * @param queue its handle
   * @throws ClException if the driver refuses
   */
  public static void releaseQueue(long queue) throws ClException {
    check(CL10.clReleaseCommandQueue(queue), "clReleaseCommandQueue");
  }

  /**
   * Waits for all commands.
   *
   * @param queue its handle
   * @throws ClException if one failed
   */
  public static void finish(long queue) throws ClException {
    check(CL10.clFinish(queue), "clFinish");
  }

  /**
   * Makes a buffer of which kernels may read and write all.
   *
   * @param context of the device
   * @param bytes at least 1
   * @return a handle to release
   * @throws ClException if there is no room
   */
  public static long createBuffer(long context, long bytes) throws ClException {
    return made(
        "clCreateBuffer(%d bytes)".formatted(bytes),
        e -> CL10.nclCreateBuffer(context, CL10.CL_MEM_READ_WRITE, bytes, 0, e));
  }

  /**
   * Takes zeroed memory of the host, whose pages the system makes when they are first touched.
   *
   * @param bytes at least 1
   * @return its address
   * @throws ClException if there is not so much
   */
  public static long hostMemory(long bytes) throws ClException {
    long address = MemoryUtil.nmemCalloc(1, bytes);
    if (address == 0) {
      throw new ClException("calloc(%d bytes)".formatted(bytes), ClException.OUT_OF_HOST_MEMORY);
    }
    return address;
  }

  /**
   * Gives memory of the host back.
   *
   * @param address of {@link #hostMemory}
   */
  public static void freeHostMemory(long address) {
    MemoryUtil.nmemFree(address);
  }

  /**
   * Makes a buffer that lies in memory of the host.
   *
   * @param context of the device
   * @param host its address, for as long as the buffer lives; a CPU works on it in place
   * @param bytes at least 1
   * @return a handle to release
   * @throws ClException if the driver refuses
   */
  public static long createBuffer(long context, long host, long bytes) throws ClException {
    long flags = CL10.CL_MEM_READ_WRITE | CL10.CL_MEM_USE_HOST_PTR;
    return made(
        "clCreateBuffer(%d bytes of the host's)".formatted(bytes),
        e -> CL10.nclCreateBuffer(context, flags, bytes, host, e));
  }

  /**
   * Gives a buffer back, once the commands that use it are done.
   *
   * @param buffer its handle
   * @throws ClException if the driver refuses
   */
  public static void releaseBuffer(long buffer) throws ClException {
    check(CL10.clReleaseMemObject(buffer), "clReleaseMemObject");
  }

  /**
   * Copies from the host, and waits for it.
   *
   * @param queue its handle
   * @param buffer to
   * @param offset in bytes
   * @param host native
   * @throws ClException if the driver refuses
   */
  public static void write(long queue, long buffer, long offset, MemorySegment host)
      throws ClException {
    check(
        CL10.nclEnqueueWriteBuffer(
            queue, buffer, CL10.CL_TRUE, offset, host.byteSize(), host.address(), 0, 0, 0),
        "clEnqueueWriteBuffer(%d bytes)".formatted(host.byteSize()));
  }

  /**
   * Copies to the host, and waits for it.
   *
   * @param queue its handle
   * @param buffer from
   * @param offset in bytes
   * @param host native
   * @throws ClException if the driver refuses, or a command before it failed
   */
  public static void read(long queue, long buffer, long offset, MemorySegment host)
      throws ClException {
    check(
        CL10.nclEnqueueReadBuffer(
            queue, buffer, CL10.CL_TRUE, offset, host.byteSize(), host.address(), 0, 0, 0),
        "clEnqueueReadBuffer(%d bytes)".formatted(host.byteSize()));
  }

  /**
   * Copies within the device.
   *
   * @param queue its handle
   * @param from a buffer
   * @param fromOffset in bytes
   * @param to a buffer; the same one if the ranges do not overlap
   * @param toOffset in bytes
   * @param bytes at least 1
   * @throws ClException if the driver refuses
   */
  public static void copy(
      long queue, long from, long fromOffset, long to, long toOffset, long bytes)
      throws ClException {
    check(
        CL10.nclEnqueueCopyBuffer(queue, from, to, fromOffset, toOffset, bytes, 0, 0, 0),
        "clEnqueueCopyBuffer(%d bytes)".formatted(bytes));
  }

  /**
   * Repeats a pattern.
   *
   * @param queue its handle
   * @param buffer to
   * @param offset in bytes, a multiple of the pattern's size
   * @param bytes a multiple of the pattern's size, at least 1
   * @param pattern its low bytes
   * @param width 1, 2, 4 or 8
   * @throws ClException if the driver refuses
   */
  public static void fill(long queue, long buffer, long offset, long bytes, long pattern, int width)
      throws ClException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocateFrom(ValueLayout.JAVA_LONG, pattern);
      check(
          CL12.nclEnqueueFillBuffer(queue, buffer, from.address(), width, offset, bytes, 0, 0, 0),
          "clEnqueueFillBuffer(%d bytes)".formatted(bytes));
    }
  }

  /**
   * Makes an event of the end of all commands so far, and has the device begin them.
   *
   * @param queue its handle
   * @return a handle to release
   * @throws ClException if the driver refuses
   */
  public static long marker(long queue) throws ClException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment event = arena.allocate(ValueLayout.JAVA_LONG);
      check(
          CL12.nclEnqueueMarkerWithWaitList(queue, 0, 0, event.address()),
          "clEnqueueMarkerWithWaitList");
      check(CL10.clFlush(queue), "clFlush");
      return event.get(ValueLayout.JAVA_LONG, 0);
    }
  }

  /**
   * Whether an event has come; does not wait.
   *
   * @param event its handle
   * @return false while commands before it run
   * @throws ClException if one of them failed
   */
  public static boolean isComplete(long event) throws ClException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment status = arena.allocate(ValueLayout.JAVA_INT);
      check(
          CL10.nclGetEventInfo(
              event, CL10.CL_EVENT_COMMAND_EXECUTION_STATUS, 4, status.address(), 0),
          "clGetEventInfo");
      int is = status.get(ValueLayout.JAVA_INT, 0);
      if (is < 0) {
        throw new ClException("commands of the queue", is);
      }
      return is == CL10.CL_COMPLETE;
    }
  }

  /**
   * Gives an event back.
   *
   * @param event its handle
   * @throws ClException if the driver refuses
   */
  public static void releaseEvent(long event) throws ClException {
    check(CL10.clReleaseEvent(event), "clReleaseEvent");
  }

  static long createProgram(long context, String source) throws ClException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(source);
      MemorySegment texts = arena.allocateFrom(ValueLayout.JAVA_LONG, text.address());
      return made(
          "clCreateProgramWithSource",
          e -> CL10.nclCreateProgramWithSource(context, 1, texts.address(), 0, e));
    }
  }

  static long createProgram(long context, long device, byte[] binary) throws ClException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment image = arena.allocateFrom(ValueLayout.JAVA_BYTE, binary);
      MemorySegment images = arena.allocateFrom(ValueLayout.JAVA_LONG, image.address());
      MemorySegment sizes = arena.allocateFrom(ValueLayout.JAVA_LONG, binary.length);
      MemorySegment devices = arena.allocateFrom(ValueLayout.JAVA_LONG, device);
      MemorySegment status = arena.allocate(ValueLayout.JAVA_INT);
      return made(
          "clCreateProgramWithBinary",
          e ->
              CL10.nclCreateProgramWithBinary(
                  context,
                  1,
                  devices.address(),
                  sizes.address(),
                  images.address(),
                  status.address(),
                  e));
    }
  }

  /** Builds; what the compiler says of an error is in the exception's message. */
  static void build(long program, long device, String options, String name) throws ClException {
    int code;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment devices = arena.allocateFrom(ValueLayout.JAVA_LONG, device);
      MemorySegment text = arena.allocateFrom(options);
      code = CL10.nclBuildProgram(program, 1, devices.address(), text.address(), 0, 0);
    }
    if (code != CL10.CL_SUCCESS) {
      String log = code == ClException.BUILD_PROGRAM_FAILURE ? buildLog(program, device) : "";
      throw new ClException("clBuildProgram(%s, %s)".formatted(name, options), code, log);
    }
  }

  private static String buildLog(long program, long device) throws ClException {
    return text(
        bytes(
            "clGetProgramBuildInfo",
            (n, to, size) ->
                CL10.nclGetProgramBuildInfo(
                    program, device, CL10.CL_PROGRAM_BUILD_LOG, n, to, size)));
  }

  /** What a program of one device was built to; empty if the driver does not tell. */
  static byte[] binary(long program) throws ClException {
    String call = "clGetProgramInfo";
    long bytes =
        number(
            bytes(
                call,
                (n, to, size) ->
                    CL10.nclGetProgramInfo(program, CL10.CL_PROGRAM_BINARY_SIZES, n, to, size)));
    if (bytes == 0) {
      return new byte[0];
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment image = arena.allocate(bytes);
      MemorySegment images = arena.allocateFrom(ValueLayout.JAVA_LONG, image.address());
      check(
          CL10.nclGetProgramInfo(program, CL10.CL_PROGRAM_BINARIES, 8, images.address(), 0), call);
      return image.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /**
   * Gives a program back.
   *
   * @param program its handle
   * @throws ClException if the driver refuses
   */
  public static void releaseProgram(long program) throws ClException {
    check(CL10.clReleaseProgram(program), "clReleaseProgram");
  }

  /**
   * A kernel of a program.
   *
   * @param program built
   * @param name its name in the source
   * @return a handle to release
   * @throws ClException if there is none of that name
   */
  public static long createKernel(long program, String name) throws ClException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(name);
      return made(
          "clCreateKernel(%s)".formatted(name),
          e -> CL10.nclCreateKernel(program, text.address(), e));
    }
  }

  /**
   * How many arguments a kernel takes.
   *
   * @param kernel its handle
   * @return at least 0
   * @throws ClException if the driver refuses
   */
  public static int numArgs(long kernel) throws ClException {
    return (int)
        number(
            bytes(
                "clGetKernelInfo",
                (n, to, size) ->
                    CL10.nclGetKernelInfo(kernel, CL10.CL_KERNEL_NUM_ARGS, n, to, size)));
  }

  /**
   * Gives a kernel back.
   *
   * @param kernel its handle
   * @throws ClException if the driver refuses
   */
  public static void releaseKernel(long kernel) throws ClException {
    check(CL10.clReleaseKernel(kernel), "clReleaseKernel");
  }

  /**
   * Sets an argument of the next launch of a kernel.
   *
   * @param kernel its handle
   * @param index from 0
   * @param bytes its size
   * @param address where it lies on the host; 0 for local memory
   * @throws ClException if the kernel takes another
   */
  public static void setArg(long kernel, int index, long bytes, long address) throws ClException {
    int code = CL10.nclSetKernelArg(kernel, index, bytes, address);
    if (code != CL10.CL_SUCCESS) {
      throw new ClException("clSetKernelArg(%d, %d bytes)".formatted(index, bytes), code);
    }
  }

  /**
   * Launches a kernel over three axes.
   *
   * @param queue its handle
   * @param kernel its arguments set
   * @param global address of three counts of work-items
   * @param local address of three sizes of a work-group
   * @throws ClException if the driver refuses
   */
  public static void launch(long queue, long kernel, long global, long local) throws ClException {
    int code = CL10.nclEnqueueNDRangeKernel(queue, kernel, 3, 0, global, local, 0, 0, 0);
    check(code, "clEnqueueNDRangeKernel");
  }
}
