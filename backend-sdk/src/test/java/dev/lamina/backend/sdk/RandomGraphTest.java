package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.Bindings;
import dev.lamina.spi.Buffer;
import dev.lamina.spi.Executable;
import dev.lamina.spi.MemoryKind;
import dev.lamina.spi.Slot;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.ScatterKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Planned runs of random graphs against one value after the other in memory of its own. */
class RandomGraphTest {
  private static final int GRAPHS = 400;
  private static final int N = 4;

  private final Rig rig;

  RandomGraphTest() throws Exception {
    rig = new Rig();
  }

  /** Matrices [4, 4] F32 and index vectors [4] I32, combined at random. */
  private static Graph random(Random random) {
    Ops g = new Ops("random");
    List<Value> pool = new ArrayList<>();
    int inputs = 1 + random.nextInt(3);
    for (int i = 0; i < inputs; i++) {
      pool.add(g.tensor("x" + i, TensorType.of(DType.F32, N, N)));
    }
    Value idx = g.tensor("idx", TensorType.of(DType.I32, N));
    Value at = g.tensor("at", TensorType.of(DType.I32, Shape.SCALAR));
    int nodes = 3 + random.nextInt(25);
    for (int i = 0; i < nodes; i++) {
      Value x = pool.get(random.nextInt(pool.size()));
      Value y = pool.get(random.nextInt(pool.size()));
      pool.add(node(g, random, x, y, idx, at));
    }
    int outputs = 1 + random.nextInt(4);
    boolean[] shared = new boolean[inputs];
    for (int i = 0; i < outputs; i++) {
      int share = random.nextInt(inputs * 2);
      if (share >= inputs || shared[share]) {
        share = -1;
      } else {
        shared[share] = true;
      }
      int recent = Math.max(0, pool.size() - 1 - random.nextInt(6));
      g.output("y" + i, pool.get(recent), share);
    }
    return g.build();
  }

  private static Value node(Ops g, Random random, Value x, Value y, Value idx, Value at) {
    return switch (random.nextInt(14)) {
      case 0 -> g.add(x, y);
      case 1 -> g.sub(x, y);
      case 2 -> g.binary(CoreOp.BinaryKind.MAX, x, y);
      case 3 -> g.permute(x, 1, 0);
      case 4 ->
          g.view(g.view(g.permute(x, 1, 0), Dim.of(2), Dim.of(2), Dim.of(4)), Dim.of(4), Dim.of(4));
      case 5 ->
          g.expand(g.slice(x, random.nextInt(2), random.nextInt(N), Dim.of(1)), Shape.of(N, N));
      case 6 ->
          g.scatter(
              random.nextBoolean() ? ScatterKind.SET : ScatterKind.ADD,
              x,
              idx,
              y,
              random.nextInt(2));
      case 7 -> g.gather(x, idx, random.nextInt(2));
      case 8 -> g.update(x, g.slice(y, 0, random.nextInt(3), Dim.of(2)), random.nextInt(3), 0);
      case 9 -> g.concat(1, g.slice(x, 1, 1, Dim.of(3)), g.sliceAt(y, 1, at, Dim.of(1)));
      case 10 -> g.broadcast(g.reduce(ReduceKind.MAX, x, 1), Shape.of(N, N), random.nextInt(2));
      case 11 -> g.add(x, g.cast(g.iota(Shape.of(N, N), random.nextInt(2), DType.I32), DType.F32));
      case 12 -> g.view(g.fill(Shape.of(16), Scalar.f32(random.nextInt(5))), Dim.of(N), Dim.of(N));
      default -> loop(g, random, x, y, idx);
    };
  }

  private static Value loop(Ops g, Random random, Value x, Value y, Value idx) {
    Ops body = new Ops("body");
    TensorType t = TensorType.of(DType.F32, N, N);
    Value i = body.tensor("i", TensorType.of(DType.I32, Shape.SCALAR));
    Value a = body.tensor("a", t);
    Value b = body.tensor("b", t);
    Value c = body.tensor("c", t);
    Value k = body.tensor("k", TensorType.of(DType.I32, N));
    Value grown = body.add(a, body.broadcast(body.cast(i, DType.F32), Shape.of(N, N)));
    Value put = body.scatter(ScatterKind.SET, b, k, c, 0);
    boolean swap = random.nextBoolean();
    body.output("a", swap ? put : body.sub(grown, c));
    body.output("b", swap ? grown : put);
    List<Value> carried = g.loop(Dim.of(random.nextInt(4)), 2, body.build(), List.of(x, y, x, idx));
    return carried.get(random.nextInt(2));
  }

