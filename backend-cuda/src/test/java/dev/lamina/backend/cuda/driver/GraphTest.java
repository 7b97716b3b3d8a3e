package dev.lamina.backend.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Captures, executable graphs, and launches with other arguments. */
class GraphTest {
  private final Arena arena = Arena.ofConfined();
  private final LaunchConfig config = new LaunchConfig(arena, 5);
  private StubDriver stub;
  private Driver driver;
  private long stream;
  private long scale;
  private long x;
  private long y;

  @BeforeEach
  void allocate() throws CudaException {
    stub = StubDriver.open();
    driver = stub.withContext();
    stream = driver.streamCreate();
    long module =
        driver.moduleLoad(arena.allocateFrom(ValueLayout.JAVA_BYTE, StubDriver.image("")));
    scale = driver.moduleGetFunction(module, "scale");
    x = driver.memAlloc(8);
    y = driver.memAlloc(8);
    driver.memcpyHtoDAsync(x, arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2), stream);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private LaunchConfig times(float factor) {
    config.stream(stream).grid(1, 1, 1).block(32, 1, 1);
    return config.clearArgs().arg(y).arg(x).arg(2).argFloat(factor).argFloat(0);
  }

  /** A fill, and a kernel that multiplies. */
  private long capture(float factor) throws CudaException {
    driver.streamBeginCapture(stream);
    driver.memsetD32Async(y, 0, 2, stream);
    driver.launch(scale, times(factor));
    assertThat(driver.streamIsCapturing(stream)).isTrue();
    return driver.streamEndCapture(stream);
  }

  private float[] result() throws CudaException {
    MemorySegment host = arena.allocate(8, 4);
    driver.memcpyDtoH(host, y);
    return host.toArray(ValueLayout.JAVA_FLOAT);
  }

  @Test
  void whatIsCaptured_runsWhenTheGraphIsLaunched() throws CudaException {
    driver.memsetD32Async(y, 0, 2, stream);
    long graph = capture(3);
    assertThat(driver.streamIsCapturing(stream)).isFalse();
    assertThat(result()).containsExactly(0, 0);
    long exec = driver.graphInstantiate(graph);
    times(1000);
    driver.graphUpload(exec, stream);
    driver.graphLaunch(exec, stream);
    assertThat(result()).containsExactly(3, 6);
    driver.graphExecDestroy(exec);
    driver.graphDestroy(graph);
    assertThat(stub.live(StubDriver.Kind.EXEC) + stub.live(StubDriver.Kind.GRAPH)).isZero();
  }

  @Test
  void nodes_areListedAndTold() throws CudaException {
    long graph = capture(3);
    long[] nodes = driver.graphNodes(graph);
    assertThat(nodes).hasSize(2);
    assertThat(driver.graphNodeIsKernel(nodes[0])).isFalse();
    assertThat(driver.graphNodeIsKernel(nodes[1])).isTrue();
  }

  @Test
  void aKernelOfAGraph_takesOtherArguments() throws CudaException {
    long graph = capture(3);
    long exec = driver.graphInstantiate(graph);
    long node = driver.graphNodes(graph)[1];
    driver.graphExecSetKernel(exec, node, scale, times(5).grid(7, 1, 1));
    driver.graphLaunch(exec, stream);
    assertThat(result()).containsExactly(5, 10);
    assertThat(stub.lastLaunch(0)).isEqualTo(7);
    assertThatThrownBy(() -> driver.graphExecSetKernel(exec, node, scale, times(5).grid(0, 1, 1)))
        .hasMessageStartingWith("cuGraphExecKernelNodeSetParams_v2(grid 0 x 1 x 1, ");
  }

  @Test
  void anExecutableGraph_isUpdatedIfTheNodesAreTheSame() throws CudaException {
    long exec = driver.graphInstantiate(capture(3));
    assertThat(driver.graphExecUpdate(exec, capture(4))).isTrue();
    driver.graphLaunch(exec, stream);
    assertThat(result()).containsExactly(4, 8);
    driver.streamBeginCapture(stream);
    driver.launch(scale, times(9));
    assertThat(driver.graphExecUpdate(exec, driver.streamEndCapture(stream))).isFalse();
  }

  @Test
  void aCallThatMayNotBeCaptured_breaksTheCapture() throws CudaException {
    driver.streamBeginCapture(stream);
    assertThatThrownBy(() -> driver.memAlloc(16))
        .hasMessageStartingWith("cuMemAlloc_v2(16 bytes): CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
    assertThatThrownBy(() -> driver.streamEndCapture(stream))
        .hasMessage(
            "cuStreamEndCapture: CUDA_ERROR_STREAM_CAPTURE_INVALIDATED (901): operation failed due to a previous error during capture");
    assertThat(driver.streamIsCapturing(stream)).isFalse();
  }

  @Test
  void anotherStream_joinsTheCaptureByAnEvent() throws CudaException {
    long side = driver.streamCreate();
    long event = driver.eventCreate(false);
    driver.streamBeginCapture(stream);
    driver.eventRecord(event, stream);
    driver.streamWaitEvent(side, event);
    driver.launch(scale, times(2).stream(side));
    driver.eventRecord(event, side);
    driver.streamWaitEvent(stream, event);
    long graph = driver.streamEndCapture(stream);
    assertThat(driver.graphNodes(graph)).hasSize(1);
    assertThat(driver.streamIsCapturing(side)).isFalse();
  }
}
