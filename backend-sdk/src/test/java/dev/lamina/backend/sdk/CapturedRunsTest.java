package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.lamina.spi.Bindings;
import dev.lamina.spi.Command;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.OutOfDeviceMemory;
import dev.lamina.spi.Points;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Runs that come again are captured and launched whole; all else runs kernel by kernel. */
class CapturedRunsTest {
  private static final Dim.Sym T = Dim.sym("T", 0, 1 << 16);

  private final CapturingKernels kernels = new CapturingKernels();
  private final Rig rig;

  CapturedRunsTest() throws Exception {
    rig = new Rig(kernels);
  }

  /** y[t] = 2 (x[t, 0] + x[t, 1]), in two kernels with a workspace between them. */
  private static Graph sums() {
    Ops g = new Ops("sums");
    Value x = g.tensor("x", TensorType.of(DType.F32, T, Dim.of(2)));
    Value twice = g.add(x, x);
    g.output("y", g.reduce(ReduceKind.SUM, twice, 1));
    return g.build();
  }

  private View room(long floats, Dim... dims) throws Exception {
    return new View(
        rig.device.allocate(4 * floats, MemoryKind.DEVICE), 0, TensorType.of(DType.F32, dims));
  }

  private View x(long rows) throws Exception {
    return room(2 * rows, T, Dim.of(2));
  }

  /** Fills x, runs, checks y. */
  private void run(Executable exe, Bindings b, View x, View y, int rows, float first)
      throws Exception {
    MemorySegment in = x.buffer().host().orElseThrow();
    for (int i = 0; i < 2 * rows; i++) {
      Elements.setFloat(DType.F32, in, 4L * i, first + i);
    }
    MemorySegment out = y.buffer().host().orElseThrow();
    out.fill((byte) -1);
    rig.submit(exe, b.dim(0, rows));
    for (int t = 0; t < rows; t++) {
      assertThat(Elements.getFloat(DType.F32, out, 4L * t)).isEqualTo(2 * (2 * first + 4 * t + 1));
    }
  }