  @Test
  void run_givesWhatAnUnplannedWalkGives() throws Exception {
    for (int seed = 0; seed < GRAPHS; seed++) {
      Random random = new Random(seed);
      Graph graph = random(random);
      List<float[]> inputs = new ArrayList<>();
      for (Graph.Input in : graph.inputs()) {
        inputs.add(inputFor(in, random));
      }
      List<float[]> want = new Walk(graph, inputs).outputs();
      for (boolean share : new boolean[] {false, true}) {
        List<float[]> got = planned(graph, inputs, share);
        for (int o = 0; o < want.size(); o++) {
          assertThat(got.get(o))
              .as("seed %d, sharing %s, output %d of%n%s", seed, share, o, graph)
              .containsExactly(want.get(o));
        }
      }
    }
  }

  private static float[] inputFor(Graph.Input in, Random random) {
    if (in.name().equals("idx")) {
      return new float[] {2, -1, 3, 0};
    }
    if (in.name().equals("at")) {
      return new float[] {random.nextInt(N)};
    }
    float[] x = new float[N * N];
    for (int i = 0; i < x.length; i++) {
      x[i] = random.nextInt(100);
    }
    return x;
  }

  private List<float[]> planned(Graph graph, List<float[]> inputs, boolean share) throws Exception {
    List<Buffer> buffers = new ArrayList<>();
    List<View> outputs = new ArrayList<>();
    try (Executable exe = rig.compile(graph)) {
      Bindings b = exe.newBindings();
      for (Slot s : exe.slots()) {
        TensorType t = (TensorType) s.type();
        boolean out = s.kind() == Slot.Kind.OUTPUT;
        int shared = share && out ? s.sharesInput() : -1;
        Buffer buffer =
            shared >= 0
                ? buffers.get(shared)
                : rig.device.allocate(t.byteSize(), MemoryKind.DEVICE);
        buffers.add(buffer);
        View v = new View(buffer, 0, t);
        b.tensor(s.ordinal(), v);
        if (out) {
          outputs.add(v);
        } else {
          write(v, inputs.get(s.ordinal()));
        }
      }
      rig.submit(exe, b);
      List<float[]> read = new ArrayList<>();
      for (View v : outputs) {
        read.add(Rig.read(v));
      }
      return read;
    } finally {
      buffers.forEach(Buffer::close);
    }
  }

  private static void write(View v, float[] x) {
    var s = v.buffer().host().orElseThrow();
    for (int i = 0; i < x.length; i++) {
      if (v.type().dtype() == DType.I32) {
        Elements.setLong(DType.I32, s, 4L * i, (long) x[i]);
      } else {
        Elements.setFloat(DType.F32, s, 4L * i, x[i]);
      }
    }
  }

  /** The obvious interpreter: a fresh array a value. */
  private static final class Walk {
    private final Graph graph;
    private final Map<Integer, float[]> values = new HashMap<>();

    Walk(Graph graph, List<float[]> inputs) {
      this.graph = graph;
      for (int i = 0; i < inputs.size(); i++) {
        values.put(graph.inputs().get(i).value().id(), inputs.get(i));
      }
      for (Node n : graph.nodes()) {
        List<float[]> results = apply(n);
        for (int r = 0; r < results.size(); r++) {
          values.put(n.results().get(r).id(), results.get(r));
        }
      }
    }

    List<float[]> outputs() {
      return graph.outputs().stream().map(o -> values.get(o.value().id())).toList();
    }

    private float[] in(Node n, int i) {
      return values.get(n.operands().get(i).id());
    }

    private static int[] sizes(Shape s) {
      return s.dims().stream().mapToInt(d -> (int) d.upperBound()).toArray();
    }

    private static int[] index(int flat, int[] sizes) {
      int[] at = new int[sizes.length];
      int rest = flat;
      for (int i = sizes.length - 1; i >= 0; i--) {
        at[i] = rest % sizes[i];
        rest /= sizes[i];
      }
      return at;
    }

    private static int flat(int[] at, int[] sizes) {
      int f = 0;
      for (int i = 0; i < sizes.length; i++) {
        f = f * sizes[i] + at[i];
      }
      return f;
    }

