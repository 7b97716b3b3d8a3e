package dev.lamina.backend.rocm.driver;

import dev.lamina.backend.rocm.generated.HipNative;
import dev.lamina.backend.rocm.library.HipLibrary;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * The part of HIP's runtime that the backend uses, in Java's terms.
 *
 * <p>Handles (streams, events, modules, functions, graphs) and device addresses are longs; host
 * memory is a {@link MemorySegment} outside of the Java heap. Sizes are bytes. A device is its
 * ordinal. Every method throws a {@link HipException} if HIP reports a failure, with the call, the
 * result's number and name.
 *
 * <p>Thread-safe. Whatever touches a device works on the calling thread's current one: call {@link
 * #setDevice} first on each thread. Calls whose names end in {@code Async}, and launches, return
 * before the work is done; host memory that they name must stay alive until then, and a failure of
 * the work shows in a later call. Downcalls pin a virtual thread's carrier: call from platform
 * threads.
 */
public final class Hip {
  /** Flags of pinned memory that every device may address: portable, mapped. */
  private static final int HOST_FLAGS = 1 | 2;

  private static final int STREAM_NON_BLOCKING = 1;
  private static final int EVENT_DISABLE_TIMING = 2;
  private static final int CAPTURE_THREAD_LOCAL = 1;
  private static final int TEXT_BYTES = 4096;
  private static final int NAME_BYTES = 256;

  /** Facts of a device, by their numbers in {@code hipDeviceAttribute_t} of HIP 5 to 7. */
  enum Attribute {
    MEMORY_BUS_WIDTH(59),
    MEMORY_CLOCK_RATE(60),
    MULTIPROCESSOR_COUNT(63),
    MAX_SHARED_MEMORY_PER_BLOCK(74),
    WARP_SIZE(87);

    final int number;

    Attribute(int number) {
      this.number = number;
    }
  }

  /** {@code hipDeviceProp_t}, of which the architecture's name alone is read. */
  enum Properties {
    /** Of HIP 5. */
    OLD(792, 396),
    /** {@code hipDeviceProp_tR0600} of HIP 6 and 7. */
    R0600(1472, 1160);

    final int bytes;
    final int archOffset;

    Properties(int bytes, int archOffset) {
      this.bytes = bytes;
      this.archOffset = archOffset;
    }
  }

  private final HipLibrary library;

  /**
   * The runtime in a library.
   *
   * @param library that of this process
   */
  public Hip(HipLibrary library) {
    this.library = library;
  }

  /** The library's name, for people. */
  String libraryName() {
    return library.name();
  }

  private static MemorySegment at(long address) {
    return MemorySegment.ofAddress(address);
  }

  private static void check(String call, int result) throws HipException {
    if (result != 0) {
      throw failure(call, result);
    }
  }

  /** The same, with what the function was asked for, which is written only if it failed. */
  private static void check(String call, long bytes, int result) throws HipException {
    if (result != 0) {
      throw failure(call + "(" + bytes + " bytes)", result);
    }
  }

  private static HipException failure(String call, int result) {
    return new HipException(
        call,
        result,
        text(HipNative.hipGetErrorName(result)),
        text(HipNative.hipGetErrorString(result)),
        HipException.Kind.of(result));
  }

  @SuppressWarnings("restricted")
  private static String text(MemorySegment words) {
    return words.address() == 0
        ? "no description"
        : words.reinterpret(TEXT_BYTES).getString(0, StandardCharsets.UTF_8);
  }

  // The runtime and devices.

  /** Initializes the runtime in this process; again does nothing. */
  void init() throws HipException {
    check("hipInit", HipNative.hipInit(0));
  }

  /** HIP's version: 10,000,000 times the major, 100,000 times the minor, and the patch. */
  int version() throws HipException {
    try (Out out = new Out()) {
      check("hipRuntimeGetVersion", HipNative.hipRuntimeGetVersion(out.memory()));
      return out.asInt();
    }
  }

  int deviceCount() throws HipException {
    try (Out out = new Out()) {
      check("hipGetDeviceCount", HipNative.hipGetDeviceCount(out.memory()));
      return out.asInt();
    }
  }

