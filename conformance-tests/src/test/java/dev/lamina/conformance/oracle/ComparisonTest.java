package dev.lamina.conformance.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.spi.ir.DType;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

/** What the bound lets pass and what it does not, and the words it says so in. */
class ComparisonTest {
  private static final long SEED = 4;

  private static RefTensor one(DType dtype, double value, double slack) {
    return new RefTensor.Builder(dtype, 1).near(0, value, slack).build();
  }

  private static double check(RefTensor expected, double actual) {
    long bits = FloatCodec.of(expected.dtype()).encode(actual);
    return Comparison.check("y", expected, new long[] {bits}, false);
  }

  @Test
  void exactElements_mustHaveTheRightBits() {
    RefTensor expected = one(DType.F32, 1, 0);
    assertThat(check(expected, 1)).isZero();
    assertThatThrownBy(() -> check(expected, Math.nextUp(1f)))
        .hasMessage(
            "output y[0]: expected exactly 1.00000000 (0x3f800000), got 1.00000012 (0x3f800001)"
                + " (1 of 1 elements are wrong)");
    assertThatThrownBy(() -> check(one(DType.F32, -0.0, 0), 0.0)).hasMessageContaining("exactly");
  }

  @Test
  void inexactElements_mayBeOffByTheBound() {
    RefTensor expected = one(DType.F32, 100, 0.5);
    assertThat(check(expected, 100.25)).isBetween(0.49, 0.5);
    assertThatThrownBy(() -> check(expected, 101))
        .hasMessageContaining("expected 100.000000 within 0.500, got 101.000000")
        .hasMessageContaining("2.00 times what is allowed");
    assertThatThrownBy(() -> check(expected, Double.NaN)).hasMessageContaining("got NaN");
    assertThatThrownBy(() -> check(expected, Double.POSITIVE_INFINITY))
        .hasMessageContaining("Infinity");
  }

  @Test
  void nanAndInfinity_matchByPattern() {
    assertThat(check(one(DType.F16, Double.NaN, 1), Double.NaN)).isZero();
    assertThatThrownBy(() -> check(one(DType.F16, Double.NaN, 1), 3)).hasMessageContaining("NaN");
    RefTensor infinite = one(DType.F16, Double.NEGATIVE_INFINITY, 1);
    assertThat(check(infinite, Double.NEGATIVE_INFINITY)).isZero();
    assertThatThrownBy(() -> check(infinite, -65504)).hasMessageContaining("exactly -Infinity");
  }

  @Test
  void overflow_isRightWhereARightRoundingReachesIt() {
    RefTensor near = one(DType.F16, 65515, 10);
    assertThat(check(near, 65504)).isLessThan(1);
    assertThat(check(near, Double.POSITIVE_INFINITY)).isZero();
    RefTensor far = one(DType.F16, 70000, 10);
    assertThat(check(far, Double.POSITIVE_INFINITY)).isZero();
    assertThatThrownBy(() -> check(far, 65504)).hasMessageContaining("exactly Infinity");
    assertThatThrownBy(() -> check(one(DType.F16, 60000, 10), Double.POSITIVE_INFINITY))
        .hasMessageContaining("Infinity");
  }

  /** A product of matrices of K = 1024 by an honest kernel whose results go through a change. */
  private static double product(int k, DoubleUnaryOperator change) {
    Random random = new Random(SEED);
    int m = 33;
    int n = 32;
    RefTensor.Builder a = new RefTensor.Builder(DType.F32, m, k);
    RefTensor.Builder b = new RefTensor.Builder(DType.F32, n, k);
    for (int i = 0; i < a.count(); i++) {
      a.near(i, random.nextGaussian(), 0);
    }
    for (int i = 0; i < b.count(); i++) {
      b.near(i, random.nextGaussian(), 0);
    }
    RefTensor left = a.build();
    RefTensor right = b.build();
    long[] actual = new long[m * n];
    for (int i = 0; i < actual.length; i++) {
      float sum = 0;
      for (int j = 0; j < k; j++) {
        sum += (float) left.real(i / n * k + j) * (float) right.real(i % n * k + j);
      }
      actual[i] = FloatCodec.F32.encode(change.applyAsDouble(sum));
    }
    RefTensor expected = MatmulOracle.matmul(left, right, true, DType.F32, new long[] {m, n});
    return Comparison.check("y", expected, actual, true);
  }

  @Test
  void anHonestF32Kernel_staysFarBelowTheBound() {
    assertThat(product(1024, v -> v)).isLessThan(0.15);
    assertThat(product(64, v -> v)).isLessThan(0.15);
  }

  @Test
  void wrongKernels_areFound() {
    assertThatThrownBy(() -> product(1024, v -> v * 1.02)).hasMessageContaining("allowed");
    assertThatThrownBy(() -> product(64, v -> FloatCodec.BF16.round(v)))
        .hasMessageContaining("allowed");
    assertThatThrownBy(() -> product(64, v -> Math.min(v, 10))).hasMessageContaining("allowed");
  }

  @Test
  void aSmallOffset_isFoundByTheMean() {
    assertThatThrownBy(() -> product(1024, v -> v + 1e-3))
        .hasMessageContaining("expected a mean error of at most")
        .hasMessageContaining("biased");
  }
}
