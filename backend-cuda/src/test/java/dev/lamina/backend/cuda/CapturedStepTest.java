package dev.lamina.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

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
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Executables over the emulated kernels: what runs again is one launch of a graph. */
class CapturedStepTest {
  private static final Dim.Sym T = Dim.sym("T", 1, 300);
  private static final int WIDTH = 4;

  private final StubDriver stub = StubDriver.open();
  private final EmulatedCudaProvider provider = new EmulatedCudaProvider();

  CapturedStepTest() {
    stub.memory(512L << 20);
  }

  /** y[t] = sum over k of rms_norm(x + x)[t, k]. */
  private static Graph graph() {
    Ops g = new Ops("step");
    Value x = g.tensor("x", TensorType.of(DType.F32, T, Dim.of(WIDTH)));
    Value twice = g.add(x, x);
    g.output("y", g.reduce(ReduceKind.SUM, g.rmsNorm(twice, null, 0, false), 1));
    return g.build();
  }

  private record Step(
      Device device, Queue queue, Timeline done, Executable exe, Bindings bindings) {
    void run(View x, View y, int rows, float first, long at) throws Exception {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment in = arena.allocate(x.type().byteSize(), 4);
        for (int i = 0; i < rows * WIDTH; i++) {
          in.setAtIndex(ValueLayout.JAVA_FLOAT, i, first + i);
        }
        MemorySegment out = arena.allocate(y.type().byteSize(), 4);
        queue.submit(Points.none(), new Command.Upload(in, x), Points.none());
        queue.submit(Points.none(), new Command.Fill(y, -1, 4), Points.none());
        Command run = new Command.Run(exe, bindings.dim(0, rows));
        queue.submit(Points.none(), run, Points.of(done, at));
        done.await(at, Duration.ofSeconds(20));
        queue.submit(Points.none(), new Command.Download(y, out), Points.none());
        for (int t = 0; t < rows; t++) {
          assertThat(out.getAtIndex(ValueLayout.JAVA_FLOAT, t))
              .isCloseTo(expected(first, t), offset(1e-5f));
        }
        assertThat(out.getAtIndex(ValueLayout.JAVA_INT, rows)).isEqualTo(-1);
      }
    }

    private static float expected(float first, int t) {
      double sum = 0;
      double squares = 0;
      for (int k = 0; k < WIDTH; k++) {
        double v = 2 * (first + t * WIDTH + k);
        sum += v;
        squares += v * v;
      }
      return (float) (sum / Math.sqrt(squares / WIDTH));
    }
  }

  @Test
  void aStepThatComesAgain_isOneLaunch_whateverItsInputs() throws Exception {
    try (Backend backend = provider.open(BackendOptions.DEFAULT);
        Device device = backend.open(0);
        Queue queue = device.newQueue();
        Timeline done = device.newTimeline(0);
        Executable exe = device.compile(graph(), CompileOptions.DEFAULT);
        Buffer xs = device.allocate(4L * WIDTH * 16, MemoryKind.DEVICE);
        Buffer ys = device.allocate(4L * 16, MemoryKind.DEVICE)) {
      View x = new View(xs, 0, TensorType.of(DType.F32, 16, WIDTH));
      View y = new View(ys, 0, TensorType.of(DType.F32, 16));
      Bindings b =
          exe.newBindings()
              .tensor(0, new View(xs, 0, TensorType.of(DType.F32, T, Dim.of(WIDTH))))
              .tensor(1, new View(ys, 0, TensorType.of(DType.F32, T)));
      Step step = new Step(device, queue, done, exe, b);
      long at = 0;
      for (int i = 0; i < 2; i++) {
        step.run(x, y, 8, 1 + i, ++at);
        step.run(x, y, 3, 1 + i, ++at);
      }
      assertThat(stub.calls("cuGraphInstantiateWithFlags")).isEqualTo(2);
      for (int i = 0; i < 3; i++) {
        step.run(x, y, 8, 10 + i, ++at);
        step.run(x, y, 3, 10 + i, ++at);
      }
      assertThat(stub.calls("cuGraphInstantiateWithFlags")).isEqualTo(2);
      assertThat(stub.calls("cuGraphLaunch")).isEqualTo(8);
      int launches = stub.calls("cuLaunchKernelEx");
      queue.submit(Points.none(), new Command.Run(exe, b.dim(0, 3)), Points.of(done, ++at));
      assertThat(stub.calls("cuLaunchKernelEx")).isEqualTo(launches);
      assertThat(stub.calls("cuGraphLaunch")).isEqualTo(9);
    }
    assertThat(stub.live(StubDriver.Kind.EXEC)).isZero();
  }

  @Test
  void bucket_padsBatchesAndPromptsToAFewSizes() throws Exception {
    Ops g = new Ops("padded");
    Dim.Sym pages = Dim.sym("P", 1, 300);
    Value x = g.tensor("x", TensorType.of(DType.F32, T));
    g.tensor("table", TensorType.of(DType.I32, pages));
    g.output("y", g.add(x, x));
    try (Backend backend = provider.open(BackendOptions.DEFAULT);
        Device device = backend.open(0);
        Executable exe = device.compile(g.build(), CompileOptions.DEFAULT)) {
      int t = exe.dims().indexOf("T");
      int p = exe.dims().indexOf("P");
      int[][] sizes = {
        {1, 1, 1},
        {3, 4, 4},
        {9, 16, 16},
        {17, 24, 32},
        {64, 64, 64},
        {65, 128, 128},
        {129, 192, 256},
        {257, 300, 300}
      };
      for (int[] s : sizes) {
        long[] values = {s[0], s[0]};
        exe.bucket(values);
        assertThat(values[t]).isEqualTo(s[1]);
        assertThat(values[p]).isEqualTo(s[2]);
      }
    }
  }
}
