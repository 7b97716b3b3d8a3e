package dev.lamina.backend.cuda.driver;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The driver API through {@code java.lang.foreign}: {@code libcuda.so.1} or {@code nvcuda.dll}. */
public final class FfmDriver implements Driver {
  /** What {@code lamina.cuda.binding} calls it. */
  static final String NAME = "ffm";

  private static final int STREAM_NON_BLOCKING = 1;
  private static final int EVENT_DISABLE_TIMING = 2;
  private static final int CAPTURE_MODE_THREAD_LOCAL = 1;
  private static final int NODE_TYPE_KERNEL = 0;
  private static final int UPDATE_INFO_BYTES = 24;
  private static final int NAME_BYTES = 256;
  private static final int TENSOR_MAP_BYTES = 128;
  private static final int TENSOR_MAP_ALIGNMENT = 64;
  private static final int L2_PROMOTION_256B = 3;

  private final DriverCalls calls;

  FfmDriver(NativeLibrary library) {
    calls = new DriverCalls(library);
  }

  /**
   * The driver of this system. Loads the library and calls nothing.
   *
   * @return empty if the system's loader can't open it
   */
  public static Optional<Driver> open() {
    return NativeLibrary.open(sonames()).map(FfmDriver::new);
  }

  static List<String> sonames() {
    return List.of(NativeLibrary.onWindows() ? "nvcuda.dll" : "libcuda.so.1");
  }

