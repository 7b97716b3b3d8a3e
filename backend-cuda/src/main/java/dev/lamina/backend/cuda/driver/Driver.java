package dev.lamina.backend.cuda.driver;

import java.lang.foreign.MemorySegment;
import java.util.HexFormat;

/**
 * The part of the CUDA driver API that the backend uses, in Java's terms: the one seam between it
 * and NVIDIA's driver.
 *
 * <p>Handles (contexts, streams, events, modules, functions, graphs) and device addresses are
 * longs; host memory is a {@link MemorySegment} outside of the Java heap. Sizes are bytes unless a
 * name says otherwise. Every method throws a {@link CudaException} if the driver reports a failure,
 * with the call, the result's number and name.
 *
 * <p>Thread-safe. Whatever touches a device works on the calling thread's current context: call
 * {@link #use} first on each thread. Calls whose names end in {@code Async}, and launches, return
 * before the work is done; host memory that they name must stay alive until then, and a failure of
 * the work shows in a later call. FFM downcalls pin a virtual thread's carrier: call from platform
 * threads.
 */
public interface Driver {
  /** Flag of {@link #memHostAlloc} and {@link #memHostRegister}: pinned for every context. */
  int HOST_PORTABLE = 1;

  /** Flag of the same: the device may address the memory. */
  int HOST_DEVICEMAP = 2;

  /** Flag of {@link #memHostAlloc}: not cached by the CPU, which should only write it. */
  int HOST_WRITECOMBINED = 4;

  /** Flag of {@link #memHostRegister}: mapped read-only, as a checkpoint's file is. */
  int HOST_REGISTER_READ_ONLY = 8;

  // The driver, devices and contexts.

  /**
   * Which binding this is.
   *
   * @return for people
   */
  String name();

  /**
   * Whether {@link #launch} honours {@link LaunchConfig#pdl} and {@link LaunchConfig#cluster}.
   * Where it does not, it launches without programmatic dependence and refuses clusters, and {@link
   * #tensorMapEncodeTiled} is refused.
   *
   * @return false for a binding of a driver API older than {@code cuLaunchKernelEx}
   */
  boolean hasLaunchAttributes();

  /**
   * Initializes the driver in this process; again does nothing.
   *
   * @throws CudaException without a device, permission or a working driver
   */
  void init() throws CudaException;

  /**
   * The newest CUDA version that the driver speaks. Works before {@link #init}.
   *
   * @return 1000 times the major version and 10 times the minor
   */
  int driverVersion() throws CudaException;

  /**
   * Number of devices.
   *
   * @return 0 or more
   */
  int deviceCount() throws CudaException;

  /**
   * A device's handle.
   *
   * @param ordinal from 0
   * @return the handle
   * @throws CudaException if there is none
   */
  int device(int ordinal) throws CudaException;

  /**
   * A device's product name.
   *
   * @param device the handle
   * @return for people
   */
  String deviceName(int device) throws CudaException;

  /**
   * A fact of a device.
   *
   * @param device the handle
   * @param attribute which
   * @return the value in the attribute's unit
   */
  int deviceAttribute(int device, DeviceAttribute attribute) throws CudaException;

  /**
   * Memory of a device.
   *
   * @param device the handle
   * @return bytes
   */
  long deviceTotalMem(int device) throws CudaException;

  /**
   * What tells a device from every other.
   *
   * @param device the handle
   * @return as {@code nvidia-smi -L} prints it
   */
  String deviceUuid(int device) throws CudaException;

  /**
   * A UUID as nvidia-smi writes it.
   *
   * @param bytes the 16 of {@code CUuuid}
   * @return {@code GPU-} and 8, 4, 4, 4 and 12 hexadecimal digits
   */
  static String uuid(byte[] bytes) {
    String hex = HexFormat.of().formatHex(bytes);
    return "GPU-"
        + String.join(
            "-",
            hex.substring(0, 8),
            hex.substring(8, 12),
            hex.substring(12, 16),
            hex.substring(16, 20),
            hex.substring(20));
  }

  /**
   * Makes or takes the device's primary context, which the runtime API shares.
   *
   * @param device the handle
   * @return the context; {@link #primaryContextRelease} gives it back
   */
  long primaryContextRetain(int device) throws CudaException;

  /**
   * Gives the primary context back; the last one destroys it with all that it holds.
   *
   * @param device the handle
   */
  void primaryContextRelease(int device) throws CudaException;

  /**
   * Makes a context current on the calling thread. Cheap: well under a microsecond.
   *
   * @param context the context, 0 for none
   */
  void use(long context) throws CudaException;

  /**
   * Waits for all work of the current context.
   *
   * @throws CudaException if that work failed
   */
  void contextSynchronize() throws CudaException;

  // Memory.

  /**
   * Memory of the current context's device that is free.
   *
   * @return bytes
   */
  long memFreeBytes() throws CudaException;

  /**
   * Allocates device memory, aligned to at least 256 bytes.
   *
   * @param bytes at least 1
   * @return the device address
   * @throws CudaException out of memory, if there is not as much
   */
  long memAlloc(long bytes) throws CudaException;

