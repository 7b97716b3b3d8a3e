package dev.lamina.backend.jcuda;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.driver.DeviceAttribute;
import dev.lamina.backend.cuda.driver.Driver;
import dev.lamina.backend.cuda.driver.FunctionAttribute;
import dev.lamina.backend.cuda.driver.LaunchConfig;
import dev.lamina.backend.cuda.driver.TensorMap;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import jcuda.Pointer;
import jcuda.driver.CUDA_KERNEL_NODE_PARAMS;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUgraphNode;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.CUuuid;
import jcuda.driver.JCudaDriver;

/**
 * The driver API through JCuda 12.6. It knows neither {@code cuLaunchKernelEx} nor tensor maps nor
 * the update of a whole graph: kernels are launched one after the other, without programmatic
 * dependence, a graph that changed is instantiated anew, and its nodes are not listed.
 *
 * <p>JCuda's exceptions must stay off, as they are unless a program of its own turns them on: this
 * class reads results.
 */
final class JcudaDriver implements Driver {
  static final String NAME = "jcuda";

  private static final int SUCCESS = 0;
  private static final int NOT_READY = 600;
  private static final int STREAM_NON_BLOCKING = 1;
  private static final int EVENT_DISABLE_TIMING = 2;
  private static final int CAPTURE_MODE_THREAD_LOCAL = 1;
  private static final int NODE_TYPE_KERNEL = 0;
  private static final int NAME_BYTES = 256;

  private JcudaDriver() {}

  /**
   * Loads JCuda's library.
   *
   * @throws LinkageError if it, or JCuda, is not there
   */
  static Driver load() {
    JCudaDriver.setExceptionsEnabled(false);
    return new JcudaDriver();
  }

  private static void check(String call, int result) throws CudaException {
    if (result != SUCCESS) {
      throw failure(call, result);
    }
  }

  private static void check(String call, int result, Object what) throws CudaException {
    if (result != SUCCESS) {
      throw failure(call + "(" + what + ")", result);
    }
  }

  private static CudaException failure(String call, int result) {
    String[] name = new String[1];
    String[] text = new String[1];
    boolean named = JCudaDriver.cuGetErrorName(result, name) == SUCCESS;
    boolean told = JCudaDriver.cuGetErrorString(result, text) == SUCCESS;
    return CudaException.ofDriver(
        call, result, named ? name[0] : "an unknown CUresult", told ? text[0] : "no description");
  }

  private static CudaException lacks(String function, String what) {
    return CudaException.unsupported(
        function,
        "%s: expected %s, which JCuda 12.6 does not have; use lamina.cuda.binding=ffm"
            .formatted(function, what));
  }

  private static Pointer host(MemorySegment memory) {
    if (!memory.isNative() || !memory.scope().isAlive()) {
      throw new IllegalArgumentException(
          "host memory of a CUDA call: expected live memory outside of the Java heap, got "
              + memory);
    }
    return Handles.set(new Pointer(), memory.address());
  }

  private static CUdeviceptr device(long address) {
    return Handles.set(new CUdeviceptr(), address);
  }

  private static CUdevice deviceHandle(int device) {
    return Handles.set(new CUdevice(), device);
  }

  private static CUstream stream(long stream) {
    return Handles.set(new CUstream(), stream);
  }

  private static CUevent event(long event) {
    return Handles.set(new CUevent(), event);
  }

  private static CUfunction function(long function) {
    return Handles.set(new CUfunction(), function);
  }

  private static CUgraph graph(long graph) {
    return Handles.set(new CUgraph(), graph);
  }