  @Test
  void theSecondRunIsCaptured_andLaterOnesAreLaunchedWhole() throws Exception {
    Executable exe = rig.compile(sums());
    View x = x(8);
    View y = room(8, T);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, y);
    run(exe, b, x, y, 3, 1);
    assertThat(kernels.launches).isEqualTo(2);
    assertThat(kernels.captures).isZero();
    for (int i = 1; i <= 4; i++) {
      run(exe, b, x, y, 3, 10 * i);
      assertThat(kernels.replays).isEqualTo(i);
    }
    assertThat(kernels.launches).isEqualTo(2);
    assertThat(kernels.captures).isEqualTo(1);
    exe.close();
    assertThat(kernels.live).isZero();
  }

  @Test
  void eachSetOfDims_hasItsOwn() throws Exception {
    Executable exe = rig.compile(sums());
    View x = x(8);
    View y = room(8, T);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, y);
    for (int round = 0; round < 5; round++) {
      for (int rows = 5; rows <= 8; rows++) {
        run(exe, b, x, y, rows, round);
      }
    }
    assertThat(kernels.launches).isEqualTo(4 * 2);
    assertThat(kernels.captures).isEqualTo(4);
    assertThat(kernels.replays).isEqualTo(4 * 4);
  }

  @Test
  void theLeastRecentlyUsed_makesRoom() throws Exception {
    Executable exe = rig.compile(sums());
    View x = x(64);
    View y = room(64, T);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, y);
    int last = 33 + CapturedRuns.MAX_RUNS;
    run(exe, b, x, y, 64, 0);
    for (int rows = 33; rows < last; rows++) {
      run(exe, b, x, y, rows == 64 ? 1 : rows, 0);
      run(exe, b, x, y, rows == 64 ? 1 : rows, 0);
    }
    assertThat(kernels.live).isEqualTo(CapturedRuns.MAX_RUNS);
    int replays = kernels.replays;
    run(exe, b, x, y, 33, 5);
    assertThat(kernels.replays).isEqualTo(replays + 1);
    run(exe, b, x, y, 64, 5);
    assertThat(kernels.live).isEqualTo(CapturedRuns.MAX_RUNS);
    int launches = kernels.launches;
    run(exe, b, x, y, 33, 6);
    assertThat(kernels.launches).isEqualTo(launches);
    run(exe, b, x, y, 34, 6);
    assertThat(kernels.captures).isEqualTo(CapturedRuns.MAX_RUNS + 2);
  }

  @Test
  void aNewAddress_isNeverReplayedOver() throws Exception {
    Executable exe = rig.compile(sums());
    View x = x(8);
    View y = room(8, T);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, y);
    run(exe, b, x, y, 8, 1);
    run(exe, b, x, y, 8, 2);
    View other = room(8, T);
    b.tensor(1, other);
    run(exe, b, x, other, 8, 3);
    assertThat(kernels.launches).isEqualTo(4);
    run(exe, b, x, other, 8, 4);
    run(exe, b, x, other, 8, 5);
    assertThat(kernels.captures).isEqualTo(2);
    assertThat(kernels.live).isEqualTo(1);
    b.tensor(1, y);
    run(exe, b, x, y, 8, 6);
    assertThat(kernels.launches).isEqualTo(6);
  }

  @Test
  void aLargerWorkspace_ends_whatUsedTheSmallOne() throws Exception {
    Executable exe = rig.compile(sums());
    View x = x(64);
    View y = room(64, T);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, y);
    run(exe, b, x, y, 3, 1);
    run(exe, b, x, y, 3, 2);
    run(exe, b, x, y, 64, 3);
    run(exe, b, x, y, 3, 4);
    assertThat(kernels.launches).isEqualTo(6);
    run(exe, b, x, y, 3, 5);
    assertThat(kernels.captures).isEqualTo(2);
    assertThat(kernels.live).isEqualTo(1);
  }

  @Test
  void somethingClosed_endsWhatWasCapturedWithIt() throws Exception {
    Executable exe = rig.compile(sums());
    View x = x(8);
    View y = room(8, T);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, y);
    run(exe, b, x, y, 8, 1);
    run(exe, b, x, y, 8, 2);
    y.buffer().close();
    assertThatThrownBy(() -> rig.submit(exe, b)).isInstanceOf(IllegalStateException.class);
    View fresh = room(8, T);
    Bindings other = exe.newBindings().tensor(0, x).tensor(1, fresh);
    run(exe, other, x, fresh, 8, 3);
    assertThat(kernels.live).isZero();
    assertThat(kernels.replays).isEqualTo(1);
  }

  @Test
  void scratchThatMoved_isCapturedAnew() throws Exception {
    Executable exe = rig.compile(sums());
    View x = x(8);
    View y = room(8, T);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, y);
    run(exe, b, x, y, 8, 1);
    run(exe, b, x, y, 8, 2);
    kernels.generation++;
    run(exe, b, x, y, 8, 3);
    run(exe, b, x, y, 8, 4);
    assertThat(kernels.captures).isEqualTo(2);
    assertThat(kernels.live).isEqualTo(1);
    assertThat(kernels.launches).isEqualTo(2);
  }

  @Test
  void aFailedCapture_runsKernelByKernelFromThenOn() throws Exception {
    Executable exe = rig.compile(sums());
    View x = x(8);
    View y = room(8, T);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, y);
    kernels.refusal = new BackendFailure(new OutOfDeviceMemory("capture: no memory", null));
    for (int i = 0; i < 4; i++) {
      run(exe, b, x, y, 8, i);
    }
    kernels.refusal = null;
    run(exe, b, x, y, 7, 1);
    run(exe, b, x, y, 7, 2);
    assertThat(kernels.captures).isEqualTo(1);
    assertThat(kernels.launches).isEqualTo(12);
    assertThat(((HostExecutable) exe).capturedRuns().refusal())
        .isEqualTo(
            "sums: a run can't be captured, kernels are launched one by one: capture: no memory");
  }

  @Test
  void aFailedReplay_poisonsThePoints_andIsNotTriedAgain() throws Exception {
    Executable exe = rig.compile(sums());
    View x = x(8);
    View y = room(8, T);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, y).dim(0, 8);
    run(exe, b, x, y, 8, 1);
    run(exe, b, x, y, 8, 2);
    kernels.launchFailure = new BackendFailure(new InvalidProgram("launch of a graph: refused"));
    var signal = rig.device.newTimeline(0);
    rig.queue.submit(Points.none(), new Command.Run(exe, b), Points.of(signal, 1));
    assertThat(signal.failure()).get().isInstanceOf(InvalidProgram.class);
    assertThat(signal.failure().orElseThrow()).hasMessage("launch of a graph: refused");
    assertThat(kernels.live).isZero();
    run(exe, b, x, y, 8, 3);
    run(exe, b, x, y, 8, 4);
    assertThat(kernels.captures).isEqualTo(1);
    assertThat(((HostExecutable) exe).capturedRuns().refusal())
        .isEqualTo(
            "sums: a run failed when launched whole, kernels are launched one by one:"
                + " launch of a graph: refused");
  }

  @Test
  void debugExecutables_areNotCaptured() throws Exception {
    Executable exe = rig.compileDebug(sums());
    View x = x(8);
    View y = room(8, T);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, y);
    for (int i = 0; i < 4; i++) {
      run(exe, b, x, y, 8, i);
    }
    assertThat(kernels.captures).isZero();
  }

  /** x + n, an addition a turn; n from a dim or from the device. */
  private static Graph counting(boolean onDevice) {
    Ops body = new Ops("body");
    body.tensor("i", TensorType.of(DType.I32, Shape.SCALAR));
    Value x = body.tensor("x", TensorType.of(DType.F32, 2));
    body.output("x", body.add(x, body.fillLike(x, 1)));
    Ops g = new Ops("counting");
    Value start = g.tensor("start", TensorType.of(DType.F32, 2));
    Value count = g.tensor("n", TensorType.of(DType.I32, onDevice ? Shape.SCALAR : Shape.of(T)));
    List<Value> operands = onDevice ? List.of(count, start) : List.of(start);
    g.output("end", g.loop(onDevice ? null : T, 1, body.build(), operands).getFirst());
    return g.build();
  }

  @Test
  void aLoopOverADim_isCapturedTurnByTurn() throws Exception {
    Executable exe = rig.compile(counting(false));
    View n =
        new View(rig.device.allocate(4 << 16, MemoryKind.DEVICE), 0, TensorType.of(DType.I32, T));
    View start = rig.floats(null, 10, 20);
    View end = rig.floats(null, 0, 0);
    Bindings b = exe.newBindings().tensor(0, start).tensor(1, n).tensor(2, end);
    for (int i = 0; i < 3; i++) {
      rig.submit(exe, b.dim(0, 5));
      assertThat(Rig.read(end)).containsExactly(15, 25);
      end.buffer().host().orElseThrow().fill((byte) 0);
    }
    assertThat(kernels.replays).isEqualTo(2);
    for (int i = 0; i < 3; i++) {
      rig.submit(exe, b.dim(0, 30_000));
      assertThat(Rig.read(end)).containsExactly(30_010, 30_020);
    }
    assertThat(kernels.captures).isEqualTo(1);
  }

  @Test
  void aLoopWhoseCountTheDeviceHolds_isNotCaptured() throws Exception {
    Executable exe = rig.compile(counting(true));
    View n = rig.ints(new long[0], 3);
    View end = rig.floats(null, 0, 0);
    Bindings b = exe.newBindings().tensor(0, rig.floats(null, 10, 20)).tensor(1, n).tensor(2, end);
    for (int i = 0; i < 3; i++) {
      Elements.setLong(DType.I32, n.buffer().host().orElseThrow(), 0, i);
      rig.submit(exe, b);
      assertThat(Rig.read(end)).containsExactly(10 + i, 20 + i);
    }
    assertThat(kernels.captures).isZero();
  }

  @Test
  void aReplay_allocatesNothing() throws Exception {
    Executable exe = rig.compile(sums());
    View x = x(8);
    View y = room(8, T);
    Bindings b = exe.newBindings().tensor(0, x).tensor(1, y);
    Command run = new Command.Run(exe, b);
    for (int rows = 0; rows < 8; rows++) {
      run(exe, b, x, y, rows, 0);
      run(exe, b, x, y, rows, 0);
    }
    var timeline = rig.device.newTimeline(0);
    Points none = Points.none();
    Points signals = new Points();
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    for (int i = 0, value = 0; i < 4; i++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int k = 0; k < 500; k++) {
        b.dim(0, k % 8);
        rig.queue.submit(none, run, signals.clear().add(timeline, ++value));
      }
      least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
    }
    assertThat(kernels.captures).isEqualTo(8);
    assertThat(least).isZero();
  }

  @Test
  void bucket_roundsWhatIsComputedLess_andKeepsTheRange() throws Exception {
    Dim.Sym pages = Dim.sym("P", 1, 64);
    Ops g = new Ops("g");
    Value x = g.tensor("x", TensorType.of(DType.F32, T));
    g.tensor("table", TensorType.of(DType.I32, pages));
    g.output("y", g.add(x, x));
    Executable exe = rig.compile(g.build());
    long[] values = new long[2];
    values[exe.dims().indexOf("T")] = 5;
    values[exe.dims().indexOf("P")] = 3;
    exe.bucket(values);
    assertThat(values[exe.dims().indexOf("T")]).isEqualTo(8);
    assertThat(values[exe.dims().indexOf("P")]).isEqualTo(30);
    values[exe.dims().indexOf("T")] = 1 << 16;
    values[exe.dims().indexOf("P")] = 40;
    exe.bucket(values);
    assertThat(values[exe.dims().indexOf("T")]).isEqualTo(1 << 16);
    assertThat(values[exe.dims().indexOf("P")]).isEqualTo(64);
  }
}
