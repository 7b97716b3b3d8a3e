package dev.lamina.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

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
import dev.lamina.spi.Slot;
import dev.lamina.spi.State;
import dev.lamina.spi.Timeline;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A decode step of one row: heads and attention in one launch give what kernels one by one give.
 */
class RowDecodeTest {
  private static final int PAGE = 16;
  private static final int PAGES = 64;
  private static final CompileOptions ONE_BY_ONE = new CompileOptions(false, false, true, Set.of());

  private final StubDriver stub = StubDriver.open();
  private final EmulatedCudaProvider provider = new EmulatedCudaProvider();

  RowDecodeTest() {
    stub.memory(512L << 20);
  }

  /** A layer's heads; {@code cap} above 0 has sinks and slopes, too. */
  private record Layer(DType pool, int width, int group, int kvHeads, int window, double cap) {
    StateSpec spec() {
      List<Integer> shape = List.of(kvHeads, width);
      return new StateSpec(
          "kv",
          PAGE,
          new Dim.Sym("slots.kv", PAGE, 1 << 20, PAGE),
          List.of(
              new StateSpec.Entry("k", 0, pool, shape), new StateSpec.Entry("v", 0, pool, shape)));
    }

    Graph graph() {
      Dim.Sym t = Dim.sym("T", 1, 1024);
      int heads = group * kvHeads;
      boolean extras = cap > 0;
      Ops g = new Ops("heads");
      Value q = g.tensor("q", TensorType.of(DType.F32, t, Dim.of(heads), Dim.of(width)));
      Value k = g.tensor("k", TensorType.of(DType.F32, t, Dim.of(kvHeads), Dim.of(width)));
      Value v = g.tensor("v", TensorType.of(DType.F32, t, Dim.of(kvHeads), Dim.of(width)));
      Value positions = g.tensor("positions", TensorType.of(DType.I32, Dim.of(1), t));
      Value slots = g.tensor("slots", TensorType.of(DType.I32, t));
      Value cu = g.tensor("cu", TensorType.of(DType.I32, Dim.of(2)));
      Value lens = g.tensor("lens", TensorType.of(DType.I32, Dim.of(1)));
      Value table = g.tensor("table", TensorType.of(DType.I32, Dim.of(1), Dim.of(PAGES)));
      Value freqs = g.tensor("freqs", TensorType.of(DType.F32, Dim.of(width / 2)));
      Value factors = g.tensor("factors", TensorType.of(DType.F32, Dim.of(width)));
      Value perHead = g.tensor("perHead", TensorType.of(DType.F32, Dim.of(heads)));
      Value pool = g.state(spec());
      CompositeOp.Rope rope = new CompositeOp.Rope(CompositeOp.RopeStyle.NEOX, width, 1, List.of());
      Value normedQ = g.rmsNorm(q, factors, 1e-6, false);
      Value normedK = g.rmsNorm(k, factors, 1e-6, false);
      Value turned = g.rope(rope, normedQ, positions, freqs);
      Value keys = g.rope(rope, normedK, positions, freqs);
      Value appended = g.kvAppend(pool, 0, keys, v, slots);
      CompositeOp.PagedAttention op =
          new CompositeOp.PagedAttention(0, 0.2, true, window, 0, cap, extras, extras);
      List<Value> operands = new ArrayList<>(List.of(turned, appended, cu, lens, table));
      if (extras) {
        operands.addAll(List.of(perHead, perHead));
      }
      g.output("out", g.pagedAttention(op, operands.toArray(Value[]::new)));
      g.output("kv", appended);
      return g.build();
    }
  }

  private static float[] numbers(Random random, int n) {
    float[] all = new float[n];
    for (int i = 0; i < n; i++) {
      all[i] = (float) random.nextGaussian();
    }
    return all;
  }

