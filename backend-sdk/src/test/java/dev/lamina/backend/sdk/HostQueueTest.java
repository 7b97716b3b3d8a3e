package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Command;
import dev.lamina.spi.DeviceLost;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.Points;
import dev.lamina.spi.Recording;
import dev.lamina.spi.TimedOut;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.CoreOp.ScatterKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class HostQueueTest {
  private static final Duration LONG = Duration.ofSeconds(10);

  private final Rig rig;

  HostQueueTest() throws Exception {
    rig = new Rig();
  }

  private Executable doubler() throws Exception {
    Ops g = new Ops("doubler");
    Value x = g.tensor("x", TensorType.of(DType.F32, 2));
    g.output("y", g.add(x, x));
    return rig.compile(g.build());
  }

  /** A gather without debug checks of its index, but with a bound check all the same. */
  private Command.Run failing() throws Exception {
    Ops g = new Ops("failing");
    Value x = g.tensor("x", TensorType.of(DType.F32, 2));
    Value i = g.tensor("i", TensorType.of(DType.I32, 1));
    g.output("y", g.gather(x, i, 0));
    Executable exe = rig.compile(g.build());
    Bindings b = exe.newBindings();
    b.tensor(0, rig.floats(null, 1, 2)).tensor(1, rig.ints(2)).tensor(2, rig.floats(null, 0));
    return new Command.Run(exe, b);
  }

  @Test
  void submit_runsAtOnceIfWaitsAreReached() throws Exception {
    Executable exe = doubler();
    View y = rig.floats(null, 0, 0);
    Bindings b = exe.newBindings().tensor(0, rig.floats(null, 1, 2)).tensor(1, y);
    Timeline done = rig.device.newTimeline(5);
    rig.queue.submit(Points.none(), new Command.Run(exe, b), Points.of(done, 6));
    assertThat(done.value()).isEqualTo(6);
    assertThat(Rig.read(y)).containsExactly(2, 4);
  }

  @Test
  void submit_defersInOrderUntilTheHostSignals() throws Exception {
    Executable exe = doubler();
    View x = rig.floats(null, 1, 2);
    View y = rig.floats(null, 0, 0);
    View z = rig.floats(null, 0, 0);
    Bindings first = exe.newBindings().tensor(0, x).tensor(1, y);
    Bindings second = exe.newBindings().tensor(0, y).tensor(1, z);
    Timeline go = rig.device.newTimeline(0);
    Timeline done = rig.device.newTimeline(0);
    rig.queue.submit(Points.of(go, 1), new Command.Run(exe, first), Points.of(done, 1));
    rig.queue.submit(Points.none(), new Command.Run(exe, second), Points.of(done, 2));
    assertThat(done.value()).isZero();
    assertThat(Rig.read(z)).containsExactly(0, 0);
    assertThatThrownBy(() -> done.await(2, Duration.ofMillis(1)))
        .isInstanceOf(TimedOut.class)
        .hasMessage("await: expected value 2 within 1 ms, got 0; the work goes on");
    go.signal(1);
    done.await(2, LONG);
    assertThat(Rig.read(z)).containsExactly(4, 8);
  }

  @Test
  void submit_poisonsSignalsAndWhatWaitsForThem() throws Exception {
    Timeline a = rig.device.newTimeline(0);
    Timeline b = rig.device.newTimeline(0);
    rig.queue.submit(Points.none(), failing(), Points.of(a, 1));
    String message = "run: gather: expected indices below 2, got 2; check the index tensor";
    assertThatThrownBy(() -> a.await(1, LONG))
        .isInstanceOf(InvalidProgram.class)
        .hasMessage(message);
    rig.queue.submit(Points.of(a, 1), failing(), Points.of(b, 1));
    assertThatThrownBy(() -> b.await(1, LONG)).hasMessage(message);
    assertThatThrownBy(() -> b.whenReached(1).toCompletableFuture().get())
        .isInstanceOf(ExecutionException.class)
        .hasRootCauseInstanceOf(ProgramError.class);
    a.fail(new DeviceLost("a second error"));
    assertThat(a.failure()).hasValueSatisfying(e -> assertThat(e).hasMessage(message));
    a.await(0, LONG);
  }

  @Test
  void submit_refusesASecondSubmitter() throws Exception {
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    Timeline slow = new SlowTimeline(inside, release);
    AtomicReference<Throwable> error = new AtomicReference<>();
    Command fill = new Command.Fill(rig.floats(null, 0), 0, 4);
    Thread first =
        Thread.ofPlatform()
            .start(() -> {
              try {
                rig.queue.submit(Points.of(slow, 1), fill, Points.none());
              } catch (Exception e) {
                error.set(e);
              }
            });
    inside.await();
    assertThatThrownBy(() -> rig.queue.submit(Points.none(), fill, Points.none()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "submit: expected one submitter at a time, got a second one; use a queue a thread");
    release.countDown();
    first.join();
    assertThat(error.get()).isNull();
  }

  /** Holds whoever asks for its value. */
  private record SlowTimeline(CountDownLatch inside, CountDownLatch release) implements Timeline {
    @Override
    public long value() {
      inside.countDown();
      try {
        release.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return 1;
    }

    @Override
    public void signal(long value) {}

    @Override
    public void await(long value, Duration timeout) {}

    @Override
    public java.util.concurrent.CompletionStage<Void> whenReached(long value) {
      return java.util.concurrent.CompletableFuture.completedFuture(null);
    }

    @Override
    public void fail(dev.lamina.spi.BackendException error) {}

    @Override
    public java.util.Optional<dev.lamina.spi.BackendException> failure() {
      return java.util.Optional.empty();
    }

    @Override
    public void close() {}
  }

  @Test
  void submit_refusesUnboundSlotsAndUnsetDims() throws Exception {
    Dim t = Dim.sym("T", 1, 8);
    Ops g = new Ops("g");
    Value x = g.tensor("x", TensorType.of(DType.F32, t));
    g.output("y", g.add(x, x));
    Executable exe = rig.compile(g.build());
    Bindings b = exe.newBindings();
    assertThatThrownBy(() -> rig.submit(exe, b))
        .isInstanceOf(InvalidProgram.class)
        .hasMessage("run g: slot 'x' (f32[T]) is not bound; bind it before submit");
    TensorType type = TensorType.of(DType.F32, t);
    b.tensor(0, new View(rig.device.allocate(32, MemoryKind.DEVICE), 0, type));
    b.tensor(1, new View(rig.device.allocate(16, MemoryKind.DEVICE), 0, type));
    assertThatThrownBy(() -> rig.submit(exe, b))
        .hasMessage("run g: dim T is not set; set it before submit");
    b.dim(0, 8);
    assertThatThrownBy(() -> rig.submit(exe, b))
        .hasMessage(
            "bind slot 'y' of g: expected 32 bytes from offset 0, got a buffer of 16 bytes");
    assertThatThrownBy(() -> b.tensor(0, rig.ints(1)))
        .hasMessage("bind slot 'x' of g: expected f32[T], got i32[1]");
    b.tensor(0, rig.floats(null, 1, 2)).dim(0, 3);
    assertThatThrownBy(() -> rig.submit(exe, b))
        .hasMessage("bind slot 'x' of g: expected 3 along axis 0, got f32[2]");
  }

  @Test
  void submit_refusesAnOutputOverAnInput() throws Exception {
    Executable exe = doubler();
    View x = rig.floats(null, 1, 2);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, x);
    assertThatThrownBy(() -> rig.submit(exe, b))
        .isInstanceOf(InvalidProgram.class)
        .hasMessage(
            "bind slot 'y' of doubler: expected memory of its own, got memory that overlaps slot 'x'");
  }

  @Test
  void submit_copiesFillsUploadsAndDownloads() throws Exception {
    View a = rig.floats(new long[] {2, 2}, 1, 2, 3, 4);
    View b = rig.floats(new long[] {2, 2}, 0, 0, 0, 0);
    rig.queue.submit(Points.none(), new Command.Copy(a, b), Points.none());
    assertThat(Rig.read(b)).containsExactly(1, 2, 3, 4);
    rig.queue.submit(Points.none(), new Command.Fill(b, 0x3F800000, 4), Points.none());
    assertThat(Rig.read(b)).containsExactly(1, 1, 1, 1);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(16);
      rig.queue.submit(Points.none(), new Command.Download(a, host), Points.none());
      rig.queue.submit(Points.none(), new Command.Upload(host, b), Points.none());
      assertThat(Rig.read(b)).containsExactly(1, 2, 3, 4);
      assertThatThrownBy(() ->
              rig.queue.submit(
                  Points.none(), new Command.Upload(host.asSlice(4), b), Points.none()))
          .hasMessage("upload: expected host memory of 16 bytes, got 12");
    }
  }

  @Test
  void record_replaysWithThePresentBindings() throws Exception {
    Executable exe = doubler();
    View x = rig.floats(null, 1, 2);
    View y = rig.floats(null, 0, 0);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, y);
    try (Recording r = rig.queue.record(List.of(new Command.Run(exe, b))).orElseThrow()) {
      rig.queue.submit(Points.none(), new Command.Replay(r), Points.none());
      assertThat(Rig.read(y)).containsExactly(2, 4);
      b.tensor(0, rig.floats(null, 5, 6));
      rig.queue.submit(Points.none(), new Command.Replay(r), Points.none());
      assertThat(Rig.read(y)).containsExactly(10, 12);
      assertThat(rig.device.stats().replays()).isEqualTo(2);
    }
  }

  @Test
  void submit_allocatesNothingInSteadyState() throws Exception {
    Dim.Sym t = Dim.sym("T", 1, 8);
    Ops g = new Ops("step");
    Value x = g.tensor("x", TensorType.of(DType.F32, t, Dim.of(2)));
    Value idx = g.tensor("idx", TensorType.of(DType.I32, t));
    Value pool = g.tensor("pool", TensorType.of(DType.F32, 16, 2));
    Value written = g.scatter(ScatterKind.SET, pool, idx, g.add(x, x), 0);
    g.output("pool", written, 2);
    g.output("y", g.gather(written, idx, 0));
    Executable exe = rig.compile(g.build());
    View vp = rig.floats(new long[] {16, 2}, new float[32]);
    View y =
        new View(
            rig.device.allocate(64, MemoryKind.DEVICE), 0, TensorType.of(DType.F32, t, Dim.of(2)));
    Bindings b = exe.newBindings();
    b.tensor(
        0,
        new View(
            rig.device.allocate(64, MemoryKind.DEVICE), 0, TensorType.of(DType.F32, t, Dim.of(2))));
    b.tensor(
        1, new View(rig.device.allocate(32, MemoryKind.DEVICE), 0, TensorType.of(DType.I32, t)));
    b.tensor(2, vp).tensor(3, vp).tensor(4, y);
    Command run = new Command.Run(exe, b);
    Points none = Points.none();
    Points signals = new Points();
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    for (int i = 0, value = 0; i < 8; i++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int k = 0; k < 1000; k++) {
        b.dim(0, 1 + k % 8);
        rig.queue.submit(none, run, signals.clear().add(rig.timeline, ++value));
      }
      least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(rig.timeline.value()).isEqualTo(8000);
    assertThat(least).isZero();
  }
}
