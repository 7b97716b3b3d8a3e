package dev.lamina.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.backend.cuda.driver.StubDriver;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Timeline;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The k-th allocation fails, for every k: the device stays usable, and nothing stays behind. */
class OutOfMemoryTest {
  private static final int OUT_OF_MEMORY = 2;

  /** More than a small copy's piece, so that large pieces are taken, too. */
  private static final int ROWS = 3 << 17;

  private final StubDriver stub = StubDriver.open();
  private final EmulatedCudaProvider provider = new EmulatedCudaProvider();

  OutOfMemoryTest() {
    stub.memory(512L << 20);
  }

  private static Graph graph() {
    Ops g = new Ops("rows");
    Value x = g.weight("x", TensorType.of(DType.F32, ROWS, 4));
    Value y = g.reduce(ReduceKind.SUM, g.add(x, x), 1);
    g.output("y", g.reduce(ReduceKind.SUM, y, 0));
    return g.build();
  }

  /** Loads, compiles, runs and reads. */
  private static float sum(Device device, MemorySegment ones) throws BackendException {
    WeightSpec spec =
        new WeightSpec("x", TensorType.of(DType.F32, ROWS, 4), EnumSet.of(WeightSpec.Use.PLAIN));
    try (Weight x = device.loadWeight(spec, ones);
        Executable exe = device.compile(graph(), CompileOptions.DEFAULT);
        Buffer y = device.allocate(4, MemoryKind.DEVICE);
        Buffer host = device.allocate(4, MemoryKind.PINNED_HOST);
        Queue queue = device.newQueue();
        Timeline done = device.newTimeline(0)) {
      View out = new View(y, 0, TensorType.of(DType.F32, new long[0]));
      Bindings b = exe.newBindings().weight(0, x).tensor(1, out);
      MemorySegment to = host.host().orElseThrow();
      queue.submit(Points.none(), new Command.Run(exe, b), Points.of(done, 1));
      queue.submit(Points.of(done, 1), new Command.Download(out, to), Points.of(done, 2));
      done.await(2, Duration.ofSeconds(20));
      return to.get(ValueLayout.JAVA_FLOAT, 0);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"cuMemAlloc_v2", "cuMemHostAlloc"})
  void anyAllocationThatFails_leavesTheDeviceUsable(String call) throws Exception {
    try (Arena arena = Arena.ofConfined();
        Backend backend = provider.open(BackendOptions.DEFAULT);
        Device device = backend.open(0)) {
      MemorySegment ones = arena.allocate(16L * ROWS, 16);
      for (long i = 0; i < 4L * ROWS; i++) {
        ones.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
      }
      int failed = 0;
      for (boolean fails = true; fails; failed++) {
        stub.fail(call, failed, OUT_OF_MEMORY);
        long live = device.stats().liveBytes();
        try {
          assertThat(sum(device, ones)).isEqualTo(8f * ROWS);
          fails = false;
        } catch (OutOfDeviceMemory e) {
          assertThat(e)
              .hasMessageContaining("CUDA_ERROR_OUT_OF_MEMORY")
              .hasMessageContaining("--kv-memory");
          assertThat(e.deviceUsable()).isTrue();
        }
        assertThat(device.stats().liveBytes()).as("left by failure %d", failed).isEqualTo(live);
      }
      stub.fail("none", 0, 0);
      assertThat(failed).as("failures of %s and the run after them", call).isGreaterThan(1);
      assertThat(sum(device, ones)).isEqualTo(8f * ROWS);
    }
    assertThat(stub.live(StubDriver.Kind.DEVICE_MEMORY)).isZero();
    assertThat(stub.live(StubDriver.Kind.PINNED)).isZero();
  }
}
