package dev.lamina.backend.rocm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.backend.rocm.driver.Shim;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.Executable;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.Points;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.Unsupported;
import dev.lamina.spi.View;
import dev.lamina.spi.Weight;
import dev.lamina.spi.WeightSpec;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Opening, failing and closing: nothing stays behind. */
class LifecycleTest {
  /** More than all pieces of pinned memory together. */
  private static final int ROWS = 9 << 16;

  private static final int OUT_OF_MEMORY = 2;
  private static final int NO_BINARY_FOR_GPU = 209;
  private static final int ILLEGAL_ADDRESS = 700;

  private final RocmBackendProvider provider = new RocmBackendProvider();
  private Shim shim;

  @BeforeEach
  void openShim() {
    shim = Shim.open();
  }

  private static Graph graph() {
    Ops g = new Ops("rows");
    Value x = g.weight("x", TensorType.of(DType.F32, ROWS, 4));
    Value y = g.reduce(ReduceKind.SUM, g.add(x, x), 1);
    g.output("y", g.reduce(ReduceKind.SUM, y, 0));
    return g.build();
  }

  /** Loads, compiles, runs so often and reads. */
  private static float sum(Device device, int runs) throws BackendException {
    WeightSpec spec =
        new WeightSpec("x", TensorType.of(DType.F32, ROWS, 4), EnumSet.of(WeightSpec.Use.PLAIN));
    try (Arena arena = Arena.ofConfined();
        Weight x = device.loadWeight(spec, ones(arena));
        Executable exe = device.compile(graph(), CompileOptions.DEFAULT);
        Buffer y = device.allocate(4, MemoryKind.DEVICE);
        Buffer host = device.allocate(4, MemoryKind.PINNED_HOST);
        Queue queue = device.newQueue();
        Timeline done = device.newTimeline(0)) {
      View out = new View(y, 0, TensorType.of(DType.F32, new long[0]));
      Bindings b = exe.newBindings().weight(0, x).tensor(1, out);
      MemorySegment to = host.host().orElseThrow();
      long point = 0;
      for (int i = 0; i < runs; i++) {
        Points before = point == 0 ? Points.none() : Points.of(done, point);
        queue.submit(before, new Command.Run(exe, b), Points.of(done, ++point));
        queue.submit(
            Points.of(done, point), new Command.Download(out, to), Points.of(done, ++point));
        done.await(point, Duration.ofSeconds(20));
      }
      return to.get(ValueLayout.JAVA_FLOAT, 0);
    }
  }

  private static MemorySegment ones(Arena arena) {
    MemorySegment ones = arena.allocate(ROWS * 16L, 64);
    for (long i = 0; i < 4L * ROWS; i++) {
      ones.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
    }
    return ones;
  }

  private void assertNothingStays() {
    for (Shim.Kind kind : Shim.Kind.values()) {
      // HIP keeps a device's context as long as the process.
      if (kind != Shim.Kind.CONTEXT) {
        assertThat(shim.live(kind)).as("%s that stay", kind).isZero();
      }
    }
  }

  @Test
  void aRunThatComesAgain_isCaptured_andAllOfItIsGivenBack() throws BackendException {
    try (Backend backend = provider.open(BackendOptions.DEFAULT);
        Device device = backend.open(0)) {
      assertThat(device.info().name()).isEqualTo("HIP API over a CUDA shim (Stub GPU 0)");
      assertThat(sum(device, 6)).isEqualTo(8f * ROWS);
      assertThat(shim.calls("cuGraphLaunch")).isGreaterThan(1);
    }
    assertNothingStays();
  }

  @ParameterizedTest
  @ValueSource(strings = {"cuMemAlloc_v2", "cuMemHostAlloc", "cuEventCreate"})
  void anAllocationThatFails_leavesTheRestUsable(String function) throws BackendException {
    boolean failed = true;
    for (int k = 0; failed; k++) {
      try (Backend backend = provider.open(BackendOptions.DEFAULT)) {
        shim.fail(function, k, OUT_OF_MEMORY);
        failed = false;
        try (Device device = backend.open(0)) {
          try {
            sum(device, 3);
          } catch (OutOfDeviceMemory e) {
            failed = true;
            assertThat(e).hasMessageContaining("hipErrorOutOfMemory (2)");
          }
          assertThat(sum(device, 3)).as("after failure %d", k).isEqualTo(8f * ROWS);
        } catch (OutOfDeviceMemory e) {
          failed = true;
          assertThat(e).hasMessageContaining("hipErrorOutOfMemory (2)");
        }
      }
      assertNothingStays();
      assertThat(k).as("allocations").isLessThan(200);
      shim = Shim.open();
    }
  }

  @Test
  void aCodeObjectForAnotherGpu_isRefusedWithWhatToDo() throws BackendException {
    try (Backend backend = provider.open(BackendOptions.DEFAULT)) {
      shim.fail("cuModuleLoadData", 0, NO_BINARY_FOR_GPU);
      assertThatThrownBy(() -> backend.open(0))
          .isInstanceOf(Unsupported.class)
          .hasMessageContaining("kernel fill: hipModuleLoadData")
          .hasMessageContaining("hipErrorNoBinaryForGpu (209)")
          .hasMessageEndingWith("; update ROCm, or use what this GPU has");
      assertNothingStays();
    }
  }

  @Test
  void aKernelThatFails_losesTheDevice() throws BackendException {
    Backend backend = provider.open(BackendOptions.DEFAULT);
    Device device = backend.open(0);
    shim.fail("cuLaunchKernel", 0, ILLEGAL_ADDRESS);
    assertThatThrownBy(() -> sum(device, 1))
        .isInstanceOf(DeviceLost.class)
        .hasMessageContaining("hipErrorIllegalAddress (700)")
        .hasMessageContaining("start the process anew");
  }

  @Test
  void aPropertyThatNoOneKnows_isRefused() {
    BackendOptions options = new BackendOptions(0, Map.of("lds", "64"));
    assertThatThrownBy(() -> provider.open(options))
        .hasMessage("open rocm: expected no properties, got [lds]");
  }

  @Test
  void withoutAGpu_openingSaysWhy() {
    shim.machine(0, 9, 0);
    assertThat(provider.probe()).isInstanceOf(ProbeResult.Absent.class);
    assertThatThrownBy(() -> provider.open(BackendOptions.DEFAULT))
        .hasMessageStartingWith("open rocm: ")
        .hasMessageContaining("finds no GPU");
  }
}