  String deviceName(int device) throws HipException {
    try (Out out = new Out(NAME_BYTES)) {
      check("hipDeviceGetName", HipNative.hipDeviceGetName(out.memory(), NAME_BYTES, device));
      return out.asString(0);
    }
  }

  int deviceAttribute(int device, Attribute attribute) throws HipException {
    try (Out out = new Out()) {
      check(
          "hipDeviceGetAttribute(" + attribute + ")",
          HipNative.hipDeviceGetAttribute(out.memory(), attribute.number, device));
      return out.asInt();
    }
  }

  long deviceTotalMem(int device) throws HipException {
    try (Out out = new Out()) {
      check("hipDeviceTotalMem", HipNative.hipDeviceTotalMem(out.memory(), device));
      return out.asLong();
    }
  }

  /** What the device's code is compiled for, with its features, as {@code gfx90a:sramecc+}. */
  String deviceArch(int device) throws HipException {
    Properties known =
        library.has("hipGetDevicePropertiesR0600") ? Properties.R0600 : Properties.OLD;
    try (Out out = new Out(known.bytes)) {
      check(
          "hipGetDeviceProperties",
          known == Properties.R0600
              ? HipNative.hipGetDevicePropertiesR0600(out.memory(), device)
              : HipNative.hipGetDeviceProperties(out.memory(), device));
      return out.asString(known.archOffset);
    }
  }

  /**
   * Makes a device the calling thread's current one. Cheap.
   *
   * @param device its ordinal
   * @throws HipException if there is none
   */
  public void setDevice(int device) throws HipException {
    check("hipSetDevice", HipNative.hipSetDevice(device));
  }

  // Memory.

  /**
   * Allocates device memory, aligned to at least 256 bytes.
   *
   * @param bytes at least 1
   * @return the device address
   * @throws HipException out of memory, if there is not as much
   */
  public long malloc(long bytes) throws HipException {
    try (Out out = new Out()) {
      check("hipMalloc", bytes, HipNative.hipMalloc(out.memory(), bytes));
      return out.asLong();
    }
  }

  /**
   * Frees device memory; waits for work that may use it.
   *
   * @param address from {@link #malloc}
   * @throws HipException if it is none
   */
  public void free(long address) throws HipException {
    check("hipFree", HipNative.hipFree(at(address)));
  }

  /**
   * Allocates pinned host memory that devices may address.
   *
   * @param bytes at least 1
   * @return the memory, alive until {@link #hostFree}
   * @throws HipException out of memory, if there is not as much
   */
  @SuppressWarnings("restricted")
  public MemorySegment hostMalloc(long bytes) throws HipException {
    try (Out out = new Out()) {
      check("hipHostMalloc", bytes, HipNative.hipHostMalloc(out.memory(), bytes, HOST_FLAGS));
      return out.asPointer().reinterpret(bytes);
    }
  }

  /**
   * Frees pinned host memory.
   *
   * @param memory from {@link #hostMalloc}
   * @throws HipException if it is none
   */
  public void hostFree(MemorySegment memory) throws HipException {
    check("hipHostFree", HipNative.hipHostFree(memory));
  }

  /**
   * Where the device sees pinned host memory.
   *
   * @param memory from {@link #hostMalloc}
   * @return the device address of its first byte
   * @throws HipException if it is not mapped
   */
  public long hostDevicePointer(MemorySegment memory) throws HipException {
    try (Out out = new Out()) {
      check("hipHostGetDevicePointer", HipNative.hipHostGetDevicePointer(out.memory(), memory, 0));
      return out.asLong();
    }
  }

  /**
   * Copies pinned host memory to the device.
   *
   * @param to device address
   * @param from the bytes to copy, all of them
   * @param stream in whose order
   * @throws HipException if HIP refuses
   */
  public void copyToDeviceAsync(long to, MemorySegment from, long stream) throws HipException {
    long bytes = from.byteSize();
    check(
        "hipMemcpyHtoDAsync", bytes, HipNative.hipMemcpyHtoDAsync(at(to), from, bytes, at(stream)));
  }

  /**
   * Copies device memory to pinned host memory.
   *
   * @param to the bytes to fill, all of them
   * @param from device address
   * @param stream in whose order
   * @throws HipException if HIP refuses
   */
  public void copyToHostAsync(MemorySegment to, long from, long stream) throws HipException {
    long bytes = to.byteSize();
    check(
        "hipMemcpyDtoHAsync", bytes, HipNative.hipMemcpyDtoHAsync(to, at(from), bytes, at(stream)));
  }

