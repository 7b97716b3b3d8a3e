package dev.lamina.conformance.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.ScanKind;
import dev.lamina.spi.ir.CoreOp.ScatterKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The oracle against vectors worked out by hand and sums in exact decimal arithmetic. */
class OracleTest {
  private static RefTensor floats(long[] sizes, double... values) {
    RefTensor.Builder b = new RefTensor.Builder(DType.F32, sizes);
    for (int i = 0; i < values.length; i++) {
      b.near(i, values[i], 0);
    }
    return b.build();
  }

  private static RefTensor ints(DType dtype, long[] sizes, long... values) {
    return RefTensor.exact(dtype, sizes, values);
  }

  private static double[] reals(RefTensor t) {
    return IntStream.range(0, t.count()).mapToDouble(t::real).toArray();
  }

  private static long[] integers(RefTensor t) {
    return IntStream.range(0, t.count()).mapToLong(t::integer).toArray();
  }

  private static long[] sizes(long... s) {
    return s;
  }

  @Test
  void erf_matchesTabulatedValues() {
    // Abramowitz and Stegun, table 7.1.
    assertThat(ElementwiseOracle.erf(0.5)).isEqualTo(0.5204998778, within(1e-10));
    assertThat(ElementwiseOracle.erf(1.0)).isEqualTo(0.8427007929, within(1e-10));
    assertThat(ElementwiseOracle.erf(-2.0)).isEqualTo(-0.9953222650, within(1e-10));
    assertThat(ElementwiseOracle.erf(1e-8)).isEqualTo(1.1283791670955126e-8, within(1e-22));
    assertThat(ElementwiseOracle.erf(7)).isEqualTo(1);
    assertThat(ElementwiseOracle.erf(Double.NaN)).isNaN();
  }

  @Test
  void exp_matchesASeriesInExactArithmetic() {
    for (double x : new double[] {-20.25, -1, 0.125, 1, 3.5, 40}) {
      BigDecimal term = BigDecimal.ONE;
      BigDecimal sum = BigDecimal.ONE;
      MathContext digits = new MathContext(60);
      for (int n = 1; n < 300; n++) {
        term = term.multiply(new BigDecimal(x), digits).divide(BigDecimal.valueOf(n), digits);
        sum = sum.add(term, digits);
      }
      double relative = ElementwiseOracle.unary(UnaryKind.EXP, x) / sum.doubleValue() - 1;
      assertThat(relative).as("exp(%s)", x).isEqualTo(0, within(1e-14));
    }
  }

  @Test
  void integers_wrapAndTruncate() {
    RefTensor a = ints(DType.I8, sizes(6), 127, -128, -7, -128, 5, -128);
    RefTensor b = ints(DType.I8, sizes(6), 1, -1, 2, -1, 0, 0);
    assertThat(integers(ElementwiseOracle.binary(BinaryKind.ADD, a, b)))
        .containsExactly(-128, 127, -5, 127, 5, -128);
    assertThat(integers(ElementwiseOracle.binary(BinaryKind.DIV, a, b)))
        .containsExactly(127, -128, -3, -128, 0, 0);
    assertThat(integers(ElementwiseOracle.binary(BinaryKind.REM, a, b)))
        .containsExactly(0, 0, -1, 0, 0, 0);
    RefTensor shifts = ints(DType.I8, sizes(6), 1, 7, 8, 9, 0, 3);
    assertThat(integers(ElementwiseOracle.binary(BinaryKind.SHR, a, shifts)))
        .containsExactly(63, -1, -1, -1, 5, -16);
    assertThat(integers(ElementwiseOracle.binary(BinaryKind.SHL, a, shifts)))
        .containsExactly(-2, 0, 0, 0, 5, 0);
  }

  @Test
  void unsignedIntegers_areNotSigned() {
    RefTensor a = ints(DType.U32, sizes(2), 0xFFFFFFFFL, 0x80000000L);
    RefTensor b = ints(DType.U32, sizes(2), 2, 31);
    assertThat(integers(ElementwiseOracle.binary(BinaryKind.DIV, a, b)))
        .containsExactly(0x7FFFFFFFL, 0x80000000L / 31);
    assertThat(integers(ElementwiseOracle.binary(BinaryKind.SHR, a, b)))
        .containsExactly(0x3FFFFFFFL, 1);
    assertThat(integers(ElementwiseOracle.binary(BinaryKind.MAX, a, b)))
        .containsExactly(0xFFFFFFFFL, 0x80000000L);
  }

