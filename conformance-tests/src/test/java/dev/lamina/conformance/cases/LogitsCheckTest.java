package dev.lamina.conformance.cases;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

/** Divergences worked out by hand. */
class LogitsCheckTest {
  private static final double LN3 = Math.log(3);

  @Test
  void divergence_isThatOfTheProbabilities() {
    // Right: 3/4 and 1/4; got: 1/2 and 1/2.
    LogitsCheck check = LogitsCheck.of(new double[] {LN3, 0}, new double[] {7, 7});
    double byHand = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    assertThat(check.divergence()).isCloseTo(byHand, within(1e-15));
    assertThat(check.worstError()).isEqualTo(7);
    assertThat(check.margin()).isCloseTo(LN3, within(1e-15));
  }

  @Test
  void logitsShiftedByOneNumber_areTheSameProbabilities() {
    LogitsCheck check = LogitsCheck.of(new double[] {1, 2, 3}, new double[] {11, 12, 13});
    assertThat(check.divergence()).isLessThan(1e-14);
    assertThat(check.best()).isEqualTo(check.rightBest()).isEqualTo(2);
  }

  @Test
  void logitThatIsNoNumber_isNoDivergenceThatPasses() {
    for (double odd : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
      LogitsCheck check = LogitsCheck.of(new double[] {1, 2}, new double[] {1, odd});
      assertThat(check.divergence() <= 1e9).isFalse();
    }
    LogitsCheck hidden =
        LogitsCheck.of(new double[] {1, 2}, new double[] {1, Double.NEGATIVE_INFINITY});
    assertThat(hidden.divergence()).isInfinite();
  }
}
