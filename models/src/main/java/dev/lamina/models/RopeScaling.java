package dev.lamina.models;

import java.util.List;

/** How a model stretches its rotary frequencies beyond the length it was pretrained on. */
public sealed interface RopeScaling {
  /** Not at all. Source: arXiv:2104.09864. */
  record Default() implements RopeScaling {}

  /**
   * The frequencies of a whole head, of which only the fastest turn.
   *
   * @param pairs that turn
   * @param factor every frequency's divisor
   */
  record Proportional(int pairs, double factor) implements RopeScaling {}

  /**
   * Every frequency divided. Source: arXiv:2306.15595 (position interpolation).
   *
   * @param factor the divisor
   */
  record Linear(double factor) implements RopeScaling {}

  /**
   * The base grows with the length beyond the pretrained one (NTK-aware scaling).
   *
   * @param factor strength
   * @param maxPositions the length up to which the base stays
   */
  record Dynamic(double factor, int maxPositions) implements RopeScaling {}

  /**
   * Long waves divided, short ones kept, a ramp between. Source: Llama 3.1's reference code.
   *
   * @param factor the divisor of long waves
   * @param lowFreqFactor waves longer than {@code originalMaxPositions / lowFreqFactor} are long
   * @param highFreqFactor waves shorter than {@code originalMaxPositions / highFreqFactor} are
   *     short
   * @param originalMaxPositions pretrained length
   */
  record Llama3(
      double factor, double lowFreqFactor, double highFreqFactor, int originalMaxPositions)
      implements RopeScaling {}

  /**
   * A ramp over dimensions by the turns they make in the pretrained length, and sharper attention.
   * Source: arXiv:2309.00071.
   *
   * @param factor the divisor of slow dimensions
   * @param originalMaxPositions pretrained length
   * @param betaFast dimensions that turn more often are kept
   * @param betaSlow dimensions that turn less often are divided
   * @param truncate whether the ramp's ends are whole dimensions
   * @param attentionFactor multiplies cos and sin
   */
  record Yarn(
      double factor,
      int originalMaxPositions,
      double betaFast,
      double betaSlow,
      boolean truncate,
      double attentionFactor)
      implements RopeScaling {}

  /**
   * A searched divisor a dimension, one list for short and one for long use. Source:
   * arXiv:2402.13753.
   *
   * @param shortFactors divisors up to the pretrained length
   * @param longFactors divisors beyond it
   * @param originalMaxPositions pretrained length
   * @param attentionFactor multiplies cos and sin
   */
  record LongRope(
      List<Double> shortFactors,
      List<Double> longFactors,
      int originalMaxPositions,
      double attentionFactor)
      implements RopeScaling {
    /** Copies the lists. */
    public LongRope {
      shortFactors = List.copyOf(shortFactors);
      longFactors = List.copyOf(longFactors);
    }
  }
}