  /**
   * Frees device memory; waits for work that may use it.
   *
   * @param address from {@link #memAlloc}
   * @throws CudaException if it is none
   */
  void memFree(long address) throws CudaException;

  /**
   * Allocates pinned host memory.
   *
   * @param bytes at least 1
   * @param flags {@code HOST_...}
   * @return the memory, alive until {@link #memFreeHost}
   * @throws CudaException out of memory, if there is not as much
   */
  MemorySegment memHostAlloc(long bytes, int flags) throws CudaException;

  /**
   * Frees pinned host memory.
   *
   * @param memory from {@link #memHostAlloc}
   * @throws CudaException if it is none
   */
  void memFreeHost(MemorySegment memory) throws CudaException;

  /**
   * Pins host memory that is there already.
   *
   * @param memory any, such as a window of a mapped file
   * @param flags {@code HOST_...}; a read-only mapping needs {@link #HOST_REGISTER_READ_ONLY}
   * @throws CudaException if it can't be pinned
   */
  void memHostRegister(MemorySegment memory, int flags) throws CudaException;

  /**
   * Undoes {@link #memHostRegister}.
   *
   * @param memory what was registered
   * @throws CudaException if it was not
   */
  void memHostUnregister(MemorySegment memory) throws CudaException;

  /**
   * Where the device sees pinned host memory.
   *
   * @param memory from {@link #memHostAlloc}, or registered, with {@link #HOST_DEVICEMAP}
   * @return the device address of its first byte
   * @throws CudaException if it is not mapped
   */
  long memHostGetDevicePointer(MemorySegment memory) throws CudaException;

  /**
   * Copies host memory to the device; of pageable memory the driver may copy a part first.
   *
   * @param to device address
   * @param from the bytes to copy, all of them
   * @param stream in whose order
   */
  void memcpyHtoDAsync(long to, MemorySegment from, long stream) throws CudaException;

  /**
   * Copies device memory to the host.
   *
   * @param to the bytes to fill, all of them
   * @param from device address
   * @param stream in whose order
   */
  void memcpyDtoHAsync(MemorySegment to, long from, long stream) throws CudaException;

  /**
   * Copies device memory to device memory.
   *
   * @param to device address
   * @param from device address; the two ranges do not overlap
   * @param bytes how many
   * @param stream in whose order
   */
  void memcpyDtoDAsync(long to, long from, long bytes, long stream) throws CudaException;

  /**
   * Copies device memory to the host and waits.
   *
   * @param to the bytes to fill, all of them
   * @param from device address
   */
  void memcpyDtoH(MemorySegment to, long from) throws CudaException;

  /**
   * Fills device memory with a byte.
   *
   * @param to device address
   * @param value the byte
   * @param count how many bytes
   * @param stream in whose order
   */
  void memsetD8Async(long to, byte value, long count, long stream) throws CudaException;

  /**
   * Fills device memory with a 16-bit value.
   *
   * @param to device address, a multiple of 2
   * @param value the value
   * @param count how many values
   * @param stream in whose order
   */
  void memsetD16Async(long to, short value, long count, long stream) throws CudaException;

  /**
   * Fills device memory with a 32-bit value.
   *
   * @param to device address, a multiple of 4
   * @param value the value
   * @param count how many values
   * @param stream in whose order
   */
  void memsetD32Async(long to, int value, long count, long stream) throws CudaException;

  // Streams and events.

  /**
   * Makes a stream that does not wait for the default stream.
   *
   * @return the stream
   */
  long streamCreate() throws CudaException;

  /**
   * Destroys a stream once its work is done; does not wait.
   *
   * @param stream the stream
   */
  void streamDestroy(long stream) throws CudaException;

  /**
   * Waits for all work of a stream.
   *
   * @param stream the stream
   * @throws CudaException if that work failed
   */
  void streamSynchronize(long stream) throws CudaException;

  /**
   * Whether all work of a stream is done.
   *
   * @param stream the stream
   * @return false while it runs
   * @throws CudaException if that work failed
   */
  boolean streamQuery(long stream) throws CudaException;

  /**
   * Makes a stream's later work wait for an event.
   *
   * @param stream the stream
   * @param event an event; if it was never recorded there is nothing to wait for
   */
  void streamWaitEvent(long stream, long event) throws CudaException;

  /**
   * Makes an event.
   *
   * @param timing whether {@link #eventElapsedMillis} will be asked, which makes it dearer
   * @return the event
   */
  long eventCreate(boolean timing) throws CudaException;

  /**
   * Destroys an event.
   *
   * @param event the event
   */
  void eventDestroy(long event) throws CudaException;

  /**
   * Lets an event stand for the work in a stream up to here.
   *
   * @param event the event
   * @param stream the stream
   */
  void eventRecord(long event, long stream) throws CudaException;

  /**
   * Whether the work that an event stands for is done.
   *
   * @param event the event
   * @return false while it runs
   * @throws CudaException if that work failed
   */
  boolean eventQuery(long event) throws CudaException;

  /**
   * Waits for the work that an event stands for.
   *
   * @param event the event
   * @throws CudaException if that work failed
   */
  void eventSynchronize(long event) throws CudaException;

