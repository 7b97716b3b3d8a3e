package dev.lamina.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

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
import java.util.Arrays;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Products under {@code BATCH_INVARIANT} on the kernels compiled for the host. The kit asks every
 * op and whole models ({@code batch_invariant/*}), which takes too long for a build.
 */
class InvariantProductsTest {
  private static final CompileOptions INVARIANT =
      new CompileOptions(false, false, false, Set.of(CompileOptions.Guarantee.BATCH_INVARIANT));

  private static final int COLUMNS = 21;
  private static final int ROWS = 70;

  private final EmulatedCudaProvider provider = new EmulatedCudaProvider();
  private final Random random = new Random(7);

  /** The first rows of x times the transposed w, in F32. */
  private float[] product(CompileOptions options, float[] x, short[] w, int rows) throws Exception {
    int k = w.length / COLUMNS;
    Ops g = new Ops("product");
    Value left = g.tensor("x", TensorType.of(DType.F32, Dim.sym("T", 1, 128), Dim.of(k)));
    Value right = g.tensor("w", TensorType.of(DType.BF16, Dim.of(COLUMNS), Dim.of(k)));
    g.output("y", g.linear(left, right, null, DType.F32));
    Graph graph = g.build();
    try (Arena arena = Arena.ofConfined();
        Backend backend = provider.open(BackendOptions.DEFAULT);
        Device device = backend.open(0);
        Queue queue = device.newQueue();
        Timeline done = device.newTimeline(0);
        Executable exe = device.compile(graph, options);
        Buffer xs = device.allocate(4L * rows * k, MemoryKind.DEVICE);
        Buffer ws = device.allocate(2L * w.length, MemoryKind.DEVICE);
        Buffer ys = device.allocate(4L * rows * COLUMNS, MemoryKind.DEVICE)) {
      MemorySegment in = arena.allocateFrom(ValueLayout.JAVA_FLOAT, Arrays.copyOf(x, rows * k));
      MemorySegment weights = arena.allocateFrom(ValueLayout.JAVA_SHORT, w);
      MemorySegment out = arena.allocate(4L * rows * COLUMNS, 16);
      View result = new View(ys, 0, TensorType.of(DType.F32, rows, COLUMNS));
      upload(queue, in, new View(xs, 0, TensorType.of(DType.F32, rows, k)));
      upload(queue, weights, new View(ws, 0, TensorType.of(DType.BF16, COLUMNS, k)));
      Bindings b = exe.newBindings().dim(0, rows);
      b.tensor(0, new View(xs, 0, (TensorType) exe.slots().get(0).type()));
      b.tensor(1, new View(ws, 0, (TensorType) exe.slots().get(1).type()));
      b.tensor(2, new View(ys, 0, (TensorType) exe.slots().get(2).type()));
      queue.submit(Points.none(), new Command.Run(exe, b), Points.of(done, 1));
      done.await(1, Duration.ofSeconds(60));
      queue.submit(Points.none(), new Command.Download(result, out), Points.of(done, 2));
      done.await(2, Duration.ofSeconds(60));
      return out.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static void upload(Queue queue, MemorySegment from, View to) throws Exception {
    queue.submit(Points.none(), new Command.Upload(from, to), Points.none());
  }

  private float[] numbers(int n) {
    float[] all = new float[n];
    for (int i = 0; i < n; i++) {
      all[i] = (float) random.nextGaussian();
    }
    return all;
  }

  private short[] weights(int k) {
    short[] all = new short[COLUMNS * k];
    for (int i = 0; i < all.length; i++) {
      all[i] = (short) (Float.floatToRawIntBits((float) random.nextGaussian()) >>> 16);
    }
    return all;
  }

  /** On tensor cores, and where rows are not aligned. */
  @ParameterizedTest
  @ValueSource(ints = {136, 131})
  void aRow_hasTheSameBitsBesideAnyOthers(int k) throws Exception {
    float[] x = numbers(ROWS * k);
    short[] w = weights(k);
    float[] all = product(INVARIANT, x, w, ROWS);
    for (int rows : new int[] {1, 3, 17}) {
      assertThat(product(INVARIANT, x, w, rows)).isEqualTo(Arrays.copyOf(all, rows * COLUMNS));
    }
  }

  /** So that the test above could fail. */
  @Test
  void withoutTheGuarantee_fewRowsAreAddedInAnotherOrder() throws Exception {
    float[] x = numbers(ROWS * 136);
    short[] w = weights(136);
    float[] all = product(CompileOptions.DEFAULT, x, w, ROWS);
    float[] one = product(CompileOptions.DEFAULT, x, w, 1);
    assertThat(one).isNotEqualTo(Arrays.copyOf(all, COLUMNS));
  }
}