  /**
   * Copies device memory to device memory.
   *
   * @param to device address
   * @param from device address; the two ranges do not overlap
   * @param bytes how many
   * @param stream in whose order
   * @throws HipException if HIP refuses
   */
  public void copyAsync(long to, long from, long bytes, long stream) throws HipException {
    check(
        "hipMemcpyDtoDAsync",
        bytes,
        HipNative.hipMemcpyDtoDAsync(at(to), at(from), bytes, at(stream)));
  }

  /**
   * Fills device memory with a byte.
   *
   * @param to device address
   * @param value the byte
   * @param bytes how many
   * @param stream in whose order
   * @throws HipException if HIP refuses
   */
  public void fillAsync(long to, byte value, long bytes, long stream) throws HipException {
    check("hipMemsetD8Async", bytes, HipNative.hipMemsetD8Async(at(to), value, bytes, at(stream)));
  }

  /**
   * Fills device memory with a 32-bit value.
   *
   * @param to device address, a multiple of 4
   * @param value the value
   * @param count how many values
   * @param stream in whose order
   * @throws HipException if HIP refuses
   */
  public void fillIntsAsync(long to, int value, long count, long stream) throws HipException {
    check(
        "hipMemsetD32Async",
        4 * count,
        HipNative.hipMemsetD32Async(at(to), value, count, at(stream)));
  }

  // Streams and events.

  /**
   * Makes a stream that does not wait for the default stream.
   *
   * @return the stream
   * @throws HipException if HIP refuses
   */
  public long streamCreate() throws HipException {
    try (Out out = new Out()) {
      check(
          "hipStreamCreateWithFlags",
          HipNative.hipStreamCreateWithFlags(out.memory(), STREAM_NON_BLOCKING));
      return out.asLong();
    }
  }

  /**
   * Destroys a stream.
   *
   * @param stream the stream, whose work is done
   * @throws HipException if it is none
   */
  public void streamDestroy(long stream) throws HipException {
    check("hipStreamDestroy", HipNative.hipStreamDestroy(at(stream)));
  }

  /**
   * Waits for all work of a stream.
   *
   * @param stream the stream
   * @throws HipException if that work failed
   */
  public void streamSynchronize(long stream) throws HipException {
    check("hipStreamSynchronize", HipNative.hipStreamSynchronize(at(stream)));
  }

  /**
   * Makes an event that keeps no time.
   *
   * @return the event
   * @throws HipException if HIP refuses
   */
  public long eventCreate() throws HipException {
    try (Out out = new Out()) {
      check(
          "hipEventCreateWithFlags",
          HipNative.hipEventCreateWithFlags(out.memory(), EVENT_DISABLE_TIMING));
      return out.asLong();
    }
  }

  /**
   * Destroys an event.
   *
   * @param event the event
   * @throws HipException if it is none
   */
  public void eventDestroy(long event) throws HipException {
    check("hipEventDestroy", HipNative.hipEventDestroy(at(event)));
  }

  /**
   * Lets an event stand for the work in a stream up to here.
   *
   * @param event the event
   * @param stream the stream
   * @throws HipException if HIP refuses
   */
  public void eventRecord(long event, long stream) throws HipException {
    check("hipEventRecord", HipNative.hipEventRecord(at(event), at(stream)));
  }

  /**
   * Whether the work that an event stands for is done.
   *
   * @param event the event
   * @return false while it runs
   * @throws HipException if that work failed
   */
  public boolean eventQuery(long event) throws HipException {
    int result = HipNative.hipEventQuery(at(event));
    if (result == HipException.NOT_READY) {
      return false;
    }
    check("hipEventQuery", result);
    return true;
  }

  /**
   * Waits for the work that an event stands for.
   *
   * @param event the event
   * @throws HipException if that work failed
   */
  public void eventSynchronize(long event) throws HipException {
    check("hipEventSynchronize", HipNative.hipEventSynchronize(at(event)));
  }

  // Kernels.

