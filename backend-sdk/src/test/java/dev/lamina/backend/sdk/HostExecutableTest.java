package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.Bindings;
import dev.lamina.spi.Executable;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.Lowering;
import dev.lamina.spi.Support;
import dev.lamina.spi.View;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.ScatterKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.List;
import org.junit.jupiter.api.Test;

class HostExecutableTest {
  private static final long[] S23 = {2, 3};

  private final Rig rig;

  HostExecutableTest() throws Exception {
    rig = new Rig();
  }

  private static Value input(Ops g, String name, long... sizes) {
    return g.tensor(name, TensorType.of(DType.F32, sizes));
  }

  @Test
  void run_addsFusedExpressionsAndConstants() throws Exception {
    Ops g = new Ops("g");
    Value x = input(g, "x", 2, 3);
    g.output("y", g.mul(g.add(x, g.fillLike(x, 1)), g.fillLike(x, 2)));
    Executable exe = rig.compile(g.build());
    assertThat(rig.run(exe, rig.floats(S23, 1, 2, 3, 4, 5, 6))[0])
        .containsExactly(4, 6, 8, 10, 12, 14);
    assertThat(exe.lowering()).anySatisfy(l -> assertThat(l.kernel()).isEqualTo("elementwise"));
  }

  @Test
  void reserve_takesWhatRunsWouldTake_once() throws Exception {
    Ops g = new Ops("g");
    Dim rows = Dim.sym("R", 1, 64);
    Value x = g.tensor("x", TensorType.of(DType.F32, rows, Dim.of(3)));
    g.output("y", g.add(g.reduce(ReduceKind.SUM, g.mul(x, x), 1), g.reduce(ReduceKind.MAX, x, 1)));
    Executable exe = rig.compile(g.build());
    long before = rig.device.stats().liveBytes();
    exe.reserve(new long[] {64});
    exe.reserve(new long[] {2});
    long reserved = rig.device.stats().liveBytes() - before;
    assertThat(reserved).isPositive().isEqualTo(exe.workspaceBytes(new long[] {64}));
    exe.close();
    assertThat(rig.device.stats().liveBytes()).isLessThanOrEqualTo(before);
  }

  @Test
  void run_readsThroughPermuteSliceAndExpandWithoutCopies() throws Exception {
    Ops g = new Ops("g");
    Value x = input(g, "x", 2, 3);
    Value column = g.slice(g.permute(x, 1, 0), 0, 1, Dim.of(1));
    Value wide = g.expand(column, Shape.of(4, 2));
    g.output("y", g.add(wide, g.fillLike(wide, 0)));
    Executable exe = rig.compile(g.build());
    assertThat(rig.run(exe, rig.floats(S23, 1, 2, 3, 4, 5, 6))[0])
        .containsExactly(2, 5, 2, 5, 2, 5, 2, 5);
    assertThat(exe.workspaceBytes(new long[0])).isZero();
  }

  @Test
  void debug_showsAKernelThatLeavesItsResultUnwritten() throws Exception {
    Ops g = new Ops("g");
    Value sum = g.reduce(ReduceKind.SUM, input(g, "x", 2, 3), 1);
    g.output("y", g.add(sum, sum));
    Graph graph = g.build();
    View x = rig.floats(S23, 1, 2, 3, 4, 5, 6);
    Executable right = rig.compileDebug(graph);
    assertThat(rig.run(right, x)[0]).containsExactly(12, 30);
    assertThat(rig.run(right, x)[0]).containsExactly(12, 30);
    rig.kernels.lazy = true;
    assertThat(rig.run(rig.compileDebug(graph), x)[0]).containsExactly(Float.NaN, Float.NaN);
  }

  @Test
  void run_copiesWhatADenseKernelOrAViewCannotRead() throws Exception {
    Ops g = new Ops("g");
    Value x = input(g, "x", 2, 3);
    Value t = g.permute(x, 1, 0);
    g.output("sum", g.reduce(ReduceKind.SUM, t, 1));
    g.output("flat", g.view(t, Dim.of(6)));
    Executable exe = rig.compile(g.build());
    float[][] y = rig.run(exe, rig.floats(S23, 1, 2, 3, 4, 5, 6));
    assertThat(y[0]).containsExactly(5, 7, 9);
    assertThat(y[1]).containsExactly(1, 4, 2, 5, 3, 6);
  }

  @Test
  void run_returnsInputsConstantsAndOneValueTwice() throws Exception {
    Ops g = new Ops("g");
    Value x = input(g, "x", 3);
    Value y = g.add(x, x);
    g.output("x2", x);
    g.output("y", y);
    g.output("y2", y);
    g.output("c", g.fill(Shape.of(2), Scalar.f32(7)));
    float[][] out = rig.run(rig.compile(g.build()), rig.floats(null, 1, 2, 3));
    assertThat(out[0]).containsExactly(1, 2, 3);
    assertThat(out[1]).containsExactly(2, 4, 6);
    assertThat(out[2]).containsExactly(2, 4, 6);
    assertThat(out[3]).containsExactly(7, 7);
  }

