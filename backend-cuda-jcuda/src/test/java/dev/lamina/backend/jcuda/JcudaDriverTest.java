package dev.lamina.backend.jcuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.driver.Driver;
import dev.lamina.backend.cuda.driver.FfmDriver;
import dev.lamina.backend.cuda.driver.LaunchConfig;
import dev.lamina.backend.cuda.driver.StubDriver;
import dev.lamina.backend.cuda.driver.TensorMap;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What JCuda lacks; what it has, {@code DriverTest} asks of it too. */
class JcudaDriverTest {
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

  private long nothing() throws CudaException {
    MemorySegment image = arena.allocateFrom(ValueLayout.JAVA_BYTE, StubDriver.image(""));
    return driver.moduleGetFunction(driver.moduleLoad(image), "nothing");
  }

  @Test
  void theBinding_isChosenByItsName() {
    assertThat(driver).isInstanceOf(JcudaDriver.class);
    assertThat(driver.name()).isEqualTo("jcuda");
  }

  @Test
  void dependentLaunches_areLaunchedPlainly() throws CudaException {
    assertThat(driver.hasLaunchAttributes()).isFalse();
    driver.launch(nothing(), new LaunchConfig(arena, 1).pdl(true));
    assertThat(stub.calls("cuLaunchKernel")).isOne();
    assertThat(stub.calls("cuLaunchKernelEx")).isZero();
    assertThat(stub.lastLaunch(7)).isZero();
  }

  @Test
  void clusters_areRefused() throws CudaException {
    long nothing = nothing();
    LaunchConfig config = new LaunchConfig(arena, 1).grid(2, 1, 1).cluster(2, 1, 1);
    assertThatThrownBy(() -> driver.launch(nothing, config))
        .isInstanceOfSatisfying(
            CudaException.class,
            e -> assertThat(e.kind()).isEqualTo(CudaException.Kind.UNSUPPORTED))
        .hasMessage(
            "cuLaunchKernelEx: expected clusters of thread blocks, which JCuda 12.6 does not have; use lamina.cuda.binding=ffm");
  }

  @Test
  void tensorMaps_areRefused() {
    TensorMap tensor =
        new TensorMap(
            TensorMap.Element.F16, 16, List.of(8L), List.of(), List.of(8), TensorMap.Swizzle.NONE);
    assertThatThrownBy(() -> driver.tensorMapEncodeTiled(arena.allocate(128, 64), tensor))
        .hasMessage(
            "cuTensorMapEncodeTiled: expected tensor maps, which JCuda 12.6 does not have; use lamina.cuda.binding=ffm");
  }

  @Test
  void aCapturedLaunch_runsWithItsGraphAndTakesOtherSizes() throws CudaException {
    long stream = driver.streamCreate();
    long nothing = nothing();
    LaunchConfig config = new LaunchConfig(arena, 1).stream(stream);
    driver.streamBeginCapture(stream);
    driver.launch(nothing, config.grid(5, 1, 1));
    assertThat(driver.streamIsCapturing(stream)).isTrue();
    long graph = driver.streamEndCapture(stream);
    assertThat(driver.streamIsCapturing(stream)).isFalse();
    long exec = driver.graphInstantiate(graph);
    driver.graphUpload(exec, stream);
    driver.graphLaunch(exec, stream);
    assertThat(stub.lastLaunch(0)).isEqualTo(5);
    // Handles are the driver's, whichever binding asks.
    long node = FfmDriver.open().orElseThrow().graphNodes(graph)[0];
    assertThat(driver.graphNodeIsKernel(node)).isTrue();
    driver.graphExecSetKernel(exec, node, nothing, config.grid(7, 1, 1));
    driver.graphLaunch(exec, stream);
    assertThat(stub.lastLaunch(0)).isEqualTo(7);
    driver.graphExecDestroy(exec);
    driver.graphDestroy(graph);
    assertThat(stub.live(StubDriver.Kind.EXEC) + stub.live(StubDriver.Kind.GRAPH)).isZero();
  }

  @Test
  void nodesOfAGraph_areNotListed() throws CudaException {
    long stream = driver.streamCreate();
    driver.streamBeginCapture(stream);
    long graph = driver.streamEndCapture(stream);
    assertThatThrownBy(() -> driver.graphNodes(graph))
        .hasMessage(
            "cuGraphGetNodes: expected a list of nodes, which JCuda 12.6 does not have; use lamina.cuda.binding=ffm");
  }

  @Test
  void aGraphThatChanged_isToBeInstantiatedAnew() throws CudaException {
    long stream = driver.streamCreate();
    driver.streamBeginCapture(stream);
    long graph = driver.streamEndCapture(stream);
    long exec = driver.graphInstantiate(graph);
    assertThat(driver.graphExecUpdate(exec, graph)).isFalse();
  }

  @Test
  void aJcudaThatDoesNotLoad_isToldInOneLine() {
    assertThat(JcudaBinding.notLoaded(new UnsatisfiedLinkError("no libJCudaDriver\nStack")))
        .isEqualTo(
            "lamina.cuda.binding=jcuda: expected JCuda 12.6 to load, got java.lang.UnsatisfiedLinkError: no libJCudaDriver; put jcuda-12.6.0.jar and jcuda-natives-12.6.0-linux-x86_64.jar on the class path");
  }
}
