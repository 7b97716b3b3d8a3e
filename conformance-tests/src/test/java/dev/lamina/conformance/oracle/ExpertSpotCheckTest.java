package dev.lamina.conformance.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.ir.CompositeOp.GroupScore;
import dev.lamina.spi.ir.CompositeOp.MoeRoute;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import dev.lamina.spi.ir.DType;
import java.math.BigDecimal;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The oracle's experts by hand, and their weights against decimal numbers of 60 digits. */
class ExpertSpotCheckTest extends SpotCheck {
  private static RefTensor row(double... values) {
    RefTensor.Builder b = new RefTensor.Builder(DType.F32, 1, values.length);
    for (int i = 0; i < values.length; i++) {
      b.near(i, values[i], 0);
    }
    return b.build();
  }

  private static RefTensor vector(double... values) {
    return row(values)
        .pick(new long[] {values.length}, IntStream.range(0, values.length).toArray());
  }

  private static MoeRoute op(
      int k, RouteScore score, boolean biased, int groups, GroupScore by, boolean normalised) {
    return new MoeRoute(k, score, biased, groups, 1, by, normalised, 3);
  }

  @Test
  void route_takesTheFirstOfEqualLogits() {
    RefTensor none = vector();
    MoeRoute plain = op(3, RouteScore.SOFTMAX, false, 1, GroupScore.MAX, true);
    RefTensor ids = ExpertOracle.route(plain, row(1, 2, 1, 2, 1), none).getFirst();
    assertThat(new long[] {ids.integer(0), ids.integer(1), ids.integer(2)})
        .containsExactly(1, 3, 0);
  }

  @Test
  void route_biasChoosesButDoesNotWeigh() {
    MoeRoute op = op(1, RouteScore.SIGMOID, true, 1, GroupScore.MAX, false);
    List<RefTensor> y = ExpertOracle.route(op, row(2, 1), vector(0, 1));
    assertThat(y.get(0).integer(0)).isEqualTo(1);
    near("weight", y.get(1).real(0), BigMath.sigmoid(BigDecimal.ONE).multiply(BigMath.of(3)));
  }

  @Test
  void route_judgesGroupsByOneKeyOrByTwo() {
    RefTensor logits = row(3, -5, -5, 1, 1.5, -5);
    RefTensor none = vector();
    MoeRoute one = op(2, RouteScore.SIGMOID, false, 2, GroupScore.MAX, true);
    MoeRoute two = op(2, RouteScore.SIGMOID, false, 2, GroupScore.TOP2_SUM, true);
    assertThat(ExpertOracle.route(one, logits, none).getFirst().integer(0)).isEqualTo(0);
    List<RefTensor> y = ExpertOracle.route(two, logits, none);
    assertThat(y.getFirst().integer(0)).isEqualTo(4);
    assertThat(y.getFirst().integer(1)).isEqualTo(3);
    BigDecimal a = BigMath.sigmoid(new BigDecimal("1.5"));
    BigDecimal b = BigMath.sigmoid(BigDecimal.ONE);
    near("weight", y.get(1).real(0), BigMath.divide(a, a.add(b)).multiply(BigMath.of(3)));
  }

  @Test
  void route_softmaxIsOverAll() {
    MoeRoute op = op(2, RouteScore.SOFTMAX, false, 1, GroupScore.MAX, false);
    List<RefTensor> y = ExpertOracle.route(op, row(0.5, -1, 2), vector());
    BigDecimal sum = BigMath.exp(BigMath.of(0.5)).add(BigMath.exp(BigMath.of(-1)));
    BigDecimal top = BigMath.exp(BigMath.of(2));
    BigDecimal truth = BigMath.divide(top, sum.add(top)).multiply(BigMath.of(3));
    near("weight", y.get(1).real(0), truth);
  }

  @Test
  void route_refusesWhatRoundingDecides() {
    MoeRoute op = op(1, RouteScore.SIGMOID, true, 1, GroupScore.MAX, false);
    assertThatThrownBy(() -> ExpertOracle.route(op, row(1, 1.000001), vector(0, 0)))
        .isInstanceOf(AssertionError.class)
        .hasMessage("ill-posed case: rounding decides the experts of token 0");
  }

  @Test
  void linear_readsTheChosenMatrixAndTheOwnRow() {
    RefTensor x = floats(DType.F32, 1, 2, 2, 3);
    RefTensor w = floats(DType.F32, 1, 4, 2, 3);
    RefTensor b = floats(DType.F32, 1, 4, 2);
    RefTensor ids = RefTensor.exact(DType.I32, new long[] {2, 2}, new long[] {3, -1, 0, 3});
    RefTensor own = ExpertOracle.linear(DType.F32, x, w, ids, b);
    RefTensor rows = floats(DType.F32, 1, 2, 3);
    RefTensor shared = ExpertOracle.linear(DType.F32, rows, w, ids, b);
    for (int i = 0; i < 8; i++) {
      int choice = i / 2;
      int e = (int) ids.integer(choice);
      BigDecimal ofOwn = e < 0 ? BigDecimal.ZERO : big(b, e * 2 + i % 2);
      BigDecimal ofShared = ofOwn;
      for (int d = 0; e >= 0 && d < 3; d++) {
        BigDecimal weight = big(w, (e * 2 + i % 2) * 3 + d);
        ofOwn = ofOwn.add(weight.multiply(big(x, choice * 3 + d)));
        ofShared = ofShared.add(weight.multiply(big(rows, choice / 2 * 3 + d)));
      }
      near("own", own.real(i), ofOwn, BigDecimal.TEN);
      near("shared", shared.real(i), ofShared, BigDecimal.TEN);
    }
  }
}