  private static CUgraphExec exec(long exec) {
    return Handles.set(new CUgraphExec(), exec);
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean hasLaunchAttributes() {
    return false;
  }

  @Override
  public void init() throws CudaException {
    check("cuInit", JCudaDriver.cuInit(0));
  }

  @Override
  public int driverVersion() throws CudaException {
    int[] out = new int[1];
    check("cuDriverGetVersion", JCudaDriver.cuDriverGetVersion(out));
    return out[0];
  }

  @Override
  public int deviceCount() throws CudaException {
    int[] out = new int[1];
    check("cuDeviceGetCount", JCudaDriver.cuDeviceGetCount(out));
    return out[0];
  }

  @Override
  public int device(int ordinal) throws CudaException {
    CUdevice out = new CUdevice();
    check("cuDeviceGet", JCudaDriver.cuDeviceGet(out, ordinal), ordinal);
    return (int) Handles.get(out);
  }

  @Override
  public String deviceName(int device) throws CudaException {
    byte[] out = new byte[NAME_BYTES];
    check("cuDeviceGetName", JCudaDriver.cuDeviceGetName(out, NAME_BYTES, deviceHandle(device)));
    int length = 0;
    while (length < out.length && out[length] != 0) {
      length++;
    }
    return new String(out, 0, length, StandardCharsets.UTF_8);
  }

  @Override
  public int deviceAttribute(int device, DeviceAttribute attribute) throws CudaException {
    int[] out = new int[1];
    check(
        "cuDeviceGetAttribute",
        JCudaDriver.cuDeviceGetAttribute(out, attribute.number(), deviceHandle(device)),
        attribute);
    return out[0];
  }

  @Override
  public long deviceTotalMem(int device) throws CudaException {
    long[] out = new long[1];
    check("cuDeviceTotalMem_v2", JCudaDriver.cuDeviceTotalMem(out, deviceHandle(device)));
    return out[0];
  }

  @Override
  public String deviceUuid(int device) throws CudaException {
    CUuuid out = new CUuuid();
    check("cuDeviceGetUuid", JCudaDriver.cuDeviceGetUuid(out, deviceHandle(device)));
    return Driver.uuid(out.bytes);
  }

  @Override
  public long primaryContextRetain(int device) throws CudaException {
    CUcontext out = new CUcontext();
    check(
        "cuDevicePrimaryCtxRetain",
        JCudaDriver.cuDevicePrimaryCtxRetain(out, deviceHandle(device)));
    return Handles.get(out);
  }

  @Override
  public void primaryContextRelease(int device) throws CudaException {
    check(
        "cuDevicePrimaryCtxRelease_v2",
        JCudaDriver.cuDevicePrimaryCtxRelease(deviceHandle(device)));
  }

  @Override
  public void use(long context) throws CudaException {
    check("cuCtxSetCurrent", JCudaDriver.cuCtxSetCurrent(Handles.set(new CUcontext(), context)));
  }

  @Override
  public void contextSynchronize() throws CudaException {
    check("cuCtxSynchronize", JCudaDriver.cuCtxSynchronize());
  }

  @Override
  public long memFreeBytes() throws CudaException {
    long[] unused = new long[1];
    check("cuMemGetInfo_v2", JCudaDriver.cuMemGetInfo(unused, new long[1]));
    return unused[0];
  }

  @Override
  public long memAlloc(long bytes) throws CudaException {
    CUdeviceptr out = new CUdeviceptr();
    check("cuMemAlloc_v2", JCudaDriver.cuMemAlloc(out, bytes), new Bytes(bytes));
    return Handles.get(out);
  }

  @Override
  public void memFree(long address) throws CudaException {
    check("cuMemFree_v2", JCudaDriver.cuMemFree(device(address)));
  }

  @SuppressWarnings("restricted")
  @Override
  public MemorySegment memHostAlloc(long bytes, int flags) throws CudaException {
    Pointer out = new Pointer();
    check("cuMemHostAlloc", JCudaDriver.cuMemHostAlloc(out, bytes, flags), new Bytes(bytes));
    return MemorySegment.ofAddress(Handles.get(out)).reinterpret(bytes);
  }

  @Override
  public void memFreeHost(MemorySegment memory) throws CudaException {
    check("cuMemFreeHost", JCudaDriver.cuMemFreeHost(host(memory)));
  }

  @Override
  public void memHostRegister(MemorySegment memory, int flags) throws CudaException {
    long bytes = memory.byteSize();
    check(
        "cuMemHostRegister_v2",
        JCudaDriver.cuMemHostRegister(host(memory), bytes, flags),
        new Bytes(bytes));
  }

  @Override
  public void memHostUnregister(MemorySegment memory) throws CudaException {
    check("cuMemHostUnregister", JCudaDriver.cuMemHostUnregister(host(memory)));
  }

  @Override
  public long memHostGetDevicePointer(MemorySegment memory) throws CudaException {
    CUdeviceptr out = new CUdeviceptr();
    check(
        "cuMemHostGetDevicePointer_v2",
        JCudaDriver.cuMemHostGetDevicePointer(out, host(memory), 0));
    return Handles.get(out);
  }

  @Override
  public void memcpyHtoDAsync(long to, MemorySegment from, long stream) throws CudaException {
    check(
        "cuMemcpyHtoDAsync_v2",
        JCudaDriver.cuMemcpyHtoDAsync(device(to), host(from), from.byteSize(), stream(stream)));
    Reference.reachabilityFence(from);
  }

  @Override
  public void memcpyDtoHAsync(MemorySegment to, long from, long stream) throws CudaException {
    check(
        "cuMemcpyDtoHAsync_v2",
        JCudaDriver.cuMemcpyDtoHAsync(host(to), device(from), to.byteSize(), stream(stream)));
    Reference.reachabilityFence(to);
  }

  @Override
  public void memcpyDtoDAsync(long to, long from, long bytes, long stream) throws CudaException {
    check(
        "cuMemcpyDtoDAsync_v2",
        JCudaDriver.cuMemcpyDtoDAsync(device(to), device(from), bytes, stream(stream)));
  }

  @Override
  public void memcpyDtoH(MemorySegment to, long from) throws CudaException {
    check("cuMemcpyDtoH_v2", JCudaDriver.cuMemcpyDtoH(host(to), device(from), to.byteSize()));
    Reference.reachabilityFence(to);
  }

  @Override
  public void memsetD8Async(long to, byte value, long count, long stream) throws CudaException {
    check("cuMemsetD8Async", JCudaDriver.cuMemsetD8Async(device(to), value, count, stream(stream)));
  }

  @Override
  public void memsetD16Async(long to, short value, long count, long stream) throws CudaException {
    check(
        "cuMemsetD16Async", JCudaDriver.cuMemsetD16Async(device(to), value, count, stream(stream)));
  }

  @Override
  public void memsetD32Async(long to, int value, long count, long stream) throws CudaException {
    check(
        "cuMemsetD32Async", JCudaDriver.cuMemsetD32Async(device(to), value, count, stream(stream)));
  }

  @Override
  public long streamCreate() throws CudaException {
    CUstream out = new CUstream();
    check("cuStreamCreate", JCudaDriver.cuStreamCreate(out, STREAM_NON_BLOCKING));
    return Handles.get(out);
  }

  @Override
  public void streamDestroy(long stream) throws CudaException {
    check("cuStreamDestroy_v2", JCudaDriver.cuStreamDestroy(stream(stream)));
  }

  @Override
  public void streamSynchronize(long stream) throws CudaException {
    check("cuStreamSynchronize", JCudaDriver.cuStreamSynchronize(stream(stream)));
  }

  @Override
  public boolean streamQuery(long stream) throws CudaException {
    int result = JCudaDriver.cuStreamQuery(stream(stream));
    if (result == NOT_READY) {
      return false;
    }
    check("cuStreamQuery", result);
    return true;
  }

  @Override
  public void streamWaitEvent(long stream, long event) throws CudaException {
    check("cuStreamWaitEvent", JCudaDriver.cuStreamWaitEvent(stream(stream), event(event), 0));
  }

  @Override
  public long eventCreate(boolean timing) throws CudaException {
    CUevent out = new CUevent();
    check("cuEventCreate", JCudaDriver.cuEventCreate(out, timing ? 0 : EVENT_DISABLE_TIMING));
    return Handles.get(out);
  }

  @Override
  public void eventDestroy(long event) throws CudaException {
    check("cuEventDestroy_v2", JCudaDriver.cuEventDestroy(event(event)));
  }

  @Override
  public void eventRecord(long event, long stream) throws CudaException {
    check("cuEventRecord", JCudaDriver.cuEventRecord(event(event), stream(stream)));
  }

  @Override
  public boolean eventQuery(long event) throws CudaException {
    int result = JCudaDriver.cuEventQuery(event(event));
    if (result == NOT_READY) {
      return false;
    }
    check("cuEventQuery", result);
    return true;
  }

  @Override
  public void eventSynchronize(long event) throws CudaException {
    check("cuEventSynchronize", JCudaDriver.cuEventSynchronize(event(event)));
  }

  @Override
  public float eventElapsedMillis(long start, long end) throws CudaException {
    float[] out = new float[1];
    check("cuEventElapsedTime", JCudaDriver.cuEventElapsedTime(out, event(start), event(end)));
    return out[0];
  }

  @Override
  public long moduleLoad(MemorySegment image) throws CudaException {
    CUmodule out = new CUmodule();
    check(
        "cuModuleLoadData",
        JCudaDriver.cuModuleLoadData(out, image.toArray(ValueLayout.JAVA_BYTE)),
        new Bytes(image.byteSize()));
    return Handles.get(out);
  }

  @Override
  public void moduleUnload(long module) throws CudaException {
    check("cuModuleUnload", JCudaDriver.cuModuleUnload(Handles.set(new CUmodule(), module)));
  }

  @Override
  public long moduleGetFunction(long module, String name) throws CudaException {
    CUfunction out = new CUfunction();
    CUmodule from = Handles.set(new CUmodule(), module);
    check("cuModuleGetFunction", JCudaDriver.cuModuleGetFunction(out, from, name), name);
    return Handles.get(out);
  }

  @Override
  public int functionAttribute(long function, FunctionAttribute attribute) throws CudaException {
    int[] out = new int[1];
    check(
        "cuFuncGetAttribute",
        JCudaDriver.cuFuncGetAttribute(out, attribute.number(), function(function)),
        attribute);
    return out[0];
  }

  @Override
  public void setFunctionAttribute(long function, FunctionAttribute attribute, int value)
      throws CudaException {
    int result = JCudaDriver.cuFuncSetAttribute(function(function), attribute.number(), value);
    if (result != SUCCESS) {
      throw failure("cuFuncSetAttribute(" + attribute + " = " + value + ")", result);
    }
  }

  @Override
  public int maxActiveBlocks(long function, int blockSize, long dynamicSharedBytes)
      throws CudaException {
    int[] out = new int[1];
    check(
        "cuOccupancyMaxActiveBlocksPerMultiprocessor",
        JCudaDriver.cuOccupancyMaxActiveBlocksPerMultiprocessor(
            out, function(function), blockSize, dynamicSharedBytes));
    return out[0];
  }

  @Override
  public void launch(long function, LaunchConfig config) throws CudaException {
    if (config.hasClusters()) {
      throw lacks("cuLaunchKernelEx", "clusters of thread blocks");
    }
    int result =
        JCudaDriver.cuLaunchKernel(
            function(function),
            config.gridDim(0),
            config.gridDim(1),
            config.gridDim(2),
            config.blockDim(0),
            config.blockDim(1),
            config.blockDim(2),
            config.sharedBytes(),
            stream(config.stream()),
            Handles.set(new Pointer(), config.pointers()),
            null);
    check("cuLaunchKernel", result, config);
    Reference.reachabilityFence(config);
  }

  @Override
  public void tensorMapEncodeTiled(MemorySegment map, TensorMap tensor) throws CudaException {
    throw lacks("cuTensorMapEncodeTiled", "tensor maps");
  }

  @Override
  public void streamBeginCapture(long stream) throws CudaException {
    check(
        "cuStreamBeginCapture_v2",
        JCudaDriver.cuStreamBeginCapture(stream(stream), CAPTURE_MODE_THREAD_LOCAL));
  }

  @Override
  public long streamEndCapture(long stream) throws CudaException {
    CUgraph out = new CUgraph();
    check("cuStreamEndCapture", JCudaDriver.cuStreamEndCapture(stream(stream), out));
    return Handles.get(out);
  }

  @Override
  public boolean streamIsCapturing(long stream) throws CudaException {
    int[] out = new int[1];
    check("cuStreamIsCapturing", JCudaDriver.cuStreamIsCapturing(stream(stream), out));
    return out[0] != 0;
  }

  /** Refused: what JCuda 12.6 hands the driver as the length of the array was never written. */
  @Override
  public long[] graphNodes(long graph) throws CudaException {
    throw lacks("cuGraphGetNodes", "a list of nodes");
  }

  @Override
  public boolean graphNodeIsKernel(long node) throws CudaException {
    int[] out = new int[1];
    check(
        "cuGraphNodeGetType",
        JCudaDriver.cuGraphNodeGetType(Handles.set(new CUgraphNode(), node), out));
    return out[0] == NODE_TYPE_KERNEL;
  }

  @Override
  public long graphInstantiate(long graph) throws CudaException {
    CUgraphExec out = new CUgraphExec();
    check("cuGraphInstantiateWithFlags", JCudaDriver.cuGraphInstantiate(out, graph(graph), 0));
    return Handles.get(out);
  }

  @Override
  public void graphUpload(long exec, long stream) throws CudaException {
    check("cuGraphUpload", JCudaDriver.cuGraphUpload(exec(exec), stream(stream)));
  }

  @Override
  public void graphLaunch(long exec, long stream) throws CudaException {
    check("cuGraphLaunch", JCudaDriver.cuGraphLaunch(exec(exec), stream(stream)));
  }

  /** Never takes over: JCuda 12.6 has the call of CUDA 11, which the driver API no longer has. */
  @Override
  public boolean graphExecUpdate(long exec, long graph) {
    return false;
  }

  @Override
  public void graphExecSetKernel(long exec, long node, long function, LaunchConfig config)
      throws CudaException {
    CUDA_KERNEL_NODE_PARAMS params = new CUDA_KERNEL_NODE_PARAMS();
    params.func = function(function);
    params.gridDimX = config.gridDim(0);
    params.gridDimY = config.gridDim(1);
    params.gridDimZ = config.gridDim(2);
    params.blockDimX = config.blockDim(0);
    params.blockDimY = config.blockDim(1);
    params.blockDimZ = config.blockDim(2);
    params.sharedMemBytes = config.sharedBytes();
    params.kernelParams = Handles.set(new Pointer(), config.pointers());
    int result =
        JCudaDriver.cuGraphExecKernelNodeSetParams(
            exec(exec), Handles.set(new CUgraphNode(), node), params);
    check("cuGraphExecKernelNodeSetParams_v2", result, config);
    Reference.reachabilityFence(config);
  }

  @Override
  public void graphExecDestroy(long exec) throws CudaException {
    check("cuGraphExecDestroy", JCudaDriver.cuGraphExecDestroy(exec(exec)));
  }

  @Override
  public void graphDestroy(long graph) throws CudaException {
    check("cuGraphDestroy", JCudaDriver.cuGraphDestroy(graph(graph)));
  }

  /** A size in the text of an error. */
  private record Bytes(long count) {
    @Override
    public String toString() {
      return count + " bytes";
    }
  }
}