  /**
   * Time between two events that are done.
   *
   * @param start an event with timing
   * @param end an event with timing
   * @return milliseconds, to about half a microsecond
   * @throws CudaException if one is not done
   */
  float eventElapsedMillis(long start, long end) throws CudaException;

  // Kernels.

  /**
   * Loads a cubin, PTX or fat binary into the current context.
   *
   * @param image the bytes; PTX ends in a zero byte
   * @return the module
   * @throws CudaException if it is not for this GPU
   */
  long moduleLoad(MemorySegment image) throws CudaException;

  /**
   * Unloads a module.
   *
   * @param module the module
   */
  void moduleUnload(long module) throws CudaException;

  /**
   * A module's kernel.
   *
   * @param module the module
   * @param name of an {@code extern "C"} kernel
   * @return the function
   * @throws CudaException if there is none of this name
   */
  long moduleGetFunction(long module, String name) throws CudaException;

  /**
   * A fact or setting of a kernel.
   *
   * @param function the kernel
   * @param attribute which
   * @return the value in the attribute's unit
   */
  int functionAttribute(long function, FunctionAttribute attribute) throws CudaException;

  /**
   * Sets a setting of a kernel.
   *
   * @param function the kernel
   * @param attribute one that may be set
   * @param value in the attribute's unit
   * @throws CudaException if the value is out of range
   */
  void setFunctionAttribute(long function, FunctionAttribute attribute, int value)
      throws CudaException;

  /**
   * How many blocks of a kernel are resident on one multiprocessor at once.
   *
   * @param function the kernel
   * @param blockSize threads of a block
   * @param dynamicSharedBytes of a block
   * @return 0 or more
   */
  int maxActiveBlocks(long function, int blockSize, long dynamicSharedBytes) throws CudaException;

  /**
   * Launches a kernel.
   *
   * @param function the kernel
   * @param config where, how wide, with which arguments; as many as the kernel has parameters
   * @throws CudaException if the launch is refused, or work before it failed
   */
  void launch(long function, LaunchConfig config) throws CudaException;

  /**
   * Describes a tiled tensor to the tensor memory accelerator (compute capability 9.0 or newer).
   *
   * @param map 128 bytes of host memory, aligned to 64, to be filled; a kernel takes them by value
   * @param tensor what it describes
   * @throws CudaException if the tensor breaks one of the accelerator's rules
   */
  void tensorMapEncodeTiled(MemorySegment map, TensorMap tensor) throws CudaException;

  // Graphs.

  /**
   * Turns a stream's later work into nodes of a graph instead of running it. Calls of this thread
   * that may not be captured fail; other threads go on.
   *
   * @param stream the stream, not the default one
   */
  void streamBeginCapture(long stream) throws CudaException;

  /**
   * Ends the capture.
   *
   * @param stream the stream
   * @return the graph
   * @throws CudaException if something in between can't be captured
   */
  long streamEndCapture(long stream) throws CudaException;

  /**
   * Whether a stream is being captured.
   *
   * @param stream the stream
   * @return true from begin to end, also if the capture has failed
   */
  boolean streamIsCapturing(long stream) throws CudaException;

  /**
   * The nodes of a graph.
   *
   * @param graph the graph
   * @return in no promised order; of one captured stream, in the order of capture
   */
  long[] graphNodes(long graph) throws CudaException;

  /**
   * Whether a node launches a kernel.
   *
   * @param node the node
   * @return false for copies, fills, events and the like
   */
  boolean graphNodeIsKernel(long node) throws CudaException;

  /**
   * Makes a graph executable.
   *
   * @param graph the graph; must live as long as {@link #graphExecSetKernel} names its nodes
   * @return the executable graph
   */
  long graphInstantiate(long graph) throws CudaException;

  /**
   * Uploads an executable graph, so that its first launch is as quick as the others.
   *
   * @param exec the executable graph
   * @param stream in whose order
   */
  void graphUpload(long exec, long stream) throws CudaException;

  /**
   * Launches an executable graph.
   *
   * @param exec the executable graph
   * @param stream in whose order
   * @throws CudaException if the launch is refused, or work before it failed
   */
  void graphLaunch(long exec, long stream) throws CudaException;

  /**
   * Takes over another graph's arguments and sizes, for later launches.
   *
   * @param exec the executable graph
   * @param graph of the same nodes and edges
   * @return whether it did; if not, instantiate anew
   * @throws CudaException for any other failure
   */
  boolean graphExecUpdate(long exec, long graph) throws CudaException;

  /**
   * Changes one launch of an executable graph, for later launches of it.
   *
   * @param exec the executable graph
   * @param node the node of the graph that it was made of
   * @param function the kernel
   * @param config sizes and arguments; its stream, PDL and cluster are not used
   */
  void graphExecSetKernel(long exec, long node, long function, LaunchConfig config)
      throws CudaException;

  /**
   * Destroys an executable graph; launches that run go on.
   *
   * @param exec the executable graph
   */
  void graphExecDestroy(long exec) throws CudaException;

  /**
   * Destroys a graph.
   *
   * @param graph the graph
   */
  void graphDestroy(long graph) throws CudaException;
}
