package dev.lamina.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.backend.cuda.driver.StubDriver;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.RunMeter;
import dev.lamina.spi.RunMeter.RunTimes;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Runs and gaps by the device's clock; the stub's events take the time when they are recorded. */
class RunTimesTest {
  private final StubDriver stub = StubDriver.open();
  private final EmulatedCudaProvider provider = new EmulatedCudaProvider();

  RunTimesTest() {
    stub.memory(512L << 20);
  }

  @Test
  void gapsBetweenRuns_areTheIdleTime_howeverManyThereAre() throws Exception {
    try (Backend backend = provider.open(BackendOptions.DEFAULT)) {
      assertThat(backend.extension(RunMeter.class)).isEmpty();
      try (Device device = backend.open(0);
          Queue queue = device.newQueue();
          Timeline done = device.newTimeline(0);
          Executable exe = device.compile(twice(), CompileOptions.DEFAULT);
          Buffer x = device.allocate(16, MemoryKind.DEVICE);
          Buffer y = device.allocate(16, MemoryKind.DEVICE)) {
        RunMeter meter = backend.extension(RunMeter.class).orElseThrow();
        assertThatThrownBy(() -> meter.stopTiming(device))
            .isInstanceOf(IllegalStateException.class)
            .hasMessage("timing: expected a start before the stop");
        TensorType type = TensorType.of(DType.F32, 4);
        Bindings b = exe.newBindings().tensor(0, new View(x, 0, type));
        Command run = new Command.Run(exe, b.tensor(1, new View(y, 0, type)));

        meter.startTiming(device);
        RunTimes none = meter.stopTiming(device);
        assertThat(none).isEqualTo(new RunTimes(0, 0, 0));
        assertThat(none.idleFraction()).isZero();

        meter.startTiming(device);
        long start = System.nanoTime();
        long at = 0;
        for (int i = 0; i < 3; i++) {
          queue.submit(Points.none(), run, Points.of(done, ++at));
          Thread.sleep(i < 2 ? 20 : 0);
        }
        RunTimes three = meter.stopTiming(device);
        double elapsed = (System.nanoTime() - start) / 1e9;
        assertThat(three.runs()).isEqualTo(3);
        assertThat(three.idleSeconds()).isBetween(0.040, elapsed);
        assertThat(three.seconds()).isBetween(three.idleSeconds(), elapsed);
        assertThat(three.idleFraction()).isEqualTo(three.idleSeconds() / three.seconds());

        // More than there are events for: the oldest are read on the way.
        meter.startTiming(device);
        start = System.nanoTime();
        for (int i = 0; i < 700; i++) {
          queue.submit(Points.none(), run, Points.of(done, ++at));
        }
        RunTimes many = meter.stopTiming(device);
        elapsed = (System.nanoTime() - start) / 1e9;
        assertThat(many.runs()).isEqualTo(700);
        // Events come at once after runs that are done: all but begin and end is covered.
        assertThat(many.seconds()).isBetween(elapsed / 3, elapsed);
        done.await(at, Duration.ofSeconds(10));
      }
    }
    assertThat(stub.live(StubDriver.Kind.EVENT)).isZero();
  }

  private static Graph twice() {
    Ops g = new Ops("twice");
    Value x = g.tensor("x", TensorType.of(DType.F32, 4));
    g.output("y", g.add(x, x));
    return g.build();
  }
}