  /**
   * Inputs of a step of rows {@code from} to {@code to} of one sequence, whose pages go backwards.
   */
  private static MemorySegment content(
      Arena arena, String name, int count, int from, int to, boolean isLast, boolean lost) {
    MemorySegment m = arena.allocate(4L * count, 16);
    Random random = new Random(31L * name.hashCode() + from);
    float[] floats = numbers(random, count);
    for (int i = 0; i < count; i++) {
      int position = from + i;
      int slot = (PAGES - 1 - position / PAGE) * PAGE + position % PAGE;
      switch (name) {
        case "positions" -> m.setAtIndex(ValueLayout.JAVA_INT, i, position);
        case "slots" -> m.setAtIndex(ValueLayout.JAVA_INT, i, lost ? -1 : slot);
        case "cu" -> m.setAtIndex(ValueLayout.JAVA_INT, i, lost ? 1 : i * (to - from));
        case "lens" -> m.setAtIndex(ValueLayout.JAVA_INT, i, to);
        case "table" -> m.setAtIndex(ValueLayout.JAVA_INT, i, i * PAGE < to ? PAGES - 1 - i : -1);
        case "freqs" -> m.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.pow(0.9, i));
        default -> m.setAtIndex(ValueLayout.JAVA_FLOAT, i, floats[i]);
      }
    }
    if (isLast && name.equals("v")) {
      m.setAtIndex(ValueLayout.JAVA_FLOAT, 0, Float.POSITIVE_INFINITY);
    }
    return m;
  }

  /**
   * Prefills {@code past} positions, then runs steps of one row; gives the rows and their launches.
   */
  private List<float[]> run(
      Layer layer, CompileOptions options, int past, boolean infinite, boolean lost, int[] launches)
      throws Exception {
    List<float[]> results = new ArrayList<>();
    Graph graph = layer.graph();
    try (Arena arena = Arena.ofConfined();
        Backend backend = provider.open(BackendOptions.DEFAULT);
        Device device = backend.open(0);
        Queue queue = device.newQueue();
        Timeline done = device.newTimeline(0);
        State state =
            device.allocateState(device.chooseStateLayout(layer.spec()), (long) PAGES * PAGE);
        Executable exe = device.compile(graph, options)) {
      long at = 0;
      for (int from : new int[] {0, past, past + 1}) {
        int to = from == 0 ? past : from + 1;
        Bindings b = exe.newBindings().dim(exe.dims().indexOf("T"), to - from);
        List<Buffer> buffers = new ArrayList<>();
        MemorySegment out = null;
        View last = null;
        for (Slot slot : exe.slots()) {
          if (!(slot.type() instanceof TensorType type)) {
            b.state(slot.ordinal(), state);
            continue;
          }
          long[] dims = new long[exe.dims().syms().size()];
          dims[exe.dims().indexOf("T")] = to - from;
          TensorType bound = TensorType.of(type.dtype(), graph.dims().resolve(type.shape(), dims));
          Buffer buffer = device.allocate(bound.byteSize(), MemoryKind.DEVICE);
          buffers.add(buffer);
          View view = new View(buffer, 0, bound);
          if (slot.kind() == Slot.Kind.OUTPUT) {
            out = arena.allocate(bound.byteSize(), 16);
            last = view;
          } else {
            boolean isLost = lost && from > 0;
            MemorySegment in =
                content(
                    arena,
                    slot.name(),
                    Math.toIntExact(bound.byteSize() / 4),
                    from,
                    to,
                    infinite && from == past + 1,
                    isLost);
            queue.submit(Points.none(), new Command.Upload(in, view), Points.none());
          }
          b.tensor(slot.ordinal(), new View(buffer, 0, type));
        }
        int before = stub.calls("cuLaunchKernelEx");
        queue.submit(Points.none(), new Command.Run(exe, b), Points.of(done, ++at));
        done.await(at, Duration.ofSeconds(60));
        launches[0] = stub.calls("cuLaunchKernelEx") - before;
        queue.submit(Points.none(), new Command.Download(last, out), Points.none());
        if (from > 0) {
          results.add(out.toArray(ValueLayout.JAVA_FLOAT));
        }
        for (Buffer buffer : buffers) {
          buffer.close();
        }
      }
    }
    return results;
  }

  @ParameterizedTest
  @CsvSource({
    "BF16, 64, 1, 2, 0, 0, 5",
    "BF16, 128, 4, 2, 0, 0, 130",
    "BF16, 128, 2, 1, 0, 0, 700",
    "BF16, 128, 2, 1, 40, 3, 700",
    "F16, 64, 4, 1, 0, 2, 300",
    "F16, 96, 2, 1, 300, 0, 600",
    "BF16, 256, 2, 1, 0, 0, 333"
  })
  void oneRow_isOneLaunch_andGivesTheSame(
      DType pool, int width, int group, int kvHeads, int window, double cap, int past)
      throws Exception {
    Layer layer = new Layer(pool, width, group, kvHeads, window, cap);
    int[] launches = new int[1];
    List<float[]> got = run(layer, CompileOptions.DEFAULT, past, false, false, launches);
    assertThat(launches[0]).isEqualTo(1);
    List<float[]> expected = run(layer, ONE_BY_ONE, past, false, false, launches);
    assertThat(launches[0]).isGreaterThan(4);
    for (int i = 0; i < got.size(); i++) {
      for (int e = 0; e < got.get(i).length; e++) {
        float right = expected.get(i)[e];
        assertThat(Math.abs(got.get(i)[e] - right))
            .isLessThanOrEqualTo(2e-5f + 2e-5f * Math.abs(right));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"130", "700"})
  void anInfiniteValue_andARowOfNoSequence_giveTheSameToo(int past) throws Exception {
    Layer layer = new Layer(DType.BF16, 128, 2, 2, 0, 0);
    int[] launches = new int[1];
    for (boolean lost : new boolean[] {false, true}) {
      List<float[]> got = run(layer, CompileOptions.DEFAULT, past, !lost, lost, launches);
      assertThat(launches[0]).isEqualTo(1);
      List<float[]> expected = run(layer, ONE_BY_ONE, past, !lost, lost, launches);
      float[] right = expected.getLast();
      assertThat(right).hasSameSizeAs(got.getLast());
      assertThat(right[0]).isEqualTo(lost ? 0 : Float.POSITIVE_INFINITY);
      for (int e = 0; e < right.length; e++) {
        float x = got.getLast()[e];
        boolean same =
            x == right[e] || Math.abs(x - right[e]) <= 2e-5f + 2e-5f * Math.abs(right[e]);
        assertThat(same).as("element %d: %s, expected %s", e, x, right[e]).isTrue();
      }
    }
  }
}