  private static long address(MemorySegment host) {
    if (!host.isNative() || !host.scope().isAlive()) {
      throw new IllegalArgumentException(
          "host memory of a CUDA call: expected live memory outside of the Java heap, got " + host);
    }
    return host.address();
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean hasLaunchAttributes() {
    return true;
  }

  @Override
  public void init() throws CudaException {
    calls.run(DriverFunction.cuInit, 0);
  }

  @Override
  public int driverVersion() throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuDriverGetVersion, out.address());
      return out.asInt();
    }
  }

  @Override
  public int deviceCount() throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuDeviceGetCount, out.address());
      return out.asInt();
    }
  }

  @Override
  public int device(int ordinal) throws CudaException {
    try (Scratch out = new Scratch()) {
      int result = calls.result(DriverFunction.cuDeviceGet, out.address(), ordinal);
      calls.check(DriverFunction.cuDeviceGet, result, ordinal);
      return out.asInt();
    }
  }

  @Override
  public String deviceName(int device) throws CudaException {
    try (Scratch out = new Scratch(NAME_BYTES)) {
      calls.run(DriverFunction.cuDeviceGetName, out.address(), NAME_BYTES, device);
      return out.asString();
    }
  }

  @Override
  public int deviceAttribute(int device, DeviceAttribute attribute) throws CudaException {
    try (Scratch out = new Scratch()) {
      int result =
          calls.result(
              DriverFunction.cuDeviceGetAttribute, out.address(), attribute.number(), device);
      calls.check(DriverFunction.cuDeviceGetAttribute, result, attribute);
      return out.asInt();
    }
  }

  @Override
  public long deviceTotalMem(int device) throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuDeviceTotalMem_v2, out.address(), device);
      return out.asLong();
    }
  }

  @Override
  public String deviceUuid(int device) throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuDeviceGetUuid_v2, out.address(), device);
      return Driver.uuid(out.memory().toArray(ValueLayout.JAVA_BYTE));
    }
  }

  @Override
  public long primaryContextRetain(int device) throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuDevicePrimaryCtxRetain, out.address(), device);
      return out.asLong();
    }
  }

  @Override
  public void primaryContextRelease(int device) throws CudaException {
    calls.run(DriverFunction.cuDevicePrimaryCtxRelease_v2, device);
  }

  @Override
  public void use(long context) throws CudaException {
    calls.run(DriverFunction.cuCtxSetCurrent, context);
  }

  @Override
  public void contextSynchronize() throws CudaException {
    calls.run(DriverFunction.cuCtxSynchronize);
  }

  @Override
  public long memFreeBytes() throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuMemGetInfo_v2, out.address(), out.address() + Long.BYTES);
      return out.asLong();
    }
  }

  @Override
  public long memAlloc(long bytes) throws CudaException {
    try (Scratch out = new Scratch()) {
      int result = calls.result(DriverFunction.cuMemAlloc_v2, out.address(), bytes);
      calls.check(DriverFunction.cuMemAlloc_v2, result, new Bytes(bytes));
      return out.asLong();
    }
  }

  @Override
  public void memFree(long address) throws CudaException {
    calls.run(DriverFunction.cuMemFree_v2, address);
  }

  @Override
  public MemorySegment memHostAlloc(long bytes, int flags) throws CudaException {
    try (Scratch out = new Scratch()) {
      int result = calls.result(DriverFunction.cuMemHostAlloc, out.address(), bytes, flags);
      calls.check(DriverFunction.cuMemHostAlloc, result, new Bytes(bytes));
      return DowncallNative.memory(out.asLong(), bytes);
    }
  }

  @Override
  public void memFreeHost(MemorySegment memory) throws CudaException {
    calls.run(DriverFunction.cuMemFreeHost, address(memory));
  }

  @Override
  public void memHostRegister(MemorySegment memory, int flags) throws CudaException {
    long bytes = memory.byteSize();
    int result = calls.result(DriverFunction.cuMemHostRegister_v2, address(memory), bytes, flags);
    calls.check(DriverFunction.cuMemHostRegister_v2, result, new Bytes(bytes));
  }

  @Override
  public void memHostUnregister(MemorySegment memory) throws CudaException {
    calls.run(DriverFunction.cuMemHostUnregister, address(memory));
  }

  @Override
  public long memHostGetDevicePointer(MemorySegment memory) throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuMemHostGetDevicePointer_v2, out.address(), address(memory), 0);
      return out.asLong();
    }
  }

  @Override
  public void memcpyHtoDAsync(long to, MemorySegment from, long stream) throws CudaException {
    calls.run(DriverFunction.cuMemcpyHtoDAsync_v2, to, address(from), from.byteSize(), stream);
    Reference.reachabilityFence(from);
  }

  @Override
  public void memcpyDtoHAsync(MemorySegment to, long from, long stream) throws CudaException {
    calls.run(DriverFunction.cuMemcpyDtoHAsync_v2, address(to), from, to.byteSize(), stream);
    Reference.reachabilityFence(to);
  }

  @Override
  public void memcpyDtoDAsync(long to, long from, long bytes, long stream) throws CudaException {
    calls.run(DriverFunction.cuMemcpyDtoDAsync_v2, to, from, bytes, stream);
  }

  @Override
  public void memcpyDtoH(MemorySegment to, long from) throws CudaException {
    calls.run(DriverFunction.cuMemcpyDtoH_v2, address(to), from, to.byteSize());
    Reference.reachabilityFence(to);
  }

  @Override
  public void memsetD8Async(long to, byte value, long count, long stream) throws CudaException {
    calls.run(DriverFunction.cuMemsetD8Async, to, value, count, stream);
  }

  @Override
  public void memsetD16Async(long to, short value, long count, long stream) throws CudaException {
    calls.run(DriverFunction.cuMemsetD16Async, to, value, count, stream);
  }

  @Override
  public void memsetD32Async(long to, int value, long count, long stream) throws CudaException {
    calls.run(DriverFunction.cuMemsetD32Async, to, value, count, stream);
  }

  @Override
  public long streamCreate() throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuStreamCreate, out.address(), STREAM_NON_BLOCKING);
      return out.asLong();
    }
  }

  @Override
  public void streamDestroy(long stream) throws CudaException {
    calls.run(DriverFunction.cuStreamDestroy_v2, stream);
  }

  @Override
  public void streamSynchronize(long stream) throws CudaException {
    calls.run(DriverFunction.cuStreamSynchronize, stream);
  }

  @Override
  public boolean streamQuery(long stream) throws CudaException {
    int result = calls.result(DriverFunction.cuStreamQuery, stream);
    if (result == CuResult.NOT_READY) {
      return false;
    }
    calls.check(DriverFunction.cuStreamQuery, result);
    return true;
  }

  @Override
  public void streamWaitEvent(long stream, long event) throws CudaException {
    calls.run(DriverFunction.cuStreamWaitEvent, stream, event, 0);
  }

  @Override
  public long eventCreate(boolean timing) throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuEventCreate, out.address(), timing ? 0 : EVENT_DISABLE_TIMING);
      return out.asLong();
    }
  }

  @Override
  public void eventDestroy(long event) throws CudaException {
    calls.run(DriverFunction.cuEventDestroy_v2, event);
  }

  @Override
  public void eventRecord(long event, long stream) throws CudaException {
    calls.run(DriverFunction.cuEventRecord, event, stream);
  }

  @Override
  public boolean eventQuery(long event) throws CudaException {
    int result = calls.result(DriverFunction.cuEventQuery, event);
    if (result == CuResult.NOT_READY) {
      return false;
    }
    calls.check(DriverFunction.cuEventQuery, result);
    return true;
  }

  @Override
  public void eventSynchronize(long event) throws CudaException {
    calls.run(DriverFunction.cuEventSynchronize, event);
  }

  @Override
  public float eventElapsedMillis(long start, long end) throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuEventElapsedTime, out.address(), start, end);
      return out.asFloat();
    }
  }

  @Override
  public long moduleLoad(MemorySegment image) throws CudaException {
    try (Scratch out = new Scratch()) {
      int result = calls.result(DriverFunction.cuModuleLoadData, out.address(), address(image));
      calls.check(DriverFunction.cuModuleLoadData, result, new Bytes(image.byteSize()));
      Reference.reachabilityFence(image);
      return out.asLong();
    }
  }

  @Override
  public void moduleUnload(long module) throws CudaException {
    calls.run(DriverFunction.cuModuleUnload, module);
  }

  @Override
  public long moduleGetFunction(long module, String name) throws CudaException {
    try (Scratch out = new Scratch()) {
      int result =
          calls.result(DriverFunction.cuModuleGetFunction, out.address(), module, out.string(name));
      calls.check(DriverFunction.cuModuleGetFunction, result, name);
      return out.asLong();
    }
  }

  @Override
  public int functionAttribute(long function, FunctionAttribute attribute) throws CudaException {
    try (Scratch out = new Scratch()) {
      int result =
          calls.result(
              DriverFunction.cuFuncGetAttribute, out.address(), attribute.number(), function);
      calls.check(DriverFunction.cuFuncGetAttribute, result, attribute);
      return out.asInt();
    }
  }

  @Override
  public void setFunctionAttribute(long function, FunctionAttribute attribute, int value)
      throws CudaException {
    int result =
        calls.result(DriverFunction.cuFuncSetAttribute, function, attribute.number(), value);
    if (result != CuResult.SUCCESS) {
      calls.check(DriverFunction.cuFuncSetAttribute, result, attribute + " = " + value);
    }
  }

  @Override
  public int maxActiveBlocks(long function, int blockSize, long dynamicSharedBytes)
      throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(
          DriverFunction.cuOccupancyMaxActiveBlocksPerMultiprocessor,
          out.address(),
          function,
          blockSize,
          dynamicSharedBytes);
      return out.asInt();
    }
  }

  @Override
  public void launch(long function, LaunchConfig config) throws CudaException {
    int result =
        calls.result(
            DriverFunction.cuLaunchKernelEx, config.config(), function, config.pointers(), 0);
    calls.check(DriverFunction.cuLaunchKernelEx, result, config);
    Reference.reachabilityFence(config);
  }

  @Override
  public void tensorMapEncodeTiled(MemorySegment map, TensorMap tensor) throws CudaException {
    if (map.byteSize() != TENSOR_MAP_BYTES || map.address() % TENSOR_MAP_ALIGNMENT != 0) {
      throw new IllegalArgumentException(
          "tensor map: expected %d bytes aligned to %d, got %s"
              .formatted(TENSOR_MAP_BYTES, TENSOR_MAP_ALIGNMENT, map));
    }
    int rank = tensor.sizes().size();
    int[] ones = new int[rank];
    Arrays.fill(ones, 1);
    try (Scratch in = new Scratch()) {
      calls.encodeTensorMap(
          address(map),
          tensor,
          in.longs(tensor.sizes().stream().mapToLong(Long::longValue).toArray()),
          in.longs(tensor.stridesBytes().stream().mapToLong(Long::longValue).toArray()),
          in.ints(tensor.box().stream().mapToInt(Integer::intValue).toArray()),
          in.ints(ones),
          L2_PROMOTION_256B);
    }
  }

  @Override
  public void streamBeginCapture(long stream) throws CudaException {
    calls.run(DriverFunction.cuStreamBeginCapture_v2, stream, CAPTURE_MODE_THREAD_LOCAL);
  }

  @Override
  public long streamEndCapture(long stream) throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuStreamEndCapture, stream, out.address());
      return out.asLong();
    }
  }

  @Override
  public boolean streamIsCapturing(long stream) throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuStreamIsCapturing, stream, out.address());
      return out.asInt() != 0;
    }
  }

  @Override
  public long[] graphNodes(long graph) throws CudaException {
    int count;
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuGraphGetNodes, graph, 0, out.address());
      count = (int) out.asLong();
    }
    // The number first, then the nodes.
    try (Scratch out = new Scratch(Long.BYTES * (count + 1L))) {
      out.memory().set(ValueLayout.JAVA_LONG, 0, count);
      long nodes = out.address() + Long.BYTES;
      calls.run(DriverFunction.cuGraphGetNodes, graph, nodes, out.address());
      return out.memory().asSlice(Long.BYTES).toArray(ValueLayout.JAVA_LONG);
    }
  }

  @Override
  public boolean graphNodeIsKernel(long node) throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuGraphNodeGetType, node, out.address());
      return out.asInt() == NODE_TYPE_KERNEL;
    }
  }

  @Override
  public long graphInstantiate(long graph) throws CudaException {
    try (Scratch out = new Scratch()) {
      calls.run(DriverFunction.cuGraphInstantiateWithFlags, out.address(), graph, 0);
      return out.asLong();
    }
  }

  @Override
  public void graphUpload(long exec, long stream) throws CudaException {
    calls.run(DriverFunction.cuGraphUpload, exec, stream);
  }

  @Override
  public void graphLaunch(long exec, long stream) throws CudaException {
    calls.run(DriverFunction.cuGraphLaunch, exec, stream);
  }

  @Override
  public boolean graphExecUpdate(long exec, long graph) throws CudaException {
    try (Scratch out = new Scratch(UPDATE_INFO_BYTES)) {
      int result = calls.result(DriverFunction.cuGraphExecUpdate_v2, exec, graph, out.address());
      if (result == CuResult.GRAPH_EXEC_UPDATE_FAILURE) {
        return false;
      }
      calls.check(DriverFunction.cuGraphExecUpdate_v2, result);
      return true;
    }
  }

  @Override
  public void graphExecSetKernel(long exec, long node, long function, LaunchConfig config)
      throws CudaException {
    int result =
        calls.result(
            DriverFunction.cuGraphExecKernelNodeSetParams_v2,
            exec,
            node,
            config.nodeParams(function));
    calls.check(DriverFunction.cuGraphExecKernelNodeSetParams_v2, result, config);
    Reference.reachabilityFence(config);
  }

  @Override
  public void graphExecDestroy(long exec) throws CudaException {
    calls.run(DriverFunction.cuGraphExecDestroy, exec);
  }

  @Override
  public void graphDestroy(long graph) throws CudaException {
    calls.run(DriverFunction.cuGraphDestroy, graph);
  }

  /** A size in the text of an error. */
  private record Bytes(long count) {
    @Override
    public String toString() {
      return count + " bytes";
    }
  }
}
