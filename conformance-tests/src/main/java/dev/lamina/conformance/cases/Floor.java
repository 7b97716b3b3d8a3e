package dev.lamina.conformance.cases;

import dev.lamina.conformance.Timing.FloorVerdict;
import java.util.Arrays;

/**
 * Whether a part of a ceiling is reached, said so that a noisy machine does not change its mind.
 *
 * <p>The ceiling is probed before each round. Noise only ever slows, so the best probe stands for
 * the ceiling and the best round for the op. At or above the floor it is met. Below 0.85 of the
 * floor it is not met. Between the two, and where the probes themselves are unsteady (the median
 * below 0.7 of the best), nothing is said: a badge keeps what was said before.
 */
final class Floor {
  private static final double SURELY_BELOW = 0.85;
  private static final double STEADY = 0.7;

  private Floor() {}

  /** The best of some rates. */
  static double best(double... rates) {
    return Arrays.stream(rates).max().orElse(0);
  }

  /**
   * Judges.
   *
   * @param floor part of the ceiling to be reached
   * @param rates of the op, one a round
   * @param probes of the ceiling, one a round
   * @param known a ceiling measured otherwise, or 0
   */
  static FloorVerdict judge(double floor, double[] rates, double[] probes, double known) {
    double ceiling = Math.max(best(probes), known);
    double part = best(rates) / ceiling;
    if (part >= floor) {
      return FloorVerdict.MET;
    }
    double[] sorted = probes.clone();
    Arrays.sort(sorted);
    boolean steady = sorted[sorted.length / 2] >= STEADY * best(probes);
    return steady && part < SURELY_BELOW * floor ? FloorVerdict.NOT_MET : FloorVerdict.UNDECIDED;
  }
}
