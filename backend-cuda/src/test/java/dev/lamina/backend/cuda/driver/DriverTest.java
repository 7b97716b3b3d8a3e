package dev.lamina.backend.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Every function, over the stub: arguments that arrive, results that come back. Through the binding
 * that {@code lamina.cuda.binding} names.
 */
class DriverTest {
  private final Arena arena = Arena.ofConfined();
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

  private MemorySegment bytes(long size) {
    return arena.allocate(size, 16);
  }

  private MemorySegment floats(float... values) {
    return arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
  }

  private long module() throws CudaException {
    return driver.moduleLoad(arena.allocateFrom(ValueLayout.JAVA_BYTE, StubDriver.image("")));
  }

  private long function(String name) throws CudaException {
    return driver.moduleGetFunction(module(), name);
  }

  /** Device memory with these values. */
  private long upload(MemorySegment values) throws CudaException {
    long address = driver.memAlloc(values.byteSize());
    driver.memcpyHtoDAsync(address, values, 0);
    return address;
  }

  private float[] download(long address, int count) throws CudaException {
    MemorySegment host = bytes(4L * count);
    driver.memcpyDtoH(host, address);
    return host.toArray(ValueLayout.JAVA_FLOAT);
  }

  @Test
  void devices_areDescribed() throws CudaException {
    stub.machine(13_000, 2, 9, 0, 0);
    assertThat(driver.driverVersion()).isEqualTo(13_000);
    assertThat(driver.deviceCount()).isEqualTo(2);
    int device = driver.device(1);
    assertThat(driver.deviceName(device)).isEqualTo("Stub GPU 1");
    assertThat(driver.deviceUuid(device)).isEqualTo("GPU-f1f2f3f4-f5f6-f7f8-f9fa-fbfcfdfeff00");
    assertThat(driver.deviceTotalMem(device)).isEqualTo(8L << 30);
    assertThat(driver.deviceAttribute(device, DeviceAttribute.MULTIPROCESSOR_COUNT)).isEqualTo(132);
    for (DeviceAttribute attribute : DeviceAttribute.values()) {
      driver.deviceAttribute(device, attribute);
    }
    assertThat(stub.calls("cuDeviceGetAttribute")).isEqualTo(1 + DeviceAttribute.values().length);
  }

  @Test
  void contexts_areRetainedUsedAndReleased() throws CudaException {
    long context = driver.primaryContextRetain(0);
    driver.use(context);
    driver.contextSynchronize();
    driver.primaryContextRelease(0);
    assertThat(stub.live(StubDriver.Kind.CONTEXT)).isEqualTo(1);
    driver.primaryContextRelease(0);
    assertThat(stub.live(StubDriver.Kind.CONTEXT)).isZero();
  }

  @Test
  void aThreadWithoutContext_isTold() throws CudaException {
    driver.use(0);
    assertThatThrownBy(() -> driver.memAlloc(16))
        .hasMessage(
            "cuMemAlloc_v2(16 bytes): CUDA_ERROR_INVALID_CONTEXT (201): invalid device context");
  }

  @Test
  void deviceMemory_isCountedAndFreed() throws CudaException {
    long unused = driver.memFreeBytes();
    long address = driver.memAlloc(1000);
    assertThat(address % 256).isZero();
    assertThat(driver.memFreeBytes()).isEqualTo(unused - 1000);
    driver.memFree(address);
    assertThat(driver.memFreeBytes()).isEqualTo(unused);
  }

  @Test
  void copies_moveBytes() throws CudaException {
    long stream = driver.streamCreate();
    MemorySegment there = floats(1, 2, 3, 4);
    long a = driver.memAlloc(16);
    long b = driver.memAlloc(16);
    driver.memcpyHtoDAsync(a, there, stream);
    driver.memcpyDtoDAsync(b, a + 4, 12, stream);
    MemorySegment back = bytes(12);
    driver.memcpyDtoHAsync(back, b, stream);
    driver.streamSynchronize(stream);
    assertThat(back.toArray(ValueLayout.JAVA_FLOAT)).containsExactly(2, 3, 4);
    driver.streamDestroy(stream);
    assertThat(stub.live(StubDriver.Kind.STREAM)).isZero();
  }