  @Test
  void sum_matchesExactDecimalArithmeticAndKnowsItsBound() {
    double[] values = {1e8, 1, -1e8, 0x1p-20, 3.25, -2.5};
    BigDecimal exact = BigDecimal.ZERO;
    for (double v : values) {
      exact = exact.add(new BigDecimal((float) v));
    }
    RefTensor r = FoldOracle.reduce(ReduceKind.SUM, floats(sizes(6), values), List.of(0), sizes());
    assertThat(r.real(0)).isEqualTo(exact.doubleValue());
    double magnitude = 2e8 + 1 + 0x1p-20 + 5.75;
    double expected = (4 * Math.sqrt(6) + 8) * 0x1p-24 * magnitude;
    assertThat(r.bound(0)).isEqualTo(expected, within(expected * 1e-6));
  }

  @Test
  void emptyFolds_giveTheirNeutralElements() {
    RefTensor none = floats(sizes(0, 2));
    assertThat(reals(FoldOracle.reduce(ReduceKind.SUM, none, List.of(0), sizes(2))))
        .containsExactly(0, 0);
    assertThat(FoldOracle.reduce(ReduceKind.MAX, none, List.of(0), sizes(2)).real(1))
        .isEqualTo(Double.NEGATIVE_INFINITY);
    RefTensor noInts = ints(DType.U8, sizes(0));
    assertThat(integers(FoldOracle.reduce(ReduceKind.MIN, noInts, List.of(0), sizes())))
        .containsExactly(255);
  }

  @Test
  void scan_runsAlongTheAxisOnly() {
    RefTensor x = ints(DType.I32, sizes(2, 3), 1, 2, 3, 10, 20, 30);
    assertThat(integers(FoldOracle.scan(ScanKind.SUM, x, 1, false)))
        .containsExactly(1, 3, 6, 10, 30, 60);
    assertThat(integers(FoldOracle.scan(ScanKind.SUM, x, 1, true)))
        .containsExactly(0, 1, 3, 0, 10, 30);
    assertThat(integers(FoldOracle.scan(ScanKind.SUM, x, 0, false)))
        .containsExactly(1, 2, 3, 11, 22, 33);
  }

  @Test
  void argmaxAndTopk_takeTheLowestIndexAndPutNanLast() {
    RefTensor x = floats(sizes(5), 2, Double.NaN, 7, 7, Double.NEGATIVE_INFINITY);
    assertThat(integers(RankOracle.argmax(x, 0, sizes()))).containsExactly(2);
    List<RefTensor> top = RankOracle.topk(x, 5, 0);
    assertThat(integers(top.get(1))).containsExactly(2, 3, 0, 1, 4);
    assertThat(top.get(0).real(3)).isNaN();
  }

  @Test
  void matmul_ofHandComputedMatrices() {
    RefTensor a = floats(sizes(2, 2), 1, 2, 3, 4);
    RefTensor b = floats(sizes(2, 2), 5, 6, 7, 8);
    assertThat(reals(MatmulOracle.matmul(a, b, false, DType.F32, sizes(2, 2))))
        .containsExactly(19, 22, 43, 50);
    assertThat(reals(MatmulOracle.matmul(a, b, true, DType.F32, sizes(2, 2))))
        .containsExactly(17, 23, 39, 53);
    double magnitude = 19;
    double bound = MatmulOracle.matmul(a, b, false, DType.F32, sizes(2, 2)).bound(0);
    assertThat(bound).isEqualTo((4 * Math.sqrt(2) + 8 + 1) * 0x1p-24 * magnitude, within(1e-9));
  }