  /**
   * Loads a code object onto the current device.
   *
   * @param image its bytes
   * @return the module
   * @throws HipException if it is not for this GPU
   */
  public long moduleLoad(MemorySegment image) throws HipException {
    try (Out out = new Out()) {
      check(
          "hipModuleLoadData", image.byteSize(), HipNative.hipModuleLoadData(out.memory(), image));
      return out.asLong();
    }
  }

  /**
   * Unloads a module.
   *
   * @param module the module
   * @throws HipException if it is none
   */
  public void moduleUnload(long module) throws HipException {
    check("hipModuleUnload", HipNative.hipModuleUnload(at(module)));
  }

  /**
   * A module's kernel.
   *
   * @param module the module
   * @param name of an {@code extern "C"} kernel
   * @return the function
   * @throws HipException if there is none of this name
   */
  public long moduleGetFunction(long module, String name) throws HipException {
    try (Out out = new Out()) {
      check(
          "hipModuleGetFunction(" + name + ")",
          HipNative.hipModuleGetFunction(out.memory(), at(module), out.string(name)));
      return out.asLong();
    }
  }

  /**
   * Launches a kernel.
   *
   * @param function the kernel
   * @param grid thread blocks, x to z
   * @param threads of a block
   * @param sharedBytes dynamic shared memory of a block
   * @param stream in whose order
   * @param arguments pointers to the arguments, as many as the kernel has
   * @throws HipException if the launch is refused, or work before it failed
   */
  public void launch(
      long function, Grid grid, int threads, int sharedBytes, long stream, MemorySegment arguments)
      throws HipException {
    int result =
        HipNative.hipModuleLaunchKernel(
            at(function),
            grid.x,
            grid.y,
            grid.z,
            threads,
            1,
            1,
            sharedBytes,
            at(stream),
            arguments,
            MemorySegment.NULL);
    if (result != 0) {
      String what = "%s, %d threads, %d bytes shared".formatted(grid, threads, sharedBytes);
      throw failure("hipModuleLaunchKernel(" + what + ")", result);
    }
  }

  /**
   * Thread blocks of a launch.
   *
   * @param x at least 1
   * @param y at least 1
   * @param z at least 1
   */
  public record Grid(int x, int y, int z) {}

  // Graphs.

  /**
   * Turns a stream's later work into nodes of a graph instead of running it. Calls of this thread
   * that may not be captured fail; other threads go on.
   *
   * @param stream the stream
   * @throws HipException if HIP refuses
   */
  public void streamBeginCapture(long stream) throws HipException {
    check(
        "hipStreamBeginCapture", HipNative.hipStreamBeginCapture(at(stream), CAPTURE_THREAD_LOCAL));
  }

  /**
   * Ends the capture.
   *
   * @param stream the stream
   * @return the graph
   * @throws HipException if something in between can't be captured
   */
  public long streamEndCapture(long stream) throws HipException {
    try (Out out = new Out()) {
      check("hipStreamEndCapture", HipNative.hipStreamEndCapture(at(stream), out.memory()));
      return out.asLong();
    }
  }

  /**
   * Makes a graph executable.
   *
   * @param graph the graph
   * @return the executable graph
   * @throws HipException if HIP refuses
   */
  public long graphInstantiate(long graph) throws HipException {
    MemorySegment none = MemorySegment.NULL;
    try (Out out = new Out()) {
      check(
          "hipGraphInstantiate",
          HipNative.hipGraphInstantiate(out.memory(), at(graph), none, none, 0));
      return out.asLong();
    }
  }

  /**
   * Launches a graph.
   *
   * @param exec the executable graph
   * @param stream in whose order
   * @throws HipException if HIP refuses
   */
  public void graphLaunch(long exec, long stream) throws HipException {
    check("hipGraphLaunch", HipNative.hipGraphLaunch(at(exec), at(stream)));
  }

  /**
   * Destroys an executable graph.
   *
   * @param exec the executable graph, which does not run
   * @throws HipException if it is none
   */
  public void graphExecDestroy(long exec) throws HipException {
    check("hipGraphExecDestroy", HipNative.hipGraphExecDestroy(at(exec)));
  }

  /**
   * Destroys a graph.
   *
   * @param graph the graph
   * @throws HipException if it is none
   */
  public void graphDestroy(long graph) throws HipException {
    check("hipGraphDestroy", HipNative.hipGraphDestroy(at(graph)));
  }
}
