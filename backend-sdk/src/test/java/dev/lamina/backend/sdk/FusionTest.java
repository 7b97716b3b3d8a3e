package dev.lamina.backend.sdk;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class FusionTest {
  private static final TensorType F32 = TensorType.of(DType.F32, 4, 8);

  private final Ops g = new Ops("test");

  private List<Stage> fuse(Value... outputs) {
    for (Value v : outputs) {
      g.output("out" + v.id(), v);
    }
    Graph graph = g.build();
    List<Stage> stages = Fusion.fuse(graph);
    assertCovers(graph, stages);
    return stages;
  }

  private static Expr input(int i) {
    return new Expr.Input(i, DType.F32);
  }

  @Test
  void chain_becomesOneExpressionWithConstants() {
    Value x = g.tensor("x", F32);
    Value y = g.tensor("y", F32);
    Value doubled = g.mul(g.add(x, y), g.fill(F32.shape(), Scalar.f32(2)));
    Value result = g.mul(doubled, x);
    Expr sum = new Expr.Binary(BinaryKind.ADD, input(0), input(1));
    Expr two = new Expr.Constant(Scalar.f32(2));
    Expr expr =
        new Expr.Binary(BinaryKind.MUL, new Expr.Binary(BinaryKind.MUL, sum, two), input(0));
    assertThat(fuse(result)).containsExactly(new Stage.Fused(expr, List.of(x, y), result));
  }

  @Test
  void valueReadTwice_keepsItsOwnResult() {
    Value x = g.tensor("x", F32);
    Value e = g.unary(UnaryKind.EXP, x);
    Value square = g.mul(e, e);
    assertThat(fuse(square))
        .containsExactly(
            new Stage.Fused(new Expr.Unary(UnaryKind.EXP, input(0)), List.of(x), e),
            new Stage.Fused(
                new Expr.Binary(BinaryKind.MUL, input(0), input(0)), List.of(e), square));
  }

  @Test
  void output_keepsItsOwnResult() {
    Value x = g.tensor("x", F32);
    Value e = g.unary(UnaryKind.EXP, x);
    assertThat(fuse(e, g.unary(UnaryKind.NEG, e))).hasSize(2);
  }

  @Test
  void cast_keepsTheDtypeOfInnerValues() {
    Value x = g.tensor("x", F32);
    Value half = g.cast(x, DType.F16);
    Value sum = g.add(half, g.tensor("y", TensorType.of(DType.F16, 4, 8)));
    Value wide = g.cast(sum, DType.F32);
    Stage.Fused only = (Stage.Fused) fuse(wide).getFirst();
    Expr.Cast root = (Expr.Cast) only.expr();
    assertThat(root.dtype()).isEqualTo(DType.F32);
    assertThat(root.x().dtype()).isEqualTo(DType.F16);
    assertThat(((Expr.Binary) root.x()).a()).isEqualTo(new Expr.Cast(input(0), DType.F16, false));
  }

  @Test
  void compareAndSelect_fuse() {
    Value x = g.tensor("x", F32);
    Value zero = g.fill(F32.shape(), Scalar.f32(0));
    Value p = g.compare(CompareKind.LT, zero, x);
    Value y = g.select(p, x, zero);
    Expr c = new Expr.Constant(Scalar.f32(0));
    Expr expr = new Expr.Select(new Expr.Compare(CompareKind.LT, c, input(0)), input(0), c);
    assertThat(fuse(y)).containsExactly(new Stage.Fused(expr, List.of(x), y));
  }

  @Test
  void expand_staysAnAliasAndIsAnInput() {
    Value x = g.tensor("x", F32);
    Value row = g.unary(UnaryKind.NEG, g.tensor("row", TensorType.of(DType.F32, 1, 8)));
    Value repeated = g.expand(row, F32.shape());
    List<Stage> stages = fuse(g.add(x, repeated));
    assertThat(stages).hasSize(3);
    assertThat(stages.get(1)).isInstanceOf(Stage.Single.class);
    assertThat(((Stage.Fused) stages.get(2)).inputs()).containsExactly(x, repeated);
  }

  @Test
  void fill_throughExpandIsAConstantToo() {
    Value x = g.tensor("x", F32);
    Value one = g.expand(g.fill(Shape.of(1, 1), Scalar.f32(1)), F32.shape());
    assertThat(fuse(g.add(x, one))).hasSize(1);
  }

  @Test
  void fill_isStoredIfAnythingElseReadsIt() {
    Value one = g.fill(F32.shape(), Scalar.f32(1));
    Value sum = g.reduce(ReduceKind.SUM, one, 1);
    Value x = g.add(g.tensor("x", F32), one);
    List<Stage> stages = fuse(sum, x);
    assertThat(stages).hasSize(3);
    assertThat(((Stage.Fused) stages.get(2)).inputs()).hasSize(1);
  }

  @Test
  void fillOnly_isAnExpressionWithoutInputs() {
    Value one = g.cast(g.fill(F32.shape(), Scalar.f32(1)), DType.BF16);
    Stage.Fused only = (Stage.Fused) fuse(one).getFirst();
    assertThat(only.inputs()).isEmpty();
  }

  @Test
  void expressions_areBoundedInSizeAndInputs() {
    Value sum = g.tensor("x", F32);
    for (int i = 0; i < 100; i++) {
      sum = i % 2 == 0 ? g.unary(UnaryKind.NEG, sum) : g.add(sum, g.tensor("y" + i, F32));
    }
    List<Stage> stages = fuse(sum);
    assertThat(stages.size()).isBetween(4, 12);
  }

  @Test
  void randomGraphs_areCoveredInOrder() {
    for (long seed = 0; seed < 50; seed++) {
      Graph graph = random(new Random(seed));
      List<Stage> stages = Fusion.fuse(graph);
      assertCovers(graph, stages);
    }
  }

  private static Graph random(Random random) {
    Ops g = new Ops("random");
    ArrayList<Value> values = new ArrayList<>();
    values.add(g.tensor("a", F32));
    values.add(g.fill(F32.shape(), Scalar.f32(3)));
    for (int i = 0; i < 40; i++) {
      Value a = values.get(random.nextInt(values.size()));
      Value b = values.get(random.nextInt(values.size()));
      values.add(
          switch (random.nextInt(5)) {
            case 0 -> g.unary(UnaryKind.ABS, a);
            case 1 -> g.view(g.view(a, Shape.of(32)), F32.shape());
            case 2 -> g.select(g.compare(CompareKind.LE, a, b), a, b);
            case 3 -> g.cast(g.cast(a, DType.BF16), DType.F32);
            default -> g.add(a, b);
          });
    }
    g.output("last", values.getLast());
    g.output("some", values.get(20));
    return g.build();
  }

  /** Every elementwise node is in one expression, and every value is defined before it is read. */
  private static void assertCovers(Graph graph, List<Stage> stages) {
    Set<Value> defined = new HashSet<>();
    graph.inputs().forEach(in -> defined.add(in.value()));
    int ops = 0;
    for (Stage stage : stages) {
      switch (stage) {
        case Stage.Single s -> {
          assertThat(Fusion.isElementwise(s.node())).isFalse();
          assertThat(defined).containsAll(s.node().operands());
          defined.addAll(s.node().results());
        }
        case Stage.Fused f -> {
          assertThat(defined).containsAll(f.inputs());
          assertThat(f.inputs()).doesNotHaveDuplicates().hasSizeLessThanOrEqualTo(12);
          assertThat(f.inputs()).allMatch(v -> v.shape().equals(f.result().shape()));
          assertThat(f.expr().dtype()).isEqualTo(f.result().dtype());
          assertThat(defined.add(f.result())).isTrue();
          int size = size(f.expr(), f.inputs());
          assertThat(size).isLessThanOrEqualTo(Fusion.MAX_OPS);
          ops += size;
        }
      }
    }
    long elementwise = graph.nodes().stream().filter(Fusion::isElementwise).count();
    assertThat(ops).isEqualTo((int) elementwise);
    for (Graph.Output o : graph.outputs()) {
      assertThat(defined).contains(o.value());
    }
  }

  private static int size(Expr e, List<Value> inputs) {
    return switch (e) {
      case Expr.Input i -> {
        assertThat(i.dtype()).isEqualTo(inputs.get(i.index()).dtype());
        yield 0;
      }
      case Expr.Constant c -> 0;
      case Expr.Unary u -> 1 + size(u.x(), inputs);
      case Expr.Binary b -> 1 + size(b.a(), inputs) + size(b.b(), inputs);
      case Expr.Compare c -> 1 + size(c.a(), inputs) + size(c.b(), inputs);
      case Expr.Select s -> 1 + size(s.p(), inputs) + size(s.a(), inputs) + size(s.b(), inputs);
      case Expr.Cast c -> 1 + size(c.x(), inputs);
    };
  }
}