  @Test
  void fills_writeValuesOfTheirWidth() throws CudaException {
    long stream = driver.streamCreate();
    long address = driver.memAlloc(16);
    driver.memsetD32Async(address, 0x80402010, 4, stream);
    driver.memsetD16Async(address + 4, (short) 0xfedc, 1, stream);
    driver.memsetD8Async(address + 1, (byte) 0x99, 2, stream);
    MemorySegment back = bytes(16);
    driver.memcpyDtoH(back, address);
    assertThat(back.toArray(ValueLayout.JAVA_INT))
        .containsExactly(0x80999910, 0x8040fedc, 0x80402010, 0x80402010);
  }

  @Test
  void hostMemory_isPinnedAndMapped() throws CudaException {
    MemorySegment pinned = driver.memHostAlloc(100, Driver.HOST_PORTABLE | Driver.HOST_DEVICEMAP);
    assertThat(pinned.byteSize()).isEqualTo(100);
    pinned.set(ValueLayout.JAVA_FLOAT, 8, 7);
    assertThat(download(driver.memHostGetDevicePointer(pinned) + 8, 1)).containsExactly(7);
    driver.memFreeHost(pinned);
    assertThat(stub.live(StubDriver.Kind.PINNED)).isZero();
  }

  @Test
  void hostMemory_isRegisteredOnce() throws CudaException {
    MemorySegment window = bytes(4096);
    driver.memHostRegister(window, Driver.HOST_REGISTER_READ_ONLY | Driver.HOST_DEVICEMAP);
    assertThat(driver.memHostGetDevicePointer(window)).isEqualTo(window.address());
    assertThatThrownBy(() -> driver.memHostRegister(window, 0))
        .hasMessage(
            "cuMemHostRegister_v2(4096 bytes): CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED (712): part or all of the requested memory range is already mapped");
    driver.memHostUnregister(window);
    assertThat(stub.live(StubDriver.Kind.REGISTERED)).isZero();
  }