    private List<float[]> apply(Node n) {
      if (n.op() instanceof CoreOp.Loop o) {
        return loop(n, o);
      }
      int[] out = sizes(n.result().shape());
      int[] x = n.operands().isEmpty() ? out : sizes(n.operands().getFirst().shape());
      float[] y = new float[(int) n.result().shape().elements()];
      if (n.op() instanceof CoreOp.Scatter || n.op() instanceof CoreOp.Update) {
        System.arraycopy(in(n, 0), 0, y, 0, y.length);
        write(n, y, out);
        return List.of(y);
      }
      if (n.op() instanceof CoreOp.Reduce) {
        java.util.Arrays.fill(y, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < in(n, 0).length; i++) {
          int row = index(i, x)[0];
          y[row] = Math.max(y[row], in(n, 0)[i]);
        }
        return List.of(y);
      }
      for (int i = 0; i < y.length; i++) {
        y[i] = element(n, i, out, x);
      }
      return List.of(y);
    }

    private float element(Node n, int i, int[] out, int[] x) {
      int[] at = index(i, out);
      return switch (n.op()) {
        case CoreOp.Binary b ->
            switch (b.kind()) {
              case ADD -> in(n, 0)[i] + in(n, 1)[i];
              case SUB -> in(n, 0)[i] - in(n, 1)[i];
              default -> Math.max(in(n, 0)[i], in(n, 1)[i]);
            };
        case CoreOp.Cast c -> in(n, 0)[i];
        case CoreOp.View v -> in(n, 0)[i];
        case CoreOp.Fill f -> Float.intBitsToFloat((int) f.value().bits());
        case CoreOp.Iota o -> at[o.dim()];
        case CoreOp.Permute p -> in(n, 0)[flat(new int[] {at[1], at[0]}, x)];
        case CoreOp.Expand e -> {
          for (int k = 0; k < at.length; k++) {
            at[k] = Math.min(at[k], x[k] - 1);
          }
          yield in(n, 0)[flat(at, x)];
        }
        case CoreOp.Slice s -> {
          for (int k = 0; k < at.length; k++) {
            at[k] += (int) s.start().get(k).upperBound();
          }
          for (int k = 0; k < s.dynamic().size(); k++) {
            at[s.dynamic().get(k)] += (int) in(n, 1 + k)[0];
          }
          yield in(n, 0)[flat(at, x)];
        }
        case CoreOp.Concat c -> {
          int operand = 0;
          int[] of = x;
          while (at[c.dim()] >= of[c.dim()]) {
            at[c.dim()] -= of[c.dim()];
            of = sizes(n.operands().get(++operand).shape());
          }
          yield in(n, operand)[flat(at, of)];
        }
        case CoreOp.Gather g -> {
          int row = (int) in(n, 1)[at[g.dim()]];
          at[g.dim()] = row;
          yield row < 0 ? 0 : in(n, 0)[flat(at, x)];
        }
        default -> throw new AssertionError(n);
      };
    }

    private void write(Node n, float[] y, int[] out) {
      int from = n.op() instanceof CoreOp.Scatter ? 2 : 1;
      int[] upd = sizes(n.operands().get(from).shape());
      for (int i = 0; i < in(n, from).length; i++) {
        int[] at = index(i, upd);
        boolean add = false;
        if (n.op() instanceof CoreOp.Scatter s) {
          at[s.dim()] = (int) in(n, 1)[at[s.dim()]];
          add = s.kind() == ScatterKind.ADD;
          if (at[s.dim()] < 0) {
            continue;
          }
        } else if (n.op() instanceof CoreOp.Update u) {
          for (int k = 0; k < at.length; k++) {
            at[k] += (int) u.start().get(k).upperBound();
          }
        }
        int to = flat(at, out);
        y[to] = in(n, from)[i] + (add ? y[to] : 0);
      }
    }

    private List<float[]> loop(Node n, CoreOp.Loop o) {
      List<float[]> passed = new ArrayList<>();
      n.operands().forEach(v -> passed.add(values.get(v.id())));
      for (int i = 0; i < o.count().upperBound(); i++) {
        List<float[]> inputs = new ArrayList<>(List.of(new float[] {i}));
        inputs.addAll(passed);
        List<float[]> next = new Walk(o.body(), inputs).outputs();
        for (int k = 0; k < o.carried(); k++) {
          passed.set(k, next.get(k));
        }
      }
      return passed.subList(0, o.carried());
    }
  }
}
