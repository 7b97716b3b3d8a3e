package dev.lamina.conformance.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.math.BigDecimal;
import java.util.List;
import java.util.Random;

/** What the spot checks share: inputs at random, decimals for them, and how near is near enough. */
abstract class SpotCheck {
  final Random random = new Random(5);

  final RefTensor floats(DType dtype, double scale, long... sizes) {
    RefTensor.Builder b = new RefTensor.Builder(dtype, sizes);
    for (int i = 0; i < b.count(); i++) {
      b.near(i, scale * random.nextGaussian(), 0);
    }
    return b.build();
  }

  static RefTensor ints(DType dtype, long... values) {
    return RefTensor.exact(dtype, new long[] {values.length}, values);
  }

  static BigDecimal big(RefTensor t, int i) {
    return BigMath.of(t.real(i));
  }

  /** What the oracle keeps before it rounds is the truth but for rounding in double. */
  static void near(String what, double got, BigDecimal truth) {
    BigDecimal error = BigMath.of(got).subtract(truth).abs();
    BigDecimal allowed = truth.abs().multiply(new BigDecimal("2e-14"));
    assertThat(error)
        .as("%s: expected %s, got %s", what, truth, got)
        .isLessThanOrEqualTo(allowed.add(new BigDecimal("1e-300")));
  }

  /** The same where terms of this magnitude cancel. */
  static void near(String what, double got, BigDecimal truth, BigDecimal magnitude) {
    BigDecimal error = BigMath.of(got).subtract(truth).abs();
    assertThat(error)
        .as("%s: expected %s, got %s", what, truth, got)
        .isLessThanOrEqualTo(magnitude.multiply(new BigDecimal("1e-13")));
  }

  static List<RefTensor> evaluate(Ops ops, RefTensor... inputs) {
    Graph g = ops.build();
    return GraphOracle.evaluate(g, g.dims(), new long[0], List.of(inputs));
  }

  static Value input(Ops g, String name, RefTensor like) {
    return g.tensor(name, TensorType.of(like.dtype(), like.sizes()));
  }
}
