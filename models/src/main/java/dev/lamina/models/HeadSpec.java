package dev.lamina.models;

/**
 * How the vocabulary is scored.
 *
 * @param tied whether the matrix is the embedding table, if the checkpoint has no own one
 * @param biased whether a bias is added
 * @param scale factor on the logits
 * @param softcap bound that the scaled logits approach, 0 = none: {@code softcap * tanh(x /
 *     softcap)}
 * @param width that a matrix {@code projectOut} brings the stream to first, 0 = none
 */
public record HeadSpec(boolean tied, boolean biased, double scale, double softcap, int width) {
  /**
   * Logits as the matrix gives them.
   *
   * @param tied whether the matrix is the embedding table
   */
  public HeadSpec(boolean tied) {
    this(tied, false, 1, 0, 0);
  }

  /**
   * This with a factor on the logits.
   *
   * @param factor the factor
   * @return a new spec
   */
  public HeadSpec withScale(double factor) {
    return new HeadSpec(tied, biased, factor, softcap, width);
  }

  /**
   * This with a bound on the logits.
   *
   * @param bound 0 = none
   * @return a new spec
   */
  public HeadSpec withSoftcap(double bound) {
    return new HeadSpec(tied, biased, scale, bound, width);
  }

  /**
   * This with a bias.
   *
   * @param on whether one is added
   * @return a new spec
   */
  public HeadSpec withBias(boolean on) {
    return new HeadSpec(tied, on, scale, softcap, width);
  }

  /**
   * This with a projection before it.
   *
   * @param to its width
   * @return a new spec
   */
  public HeadSpec withProjection(int to) {
    return new HeadSpec(tied, biased, scale, softcap, to);
  }
}
