package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Command;
import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Points;
import dev.lamina.spi.TimedOut;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Commands of a device that goes on after they were submitted. */
class PendingWorkTest {
  private static final Duration LONG = Duration.ofSeconds(10);

  private final LateKernels late = new LateKernels();
  private final Rig rig;
  private final Buffer buffer;
  private final Command fill;

  PendingWorkTest() throws Exception {
    rig = new Rig(late);
    buffer = rig.device.allocate(4, MemoryKind.DEVICE);
    fill = new Command.Fill(new View(buffer, 0, TensorType.of(DType.F32, 1)), 0, 4);
  }

  private void submit(long waitsFor, long signals) throws Exception {
    Points waits = waitsFor == 0 ? Points.none() : Points.of(rig.timeline, waitsFor);
    rig.queue.submit(waits, fill, Points.of(rig.timeline, signals));
  }

  @Test
  void aValueIsReached_whenTheDeviceIsThere() throws Exception {
    submit(0, 1);
    // It waits for what is ahead in the device's own order: no reason to hold it back.
    submit(1, 2);
    assertThat(late.numOpen()).isEqualTo(2);
    assertThat(rig.timeline.value()).isZero();
    assertThatThrownBy(() -> rig.timeline.await(1, Duration.ofMillis(1)))
        .isInstanceOf(TimedOut.class)
        .hasMessage("await: expected value 1 within 1 ms, got 0; the work goes on");
    late.pass(1);
    rig.timeline.await(1, LONG);
    assertThat(rig.timeline.value()).isEqualTo(1);
    late.pass(1);
    assertThat(rig.timeline.value()).isEqualTo(2);
    assertThat(late.numOpen()).isZero();
  }

  @Test
  void aFailureBehind_endsTheDevice_andWhatWaits() throws Exception {
    submit(0, 1);
    submit(1, 2);
    late.pass(1);
    DeviceLost lost = new DeviceLost("run: gone");
    late.failure = new BackendFailure(lost);
    rig.timeline.await(1, LONG);
    assertThatThrownBy(() -> rig.timeline.await(2, LONG)).isSameAs(lost);
    assertThat(rig.timeline.failure()).contains(lost);
    assertThatThrownBy(() -> submit(0, 3)).isSameAs(lost);
    assertThat(late.numOpen()).isZero();
  }

  @Test
  void anErrorOfACommand_comesAfterThoseBeforeIt() throws Exception {
    submit(0, 1);
    Timeline bad = rig.device.newTimeline(0);
    InvalidProgram poison = new InvalidProgram("poison");
    bad.fail(poison);
    Thread other =
        Thread.ofPlatform()
            .start(() -> {
              try {
                rig.queue.submit(Points.of(bad, 1), fill, Points.of(rig.timeline, 2));
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
            });
    assertThat(rig.timeline.failure()).isEmpty();
    late.pass(1);
    rig.timeline.await(1, LONG);
    other.join();
    assertThatThrownBy(() -> rig.timeline.await(2, LONG)).isSameAs(poison);
  }

  @Test
  void aStageCompletes_thoughNobodyAsks() throws Exception {
    CompletableFuture<Void> before = rig.timeline.whenReached(1).toCompletableFuture();
    submit(0, 1);
    CompletableFuture<Void> after = rig.timeline.whenReached(1).toCompletableFuture();
    AtomicLong seen = new AtomicLong();
    // What hangs on a stage may look at the timeline and submit.
    CompletableFuture<Void> next =
        after.thenRun(() -> {
          seen.set(rig.timeline.value());
          late.pass(1);
          try {
            submit(1, 2);
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
    assertThat(before).isNotDone();
    late.pass(1);
    before.get(10, TimeUnit.SECONDS);
    next.get(10, TimeUnit.SECONDS);
    assertThat(seen).hasValue(1);
    rig.timeline.await(2, LONG);
  }

  @Test
  void whatIsClosedMeanwhile_livesUntilTheDeviceIsPastIt() throws Exception {
    submit(0, 1);
    long bytes = rig.device.stats().liveBytes();
    buffer.close();
    assertThat(rig.device.stats().liveBytes()).isEqualTo(bytes);
    late.pass(1);
    assertThat(rig.device.stats().liveBytes()).isEqualTo(bytes - 4);
  }

  @Test
  void whatIsDone_isLeftBehind_thoughNobodyAsks() throws Exception {
    for (int i = 1; i <= 500; i++) {
      rig.queue.submit(Points.none(), fill, Points.none());
      late.pass(1);
      assertThat(late.numOpen()).isLessThanOrEqualTo(64);
    }
  }

  @Test
  void closingTheDevice_waitsForIt() throws Exception {
    submit(0, 1);
    buffer.close();
    rig.queue.close();
    rig.timeline.close();
    Thread closing = Thread.ofPlatform().start(rig.device::close);
    closing.join(Duration.ofMillis(20));
    assertThat(closing.isAlive()).isTrue();
    late.pass(1);
    closing.join();
    assertThat(late.numOpen()).isZero();
  }

  @Test
  void anotherDevicesTimeline_isWaitedFor() throws Exception {
    Rig other = new Rig();
    Timeline gate = other.device.newTimeline(0);
    rig.queue.submit(Points.of(gate, 1), fill, Points.of(rig.timeline, 1));
    assertThat(late.numOpen()).isZero();
    late.pass(1);
    gate.signal(1);
    rig.timeline.await(1, LONG);
  }

  @Test
  void aCommandInFlight_allocatesNothing() throws Exception {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Points waits = new Points();
    Points signals = new Points();
    SteadyMarks steady = new SteadyMarks();
    Rig r = new Rig(steady);
    Ops g = new Ops("twice");
    Value x = g.tensor("x", TensorType.of(DType.F32, 2));
    g.output("y", g.add(x, x));
    Executable exe = r.compile(g.build());
    Bindings b = exe.newBindings().tensor(0, r.floats(null, 1, 2)).tensor(1, r.floats(null, 0, 0));
    Command run = new Command.Run(exe, b);
    long least = Long.MAX_VALUE;
    long at = 0;
    for (int i = 0; i < 8; i++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int k = 0; k < 500; k++) {
        waits.clear().add(r.timeline, at);
        signals.clear().add(r.timeline, ++at);
        r.queue.submit(waits, run, signals);
        r.timeline.await(at - k % 2, LONG);
      }
      least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(least).isZero();
  }

  /** Marks that are reached at once, without an object each. */
  private static final class SteadyMarks implements KernelProvider, OrderMarks {
    private final PlainKernels plain = new PlainKernels();

    @Override
    public long mark() {
      return 1;
    }

    @Override
    public boolean isReached(long mark) {
      return true;
    }

    @Override
    public void release(long mark) {}

    @Override
    public Optional<OrderMarks> marks() {
      return Optional.of(this);
    }

    @Override
    public KernelChoice choose(OpSpec spec) {
      return plain.choose(spec);
    }

    @Override
    public Kernel elementwise(Expr expr) {
      return plain.elementwise(expr);
    }
  }
}
