package dev.lamina.backend.cuda.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.driver.DeviceFacts;
import dev.lamina.backend.cuda.driver.Driver;
import dev.lamina.backend.cuda.driver.KernelModules;
import dev.lamina.backend.cuda.driver.StubDriver;
import dev.lamina.backend.sdk.BackendFailure;
import dev.lamina.backend.sdk.CapturedRun;
import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.OutOfDeviceMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What kernels launch becomes a graph; what can't leaves the GPU as it was. */
class GraphCapturerTest {
  private static final int OUT_OF_MEMORY = 2;

  private final Arena arena = Arena.ofConfined();
  private StubDriver stub;
  private Driver driver;
  private Gpu gpu;
  private GraphCapturer capturer;
  private long nothing;
  private long crash;
  private long memory;
  private boolean lost;

  @BeforeEach
  void open() throws CudaException {
    stub = StubDriver.open();
    driver = stub.withContext();
    DeviceFacts facts =
        new DeviceFacts(
            0, 0, "stub", "GPU-0", 9, 0, 8L << 30, 132, 50 << 20, 227 << 10, 0, 0, 0, false);
    gpu = new Gpu(driver, facts, KernelModules.of(driver, facts));
    capturer = new GraphCapturer(gpu);
    long module =
        driver.moduleLoad(arena.allocateFrom(ValueLayout.JAVA_BYTE, StubDriver.image("")));
    nothing = driver.moduleGetFunction(module, "nothing");
    crash = driver.moduleGetFunction(module, "crash");
    memory = gpu.own(16);
    driver.memsetD32Async(memory, 0, 4, gpu.stream());
  }

  @AfterEach
  void close() {
    if (!lost) {
      gpu.close();
    }
    arena.close();
  }

  /** Fills a word of the memory as a kernel does. */
  private void set(int word, int value) {
    try {
      driver.memsetD32Async(memory + 4L * word, value, 1, gpu.stream());
    } catch (CudaException e) {
      throw Failures.unchecked("set", e);
    }
  }

  private int[] words() throws CudaException {
    MemorySegment host = arena.allocate(16, 4);
    driver.memcpyDtoH(host, memory);
    return host.toArray(ValueLayout.JAVA_INT);
  }

  private void step() {
    set(0, 7);
    gpu.params();
    gpu.launch(nothing, 3, 1, 1, 32, 0);
    gpu.launch(nothing, 5, 1, 1, 64, 0);
  }

  @Test
  void whatKernelsLaunch_runsWhenTheGraphIsLaunched() throws CudaException {
    CapturedRun run = capturer.capture(this::step);
    assertThat(words()).containsExactly(0, 0, 0, 0);
    run.launch();
    assertThat(words()).containsExactly(7, 0, 0, 0);
    assertThat(stub.lastLaunch(0)).isEqualTo(5);
    assertThat(stub.lastLaunch(7)).isEqualTo(1);
    set(0, 0);
    run.launch();
    assertThat(words()).containsExactly(7, 0, 0, 0);
    run.close();
    assertThat(stub.live(StubDriver.Kind.EXEC) + stub.live(StubDriver.Kind.GRAPH)).isZero();
  }

  @Test
  void launches_startEarly_butTheFirstOfARun() {
    for (int run = 0; run < 2; run++) {
      gpu.beginRun();
      gpu.params();
      gpu.launch(nothing, 1, 1, 1, 32, 0);
      assertThat(stub.lastLaunch(7)).isZero();
      gpu.launch(nothing, 1, 1, 1, 32, 0);
      assertThat(stub.lastLaunch(7)).isEqualTo(1);
    }
  }

  @Test
  void aLaunchOfAGraph_isOneCallAndAllocatesNothing() throws CudaException {
    CapturedRun run = capturer.capture(this::step);
    int launches = stub.calls("cuLaunchKernelEx");
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 8; i++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int k = 0; k < 500; k++) {
        run.launch();
      }
      least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(least).isZero();
    assertThat(stub.calls("cuGraphLaunch")).isEqualTo(4000);
    assertThat(stub.calls("cuLaunchKernelEx")).isEqualTo(launches);
    run.close();
  }

  @Test
  void workOfAnotherThread_isNotCaptured() throws Exception {
    CapturedRun run =
        capturer.capture(() -> {
          step();
          Thread other = Thread.ofPlatform().start(this::fillByMemory);
          try {
            other.join();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        });
    assertThat(words()).containsExactly(0, 9, 0, 0);
    run.close();
  }

  private void fillByMemory() {
    gpu.use();
    try {
      driver.memsetD32Async(memory + 4, 9, 1, gpu.memoryStream());
    } catch (CudaException e) {
      throw Failures.unchecked("fill", e);
    }
  }

  @Test
  void scratchThatGrew_endsWhatUsedIt() {
    gpu.scratch(100);
    CapturedRun run = capturer.capture(() -> gpu.scratch(1000));
    assertThat(run.isCurrent()).isTrue();
    gpu.scratch(8 << 20);
    assertThat(run.isCurrent()).isFalse();
    run.close();
    assertThatThrownBy(() -> capturer.capture(() -> gpu.scratch(16 << 20)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "scratch: expected at most the 8388608 bytes of earlier runs in a capture, got 16777216");
  }

  @Test
  void aWaitForTheDevice_breaksTheCaptureAlone() throws CudaException {
    Runnable waits =
        () -> {
          set(0, 7);
          try {
            driver.streamSynchronize(gpu.stream());
          } catch (CudaException e) {
            throw Failures.unchecked("wait", e);
          }
        };
    assertThatThrownBy(() -> capturer.capture(waits))
        .isInstanceOf(BackendFailure.class)
        .hasMessageStartingWith("wait: cuStreamSynchronize: CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
    assertThat(words()).containsExactly(0, 0, 0, 0);
    waits.run();
    assertThat(words()).containsExactly(7, 0, 0, 0);
    capturer.capture(this::step).close();
    assertThat(stub.live(StubDriver.Kind.EXEC) + stub.live(StubDriver.Kind.GRAPH)).isZero();
  }

  @Test
  void noMemoryForAGraph_leavesNothingBehind() throws CudaException {
    for (String call :
        new String[] {"cuStreamBeginCapture_v2", "cuGraphInstantiateWithFlags", "cuGraphUpload"}) {
      stub.fail(call, 0, OUT_OF_MEMORY);
      assertThatThrownBy(() -> capturer.capture(this::step))
          .isInstanceOfSatisfying(
              BackendFailure.class,
              e -> assertThat(e.failure()).isInstanceOf(OutOfDeviceMemory.class))
          .hasMessageStartingWith("capture: " + call);
    }
    step();
    assertThat(words()).containsExactly(7, 0, 0, 0);
    assertThat(stub.live(StubDriver.Kind.EXEC) + stub.live(StubDriver.Kind.GRAPH)).isZero();
  }

  @Test
  void aKernelThatFails_losesTheDevice() {
    CapturedRun run =
        capturer.capture(() -> {
          gpu.params();
          gpu.launch(crash, 1, 1, 1, 32, 0);
        });
    assertThatThrownBy(run::launch)
        .isInstanceOfSatisfying(
            BackendFailure.class, e -> assertThat(e.failure()).isInstanceOf(DeviceLost.class))
        .hasMessageStartingWith("launch of a graph: cuGraphLaunch: CUDA_ERROR_LAUNCH_FAILED");
    assertThatThrownBy(gpu::close).hasMessageStartingWith("close: ");
    lost = true;
  }
}