  @Test
  void run_swapsSharedInputs() throws Exception {
    Ops g = new Ops("g");
    Value a = input(g, "a", 2);
    Value b = input(g, "b", 2);
    g.output("x", b, 0);
    g.output("y", a, 1);
    Executable exe = rig.compile(g.build());
    View va = rig.floats(null, 1, 2);
    View vb = rig.floats(null, 3, 4);
    Bindings bind = exe.newBindings();
    bind.tensor(0, va).tensor(1, vb).tensor(2, va).tensor(3, vb);
    rig.submit(exe, bind);
    assertThat(Rig.read(va)).containsExactly(3, 4);
    assertThat(Rig.read(vb)).containsExactly(1, 2);
  }

  @Test
  void run_scattersIntoASharedInputInPlace() throws Exception {
    Ops g = new Ops("g");
    Value x = input(g, "x", 3, 2);
    Value idx = g.tensor("idx", TensorType.of(DType.I32, 2));
    Value upd = input(g, "upd", 2, 2);
    g.output("y", g.scatter(ScatterKind.SET, x, idx, upd, 0), 0);
    Executable exe = rig.compile(g.build());
    View vx = rig.floats(new long[] {3, 2}, 1, 2, 3, 4, 5, 6);
    Bindings b = exe.newBindings();
    b.tensor(0, vx).tensor(1, rig.ints(2, -1)).tensor(2, rig.floats(new long[] {2, 2}, 7, 8, 9, 9));
    b.tensor(3, vx);
    rig.submit(exe, b);
    assertThat(Rig.read(vx)).containsExactly(1, 2, 3, 4, 7, 8);
    assertThat(exe.workspaceBytes(new long[0])).isZero();
  }

  @Test
  void run_keepsAnInputThatIsReadAfterItsUpdate() throws Exception {
    Ops g = new Ops("g");
    Value x = input(g, "x", 3);
    Value y = g.update(x, g.fill(Shape.of(1), Scalar.f32(9)), 1);
    g.output("y", y, 0);
    g.output("old", g.add(x, g.fillLike(x, 0)));
    Executable exe = rig.compile(g.build());
    View vx = rig.floats(null, 1, 2, 3);
    View old = rig.floats(null, 0, 0, 0);
    Bindings b = exe.newBindings();
    b.tensor(0, vx).tensor(1, vx).tensor(2, old);
    rig.submit(exe, b);
    assertThat(Rig.read(vx)).containsExactly(1, 9, 3);
    assertThat(Rig.read(old)).containsExactly(1, 2, 3);
  }

  @Test
  void run_slicesAndUpdatesAtStartsReadFromMemory() throws Exception {
    Ops g = new Ops("g");
    Value x = input(g, "x", 2, 4);
    Value at = g.tensor("at", TensorType.of(DType.I32, Shape.SCALAR));
    Value box = g.sliceAt(x, 1, at, Dim.of(2));
    g.output("box", g.add(box, box));
    Executable exe = rig.compileDebug(g.build());
    View vx = rig.floats(new long[] {2, 4}, 1, 2, 3, 4, 5, 6, 7, 8);
    View start = rig.ints(new long[] {}, 1);
    assertThat(rig.run(exe, vx, start)[0]).containsExactly(4, 6, 12, 14);
    View past = rig.ints(new long[] {}, 3);
    assertThatThrownBy(() -> rig.run(exe, vx, past))
        .isInstanceOf(InvalidProgram.class)
        .hasMessage(
            "run: slice: expected a box inside axis 1 of size 4, got start 3, size 2, step 1");
  }

  private static Graph triangular(long count) {
    Ops body = new Ops("body");
    Value i = body.tensor("i", TensorType.of(DType.I32, Shape.SCALAR));
    Value sum = body.tensor("sum", TensorType.of(DType.F32, Shape.of(2)));
    Value last = body.tensor("last", TensorType.of(DType.F32, Shape.of(2)));
    Value one = body.tensor("one", TensorType.of(DType.F32, Shape.of(2)));
    Value f = body.cast(i, DType.F32);
    Value wide = body.broadcast(f, Shape.of(2));
    body.output("sum", body.add(sum, body.add(wide, one)));
    body.output("last", sum);
    Ops g = new Ops("g");
    Value zero = g.tensor("zero", TensorType.of(DType.F32, Shape.of(2)));
    Value ones = g.fillLike(zero, 1);
    List<Value> out = g.loop(Dim.of(count), 2, body.build(), List.of(zero, zero, ones));
    g.output("sum", out.get(0));
    g.output("last", out.get(1));
    return g.build();
  }