  @Test
  void gatherAndScatter_leavePaddingOut() {
    RefTensor x = ints(DType.I32, sizes(3, 2), 1, 2, 3, 4, 5, 6);
    RefTensor idx = ints(DType.I32, sizes(3), 2, -1, 0);
    assertThat(integers(IndexOracle.gather(x, idx, 0, sizes(3, 2))))
        .containsExactly(5, 6, 0, 0, 1, 2);
    RefTensor upd = ints(DType.I32, sizes(3, 2), 10, 20, 30, 40, 50, 60);
    assertThat(integers(IndexOracle.scatter(ScatterKind.SET, x, idx, upd, 0)))
        .containsExactly(50, 60, 3, 4, 10, 20);
    RefTensor twice = ints(DType.I32, sizes(3), 1, 1, -7);
    assertThat(integers(IndexOracle.scatter(ScatterKind.ADD, x, twice, upd, 0)))
        .containsExactly(1, 2, 43, 64, 5, 6);
  }

  @Test
  void movement_putsElementsWhereTheOpsSay() {
    RefTensor x = ints(DType.I32, sizes(2, 3), 1, 2, 3, 4, 5, 6);
    assertThat(integers(MovementOracle.permute(x, List.of(1, 0), sizes(3, 2))))
        .containsExactly(1, 4, 2, 5, 3, 6);
    assertThat(integers(MovementOracle.slice(x, sizes(0, 0), sizes(2, 2), List.of(1L, 2L))))
        .containsExactly(1, 3, 4, 6);
    RefTensor row = ints(DType.I32, sizes(1, 2), 8, 9);
    assertThat(integers(MovementOracle.expand(row, sizes(2, 2)))).containsExactly(8, 9, 8, 9);
    assertThat(integers(MovementOracle.update(x, row, sizes(1, 1))))
        .containsExactly(1, 2, 3, 4, 8, 9);
    assertThat(integers(MovementOracle.concat(List.of(row, row), 1, sizes(1, 4))))
        .containsExactly(8, 9, 8, 9);
  }

  @Test
  void loop_carriesValuesAndIsSkippedAtZero() {
    Ops body = new Ops("double");
    Value i = body.tensor("i", TensorType.of(DType.I32, new long[0]));
    Value x = body.tensor("x", TensorType.of(DType.I32, new long[0]));
    body.output("x", body.add(body.add(x, x), i));
    Ops g = new Ops("loop");
    Value start = g.tensor("x", TensorType.of(DType.I32, new long[0]));
    g.output("y", g.loop(Dim.sym("N", 0, 9), 1, body.build(), List.of(start)).getFirst());
    g.output("n", g.iota(Shape.of(Dim.sym("N", 0, 9)), 0, DType.I32));
    Graph graph = g.build();
    RefTensor seven = ints(DType.I32, sizes(), 7);
    assertThat(evaluate(graph, 0, seven)).isEqualTo(7);
    assertThat(evaluate(graph, 3, seven)).isEqualTo(((7 * 2) * 2 + 1) * 2 + 2);
  }

  private static long evaluate(Graph graph, long n, RefTensor x) {
    return GraphOracle.evaluate(graph, graph.dims(), new long[] {n}, List.of(x))
        .getFirst()
        .integer(0);
  }

  @Test
  void errorsAreCarriedThroughLaterOps() {
    Ops g = new Ops("chain");
    Value x = g.tensor("x", TensorType.of(DType.F32, 1));
    Value e = g.unary(UnaryKind.EXP, x);
    g.output("e", e);
    g.output("y", g.mul(e, e));
    Graph graph = g.build();
    List<RefTensor> out =
        GraphOracle.evaluate(graph, graph.dims(), new long[0], List.of(floats(sizes(1), 3)));
    double e3 = Math.exp(3);
    assertThat(out.get(1).real(0)).isEqualTo(e3 * e3, within(1e-9));
    double carried = 2 * e3 * out.get(0).bound(0);
    assertThat(out.get(1).bound(0)).isBetween(carried, carried + e3 * e3 * 0x1p-23);
  }

  @Test
  void aComparisonOfInexactValues_isRefusedAsIllPosed() {
    Ops g = new Ops("ill");
    Value x = g.tensor("x", TensorType.of(DType.F32, 1));
    g.output("i", g.argmax(g.unary(UnaryKind.EXP, x), 0));
    Graph graph = g.build();
    assertThatThrownBy(() ->
            GraphOracle.evaluate(graph, graph.dims(), new long[0], List.of(floats(sizes(1), 3))))
        .hasMessageContaining("ill-posed case");
  }
}