  @Test
  void heapMemory_isRefused() throws CudaException {
    long address = driver.memAlloc(16);
    assertThatThrownBy(
            () -> driver.memcpyHtoDAsync(address, MemorySegment.ofArray(new byte[16]), 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(
            "host memory of a CUDA call: expected live memory outside of the Java heap, got ");
  }

  @Test
  void queries_tellRunningFromDone() throws CudaException {
    long stream = driver.streamCreate();
    long event = driver.eventCreate(false);
    driver.eventRecord(event, stream);
    stub.notReady(2);
    assertThat(driver.streamQuery(stream)).isFalse();
    assertThat(driver.eventQuery(event)).isFalse();
    assertThat(driver.streamQuery(stream)).isTrue();
    assertThat(driver.eventQuery(event)).isTrue();
    driver.eventSynchronize(event);
    driver.streamWaitEvent(stream, event);
    driver.eventDestroy(event);
    assertThat(stub.live(StubDriver.Kind.EVENT)).isZero();
  }

  @Test
  void events_measureTimeWhereAsked() throws CudaException {
    long stream = driver.streamCreate();
    long start = driver.eventCreate(true);
    long end = driver.eventCreate(true);
    driver.eventRecord(start, stream);
    driver.eventRecord(end, stream);
    assertThat(driver.eventElapsedMillis(start, end)).isBetween(1e-6f, 10_000f);
    long untimed = driver.eventCreate(false);
    driver.eventRecord(untimed, stream);
    assertThatThrownBy(() -> driver.eventElapsedMillis(start, untimed))
        .hasMessageStartingWith("cuEventElapsedTime: CUDA_ERROR_INVALID_HANDLE (400)");
  }

  @Test
  void launches_passEveryArgument() throws CudaException {
    long x = upload(floats(1, 2, 3));
    long y = driver.memAlloc(12);
    LaunchConfig config = new LaunchConfig(arena, 5);
    config.grid(6, 2, 3).block(32, 4, 2).sharedBytes(40_000);
    config.clearArgs().arg(y).arg(x).arg(3).argFloat(10).argFloat(0.5f);
    driver.launch(function("scale"), config);
    assertThat(download(y, 3)).containsExactly(10.5f, 20.5f, 30.5f);
    int[] launched = new int[7];
    for (int i = 0; i < launched.length; i++) {
      launched[i] = stub.lastLaunch(i);
    }
    assertThat(launched).containsExactly(6, 2, 3, 32, 4, 2, 40_000);
  }

  @Test
  void launches_goToTheirStream() throws CudaException {
    long stream = driver.streamCreate();
    LaunchConfig config = new LaunchConfig(arena, 1).stream(stream).grid(5, 1, 1);
    long nothing = function("nothing");
    driver.streamBeginCapture(stream);
    driver.launch(nothing, config);
    long graph = driver.streamEndCapture(stream);
    assertThat(stub.lastLaunch(0)).isZero();
    driver.graphLaunch(driver.graphInstantiate(graph), stream);
    assertThat(stub.lastLaunch(0)).isEqualTo(5);
  }

  @Test
  void launches_thatAreRefusedSayHowWide() throws CudaException {
    LaunchConfig config = new LaunchConfig(arena, 1).grid(2, 1, 1).block(2048, 1, 1);
    long nothing = function("nothing");
    assertThatThrownBy(() -> driver.launch(nothing, config))
        .hasMessageStartingWith("cuLaunchKernel")
        .hasMessageEndingWith(
            "(grid 2 x 1 x 1, block 2048 x 1 x 1, 0 bytes shared, 0 arguments): CUDA_ERROR_INVALID_VALUE (1): invalid argument");
  }

  @Test
  void arguments_areCountedAndMustBeNative() {
    LaunchConfig config = new LaunchConfig(arena, 2).arg(1).arg(2);
    assertThatThrownBy(() -> config.arg(3))
        .hasMessage("kernel argument 2: expected at most 2; make the LaunchConfig larger");
    assertThatThrownBy(() -> config.clearArgs().argStruct(MemorySegment.ofArray(new byte[8])))
        .hasMessageStartingWith("kernel argument 0: expected host memory outside of the Java heap");
  }

  @Test
  void structs_arePassedByValue() throws CudaException {
    long y = driver.memAlloc(8);
    long x = upload(floats(1, 2));
    MemorySegment address = arena.allocateFrom(ValueLayout.JAVA_LONG, y);
    LaunchConfig config = new LaunchConfig(arena, 5);
    config.argStruct(address).arg(x).arg(2).argFloat(2).argFloat(0);
    driver.launch(function("scale"), config);
    assertThat(download(y, 2)).containsExactly(2, 4);
  }

  @Test
  void functions_tellAndTakeAttributes() throws CudaException {
    long function = function("nothing");
    assertThat(driver.functionAttribute(function, FunctionAttribute.NUM_REGS)).isEqualTo(40);
    assertThat(driver.functionAttribute(function, FunctionAttribute.PTX_VERSION)).isEqualTo(90);
    driver.setFunctionAttribute(
        function, FunctionAttribute.MAX_DYNAMIC_SHARED_SIZE_BYTES, 200 << 10);
    assertThat(driver.functionAttribute(function, FunctionAttribute.MAX_DYNAMIC_SHARED_SIZE_BYTES))
        .isEqualTo(200 << 10);
    driver.setFunctionAttribute(function, FunctionAttribute.PREFERRED_SHARED_MEMORY_CARVEOUT, 100);
    driver.setFunctionAttribute(function, FunctionAttribute.NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1);
    assertThatThrownBy(() ->
            driver.setFunctionAttribute(
                function, FunctionAttribute.MAX_DYNAMIC_SHARED_SIZE_BYTES, 300 << 10))
        .hasMessage(
            "cuFuncSetAttribute(MAX_DYNAMIC_SHARED_SIZE_BYTES = 307200): CUDA_ERROR_INVALID_VALUE (1): invalid argument");
    assertThat(driver.maxActiveBlocks(function, 256, 100 << 10)).isEqualTo(2);
  }

  @Test
  void modules_areLoadedByNameAndUnloaded() throws CudaException {
    long module = module();
    assertThatThrownBy(() -> driver.moduleGetFunction(module, "no_such_kernel"))
        .hasMessage(
            "cuModuleGetFunction(no_such_kernel): CUDA_ERROR_NOT_FOUND (500): named symbol not found");
    driver.moduleUnload(module);
    assertThat(stub.live(StubDriver.Kind.MODULE)).isZero();
    assertThatThrownBy(() -> driver.moduleLoad(bytes(64)))
        .hasMessage(
            "cuModuleLoadData(64 bytes): CUDA_ERROR_INVALID_IMAGE (200): device kernel image is invalid");
  }
}