  @Test
  void run_loopsAnEvenOddAndZeroNumberOfTimes() throws Exception {
    float[][] three = rig.run(rig.compile(triangular(3)), rig.floats(null, 0, 10));
    assertThat(three[0]).containsExactly(6, 16);
    assertThat(three[1]).containsExactly(3, 13);
    float[][] four = rig.run(rig.compile(triangular(4)), rig.floats(null, 0, 10));
    assertThat(four[0]).containsExactly(10, 20);
    assertThat(four[1]).containsExactly(6, 16);
    float[][] none = rig.run(rig.compile(triangular(0)), rig.floats(null, 0, 10));
    assertThat(none[0]).containsExactly(0, 10);
    assertThat(none[1]).containsExactly(0, 10);
  }

  @Test
  void run_loopsAsOftenAsATensorSaysAndUpdatesInPlace() throws Exception {
    Ops body = new Ops("body");
    Value i = body.tensor("i", TensorType.of(DType.I32, Shape.SCALAR));
    Value x = body.tensor("x", TensorType.of(DType.F32, Shape.of(4)));
    Value row = body.view(body.cast(i, DType.F32), Dim.of(1));
    Value idx = body.view(i, Dim.of(1));
    body.output("x", body.scatter(ScatterKind.ADD, x, idx, row, 0));
    Ops g = new Ops("g");
    Value n = g.tensor("n", TensorType.of(DType.I32, Shape.SCALAR));
    Value start = g.fill(Shape.of(4), Scalar.f32(5));
    g.output("x", g.loop(null, 1, body.build(), List.of(n, start)).getFirst());
    Executable exe = rig.compile(g.build());
    assertThat(rig.run(exe, rig.ints(new long[] {}, 3))[0]).containsExactly(5, 6, 7, 5);
  }

  @Test
  void run_followsDimsFromRunToRun() throws Exception {
    Dim.Sym t = Dim.sym("T", 0, 64);
    Ops g = new Ops("g");
    Value x = g.tensor("x", TensorType.of(DType.F32, t, Dim.of(2)));
    Value y = g.reduce(ReduceKind.SUM, g.add(x, x), 1);
    g.output("y", g.add(y, g.cast(g.iota(Shape.of(t), 0, DType.I32), DType.F32)));
    Executable exe = rig.compile(g.build());
    View vx =
        new View(
            rig.device.allocate(512, dev.lamina.spi.MemoryKind.DEVICE),
            0,
            TensorType.of(DType.F32, t, Dim.of(2)));
    for (int i = 0; i < 128; i++) {
      Elements.setFloat(DType.F32, vx.buffer().host().orElseThrow(), 4L * i, i);
    }
    View vy =
        new View(
            rig.device.allocate(256, dev.lamina.spi.MemoryKind.DEVICE),
            0,
            TensorType.of(DType.F32, t));
    Bindings b = exe.newBindings().tensor(0, vx).tensor(1, vy);
    for (int n : new int[] {3, 64, 1, 0, 33}) {
      b.dim(0, n);
      rig.submit(exe, b);
      for (int i = 0; i < n; i++) {
        float got = Elements.getFloat(DType.F32, vy.buffer().host().orElseThrow(), 4L * i);
        assertThat(got).isEqualTo(2 * (2 * i + 2 * i + 1) + i);
      }
    }
    assertThatThrownBy(() -> b.dim(0, 65))
        .isInstanceOf(InvalidProgram.class)
        .hasMessage("dim T: expected 0..64, a multiple of 1, got 65");
  }

  @Test
  void run_refusesToSetARowTwiceWhereItChecks() throws Exception {
    Ops g = new Ops("g");
    Value x = input(g, "x", 3);
    Value idx = g.tensor("idx", TensorType.of(DType.I32, 2));
    g.output("y", g.scatter(ScatterKind.SET, x, idx, input(g, "upd", 2), 0));
    Executable exe = rig.compileDebug(g.build());
    View vx = rig.floats(null, 1, 2, 3);
    View upd = rig.floats(null, 8, 9);
    assertThat(rig.run(exe, vx, rig.ints(-1, -1), upd)[0]).containsExactly(1, 2, 3);
    assertThatThrownBy(() -> rig.run(exe, vx, rig.ints(1, 1), upd))
        .isInstanceOf(InvalidProgram.class)
        .hasMessage("run: scatter: expected distinct indices to set, got 1 twice; use add");
  }

  @Test
  void lowering_countsEqualNodesOnce() throws Exception {
    Ops g = new Ops("g");
    Value x = input(g, "x", 2, 2);
    g.output("y", g.matmul(g.matmul(x, x, false, DType.F32), x, false, DType.F32));
    List<Lowering> lowering = rig.compile(g.build()).lowering();
    assertThat(lowering)
        .containsExactly(
            new Lowering(
                "matmul(f32[2,2], f32[2,2])",
                "matmul",
                new Support.Native(Support.Perf.SLOW, Support.Numerics.STRICT),
                2));
  }
}
