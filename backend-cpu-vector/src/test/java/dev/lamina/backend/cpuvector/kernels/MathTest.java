package dev.lamina.backend.cpuvector.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class MathTest {
  private static final int VL = Lanes.VL;
  private static final float[] EDGES = {
    0f,
    -0f,
    Float.NaN,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    Float.MIN_NORMAL,
    Float.MAX_VALUE,
    -Float.MAX_VALUE,
    88.72283f,
    88.72284f,
    88.8f,
    -87.3f,
    -87.4f,
    -103.9f,
    -103.98f,
    -104.1f,
    0.625f,
    0.93f,
    3.95f,
    4f,
    -4f,
    9.1f,
    0x1p-12f
  };

  private interface Scalar {
    float apply(float x);
  }

  private static double ulps(float got, double expected) {
    float rounded = (float) expected;
    if (Float.isNaN(rounded) || Float.isInfinite(rounded)) {
      return Float.compare(got, rounded) == 0 ? 0 : Double.MAX_VALUE;
    }
    return Math.abs(got - expected) / Math.ulp(rounded);
  }

  private static void check(
      String name, Scalar scalar, UnaryOperator<FloatVector> vector, DoubleUnaryOperator truth) {
    float[] x = new float[VL];
    float[] y = new float[VL];
    int steps = 6000;
    for (int i = 0; i < steps; i++) {
      for (int l = 0; l < VL; l++) {
        int n = i * VL + l;
        x[l] =
            n < EDGES.length
                ? EDGES[n]
                : (float) ((n % 2 == 0 ? 1 : -1) * Math.exp(-30 + 35.0 * n / (steps * VL)));
      }
      vector.apply(FloatVector.fromArray(Lanes.F, x, 0)).intoArray(y, 0);
      for (int l = 0; l < VL; l++) {
        float twin = scalar.apply(x[l]);
        assertThat(Float.floatToIntBits(y[l]))
            .as("%s(%s): vector %s, twin %s", name, x[l], y[l], twin)
            .isEqualTo(Float.floatToIntBits(twin));
        double error = ulps(twin, truth.applyAsDouble(x[l]));
        assertThat(error).as("%s(%s) = %s, ulps", name, x[l], twin).isLessThanOrEqualTo(4);
      }
    }
  }

  @Test
  void exp_isItsTwinAndWithinFourUlps() {
    check("exp", ScalarMath::exp, VectorMath::exp, Math::exp);
  }

  @Test
  void sigmoid_isItsTwinAndWithinFourUlps() {
    check("sigmoid", ScalarMath::sigmoid, VectorMath::sigmoid, x -> 1 / (1 + Math.exp(-x)));
  }

  @Test
  void tanh_isItsTwinAndWithinFourUlps() {
    check("tanh", ScalarMath::tanh, VectorMath::tanh, Math::tanh);
  }

  @Test
  void erf_isItsTwinAndWithinFourUlps() {
    check("erf", ScalarMath::erf, VectorMath::erf, MathTest::erf);
  }

  /** The power series up to 3, a continued fraction of erfc above. */
  static double erf(double x) {
    double a = Math.abs(x);
    if (Double.isNaN(x) || a > 6) {
      return Double.isNaN(x) ? x : Math.signum(x);
    }
    if (a > 3) {
      double f = 0;
      for (int k = 60; k >= 1; k--) {
        f = k / 2.0 / (a + f);
      }
      return Math.signum(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + f));
    }
    double term = x;
    double sum = x;
    for (int n = 1; n < 100; n++) {
      term *= -x * x / n;
      sum += term / (2 * n + 1);
    }
    return 2 / Math.sqrt(Math.PI) * sum;
  }
}
