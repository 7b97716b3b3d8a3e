package dev.lamina.conformance.cases;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.conformance.Timing.FloorVerdict;
import org.junit.jupiter.api.Test;

/** The rule that keeps a badge from changing its mind on a noisy machine. */
class FloorTest {
  private static final double[] STEADY = {100, 96, 98, 99, 97};

  @Test
  void theBestRound_meetsTheFloorWhateverTheOthersWere() {
    assertThat(Floor.judge(0.6, new double[] {10, 61, 20}, STEADY, 0)).isEqualTo(FloorVerdict.MET);
  }

  @Test
  void farBelowOnASteadyMachine_isNotMet() {
    assertThat(Floor.judge(0.6, new double[] {40, 50, 45}, STEADY, 0))
        .isEqualTo(FloorVerdict.NOT_MET);
  }

  @Test
  void nearTheFloor_isUndecided() {
    assertThat(Floor.judge(0.6, new double[] {55, 58, 50}, STEADY, 0))
        .isEqualTo(FloorVerdict.UNDECIDED);
  }

  @Test
  void anUnsteadyCeiling_decidesNothingBelowTheFloor() {
    double[] unsteady = {100, 40, 50, 45, 60};
    assertThat(Floor.judge(0.6, new double[] {30}, unsteady, 0)).isEqualTo(FloorVerdict.UNDECIDED);
    assertThat(Floor.judge(0.6, new double[] {70}, unsteady, 0)).isEqualTo(FloorVerdict.MET);
  }

  @Test
  void aHigherCeilingMeasuredOtherwise_counts() {
    assertThat(Floor.judge(0.6, new double[] {61}, STEADY, 200)).isEqualTo(FloorVerdict.NOT_MET);
  }
}
