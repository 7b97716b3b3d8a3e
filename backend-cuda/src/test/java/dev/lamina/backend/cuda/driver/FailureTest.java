package dev.lamina.backend.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Every function, made to fail; and what a failure means. */
class FailureTest {
  private interface Call {
    void on(Driver driver) throws CudaException;
  }

  private final Arena arena = Arena.ofConfined();
  private final LaunchConfig config = new LaunchConfig(arena, 5);
  private StubDriver stub;
  private Driver driver;

  @BeforeEach
  void openStub() throws CudaException {
    stub = StubDriver.open();
    driver = stub.withContext();
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private Map<DriverFunction, Call> everyCall() throws CudaException {
    MemorySegment host = arena.allocate(64, 64);
    MemorySegment map = arena.allocate(128, 64);
    long address = driver.memAlloc(64);
    long other = driver.memAlloc(64);
    MemorySegment pinned = driver.memHostAlloc(64, Driver.HOST_DEVICEMAP);
    long stream = driver.streamCreate();
    long event = driver.eventCreate(true);
    driver.eventRecord(event, stream);
    MemorySegment image = arena.allocateFrom(ValueLayout.JAVA_BYTE, StubDriver.image(""));
    long module = driver.moduleLoad(image);
    long nothing = driver.moduleGetFunction(module, "nothing");
    config.stream(stream);
    driver.streamBeginCapture(stream);
    driver.launch(nothing, config);
    long graph = driver.streamEndCapture(stream);
    long node = driver.graphNodes(graph)[0];
    long exec = driver.graphInstantiate(graph);
    TensorMap tensor =
        new TensorMap(
            TensorMap.Element.F16,
            address,
            List.of(8L),
            List.of(),
            List.of(8),
            TensorMap.Swizzle.NONE);
    FunctionAttribute carveout = FunctionAttribute.PREFERRED_SHARED_MEMORY_CARVEOUT;

    Map<DriverFunction, Call> calls = new EnumMap<>(DriverFunction.class);
    calls.put(DriverFunction.cuInit, Driver::init);
    calls.put(DriverFunction.cuDriverGetVersion, Driver::driverVersion);
    calls.put(DriverFunction.cuDeviceGet, d -> d.device(0));
    calls.put(DriverFunction.cuDeviceGetCount, Driver::deviceCount);
    calls.put(DriverFunction.cuDeviceGetName, d -> d.deviceName(0));
    calls.put(DriverFunction.cuDeviceGetUuid_v2, d -> d.deviceUuid(0));
    calls.put(DriverFunction.cuDeviceTotalMem_v2, d -> d.deviceTotalMem(0));
    calls.put(
        DriverFunction.cuDeviceGetAttribute, d -> d.deviceAttribute(0, DeviceAttribute.WARP_SIZE));
    calls.put(DriverFunction.cuDevicePrimaryCtxRetain, d -> d.primaryContextRetain(0));
    calls.put(DriverFunction.cuDevicePrimaryCtxRelease_v2, d -> d.primaryContextRelease(0));
    calls.put(DriverFunction.cuCtxSetCurrent, d -> d.use(0));
    calls.put(DriverFunction.cuCtxSynchronize, Driver::contextSynchronize);
    calls.put(DriverFunction.cuModuleLoadData, d -> d.moduleLoad(image));
    calls.put(DriverFunction.cuModuleUnload, d -> d.moduleUnload(module));
    calls.put(DriverFunction.cuModuleGetFunction, d -> d.moduleGetFunction(module, "nothing"));
    calls.put(DriverFunction.cuMemGetInfo_v2, Driver::memFreeBytes);
    calls.put(DriverFunction.cuMemAlloc_v2, d -> d.memAlloc(1));
    calls.put(DriverFunction.cuMemFree_v2, d -> d.memFree(address));
    calls.put(DriverFunction.cuMemHostAlloc, d -> d.memHostAlloc(1, 0));
    calls.put(DriverFunction.cuMemFreeHost, d -> d.memFreeHost(pinned));
    calls.put(DriverFunction.cuMemHostRegister_v2, d -> d.memHostRegister(host, 0));
    calls.put(DriverFunction.cuMemHostUnregister, d -> d.memHostUnregister(host));
    calls.put(DriverFunction.cuMemHostGetDevicePointer_v2, d -> d.memHostGetDevicePointer(pinned));
    calls.put(DriverFunction.cuMemcpyDtoH_v2, d -> d.memcpyDtoH(host, address));
    calls.put(DriverFunction.cuMemcpyHtoDAsync_v2, d -> d.memcpyHtoDAsync(address, host, stream));
    calls.put(DriverFunction.cuMemcpyDtoHAsync_v2, d -> d.memcpyDtoHAsync(host, address, stream));
    calls.put(
        DriverFunction.cuMemcpyDtoDAsync_v2, d -> d.memcpyDtoDAsync(other, address, 64, stream));
    calls.put(DriverFunction.cuMemsetD8Async, d -> d.memsetD8Async(address, (byte) 0, 1, stream));
    calls.put(
        DriverFunction.cuMemsetD16Async, d -> d.memsetD16Async(address, (short) 0, 1, stream));
    calls.put(DriverFunction.cuMemsetD32Async, d -> d.memsetD32Async(address, 0, 1, stream));
    calls.put(DriverFunction.cuStreamCreate, Driver::streamCreate);
    calls.put(DriverFunction.cuStreamDestroy_v2, d -> d.streamDestroy(stream));
    calls.put(DriverFunction.cuStreamQuery, d -> d.streamQuery(stream));
    calls.put(DriverFunction.cuStreamSynchronize, d -> d.streamSynchronize(stream));
    calls.put(DriverFunction.cuStreamWaitEvent, d -> d.streamWaitEvent(stream, event));
    calls.put(DriverFunction.cuStreamBeginCapture_v2, d -> d.streamBeginCapture(stream));
    calls.put(DriverFunction.cuStreamEndCapture, d -> d.streamEndCapture(stream));
    calls.put(DriverFunction.cuStreamIsCapturing, d -> d.streamIsCapturing(stream));
    calls.put(DriverFunction.cuEventCreate, d -> d.eventCreate(true));
    calls.put(DriverFunction.cuEventRecord, d -> d.eventRecord(event, stream));
    calls.put(DriverFunction.cuEventQuery, d -> d.eventQuery(event));
    calls.put(DriverFunction.cuEventSynchronize, d -> d.eventSynchronize(event));
    calls.put(DriverFunction.cuEventDestroy_v2, d -> d.eventDestroy(event));
    calls.put(DriverFunction.cuEventElapsedTime, d -> d.eventElapsedMillis(event, event));
    calls.put(
        DriverFunction.cuFuncGetAttribute,
        d -> d.functionAttribute(nothing, FunctionAttribute.NUM_REGS));
    calls.put(DriverFunction.cuFuncSetAttribute, d -> d.setFunctionAttribute(nothing, carveout, 1));
    calls.put(DriverFunction.cuLaunchKernelEx, d -> d.launch(nothing, config));
    calls.put(DriverFunction.cuGraphGetNodes, d -> d.graphNodes(graph));
    calls.put(DriverFunction.cuGraphNodeGetType, d -> d.graphNodeIsKernel(node));
    calls.put(DriverFunction.cuGraphInstantiateWithFlags, d -> d.graphInstantiate(graph));
    calls.put(DriverFunction.cuGraphUpload, d -> d.graphUpload(exec, stream));
    calls.put(DriverFunction.cuGraphLaunch, d -> d.graphLaunch(exec, stream));
    calls.put(DriverFunction.cuGraphExecUpdate_v2, d -> d.graphExecUpdate(exec, graph));
    calls.put(
        DriverFunction.cuGraphExecKernelNodeSetParams_v2,
        d -> d.graphExecSetKernel(exec, node, nothing, config));
    calls.put(DriverFunction.cuGraphExecDestroy, d -> d.graphExecDestroy(exec));
    calls.put(DriverFunction.cuGraphDestroy, d -> d.graphDestroy(graph));
    calls.put(
        DriverFunction.cuOccupancyMaxActiveBlocksPerMultiprocessor,
        d -> d.maxActiveBlocks(nothing, 32, 0));
    calls.put(DriverFunction.cuTensorMapEncodeTiled, d -> d.tensorMapEncodeTiled(map, tensor));
    List<DriverFunction> unnamed = new ArrayList<>(List.of(DriverFunction.values()));
    unnamed.removeAll(calls.keySet());
    assertThat(unnamed)
        .containsExactly(DriverFunction.cuGetErrorName, DriverFunction.cuGetErrorString);
    return calls;
  }

  @Test
  void everyFunction_reportsItsFailure() throws CudaException {
    for (Map.Entry<DriverFunction, Call> call : everyCall().entrySet()) {
      String function = call.getKey().name();
      stub.fail(function, 0, 999);
      CudaException failure =
          catchThrowableOfType(CudaException.class, () -> call.getValue().on(driver));
      assertThat(failure).as(function).isNotNull();
      assertThat(failure.call()).startsWith(function);
      assertThat(failure.code()).isEqualTo(999);
      assertThat(failure.kind()).isEqualTo(CudaException.Kind.OTHER);
      assertThat(failure).hasMessageContaining("CUDA_ERROR_UNKNOWN (999): unknown error");
    }
  }

  @Test
  void everyFunction_saysWhatToDoIfTheDriverLacksIt() throws CudaException {
    for (Map.Entry<DriverFunction, Call> call : everyCall().entrySet()) {
      Driver older = stub.driverWithout(call.getKey().name());
      CudaException failure =
          catchThrowableOfType(CudaException.class, () -> call.getValue().on(older));
      assertThat(failure)
          .as("%s", call.getKey())
          .hasMessage(
              call.getKey()
                  + ": expected it in libcuda.so.1, which does not have it; update NVIDIA's driver to one of CUDA 12.0 or newer");
      assertThat(failure.kind()).isEqualTo(CudaException.Kind.UNSUPPORTED);
    }
  }

  @Test
  void outOfMemory_leavesTheDeviceUsable() throws CudaException {
    stub.memory(1000);
    long address = driver.memAlloc(600);
    assertThatThrownBy(() -> driver.memAlloc(600))
        .hasMessage(
            "cuMemAlloc_v2(600 bytes): CUDA_ERROR_OUT_OF_MEMORY (2): out of memory; free device memory or ask for less")
        .extracting(e -> ((CudaException) e).kind())
        .isEqualTo(CudaException.Kind.OUT_OF_MEMORY);
    driver.memFree(address);
    driver.memFree(driver.memAlloc(600));
  }

  @Test
  void outOfMemory_comesAtTheAllocationThatIsAsked() throws CudaException {
    stub.fail("cuMemAlloc_v2", 2, 2);
    driver.memAlloc(1);
    driver.memAlloc(1);
    assertThatThrownBy(() -> driver.memAlloc(1)).hasMessageContaining("OUT_OF_MEMORY");
    driver.memAlloc(1);
    assertThat(stub.live(StubDriver.Kind.DEVICE_MEMORY)).isEqualTo(3);
  }

  @Test
  void aCrashedKernel_losesTheDevice() throws CudaException {
    long module =
        driver.moduleLoad(arena.allocateFrom(ValueLayout.JAVA_BYTE, StubDriver.image("")));
    long crash = driver.moduleGetFunction(module, "crash");
    assertThatThrownBy(() -> driver.launch(crash, config))
        .hasMessage(
            "cuLaunchKernelEx(grid 1 x 1 x 1, block 1 x 1 x 1, 0 bytes shared, 0 arguments): CUDA_ERROR_LAUNCH_FAILED (719): unspecified launch failure; a kernel or the GPU failed, perhaps in an earlier launch: start the process anew");
    assertThatThrownBy(() -> driver.memAlloc(1))
        .extracting(e -> ((CudaException) e).kind())
        .isEqualTo(CudaException.Kind.DEVICE_LOST);
    assertThatThrownBy(driver::contextSynchronize).hasMessageContaining("(719)");
  }

  @Test
  void kinds_followTheNumbers() {
    assertThat(CuResult.kind(214)).isEqualTo(CudaException.Kind.DEVICE_LOST);
    assertThat(CuResult.kind(700)).isEqualTo(CudaException.Kind.DEVICE_LOST);
    assertThat(CuResult.kind(801)).isEqualTo(CudaException.Kind.UNSUPPORTED);
    assertThat(CuResult.kind(209)).isEqualTo(CudaException.Kind.UNSUPPORTED);
    assertThat(CuResult.kind(712)).isEqualTo(CudaException.Kind.OTHER);
    assertThat(CuResult.kind(720)).isEqualTo(CudaException.Kind.OTHER);
  }

  @Test
  void aNumberThatTheDriverDoesNotKnow_isStillReported() {
    stub.fail("cuCtxSynchronize", 0, 4242);
    assertThatThrownBy(driver::contextSynchronize)
        .hasMessage("cuCtxSynchronize: an unknown CUresult (4242): no description");
  }
}
