package dev.lamina.models;

/**
 * What the attention of a layer does.
 *
 * @param shape heads and widths
 * @param rope rotary embedding of queries and keys
 * @param biased whether the query, key and value projections add a bias
 * @param qkNormEps epsilon of an RMS norm over each query and key head, 0 = no norm
 * @param window positions seen, the own one included, 0 = all
 */
public record AttentionSpec(
    DecoderShape shape, RopeFrequencies rope, boolean biased, double qkNormEps, long window) {

  /**
   * Plain attention over all earlier positions.
   *
   * @param shape heads and widths
   * @param rope rotary embedding
   */
  public AttentionSpec(DecoderShape shape, RopeFrequencies rope) {
    this(shape, rope, false, 0, 0);
  }

  /**
   * This with or without biases.
   *
   * @param on whether the projections add one
   * @return a new spec
   */
  public AttentionSpec withBias(boolean on) {
    return new AttentionSpec(shape, rope, on, qkNormEps, window);
  }

  /**
   * This with a norm over each query and key head.
   *
   * @param eps its epsilon
   * @return a new spec
   */
  public AttentionSpec withQkNorm(double eps) {
    return new AttentionSpec(shape, rope, biased, eps, window);
  }

  /**
   * This with a sliding window.
   *
   * @param positions seen, the own one included, 0 = all
   * @return a new spec
   */
  public AttentionSpec withWindow(long positions) {
    return new AttentionSpec(shape, rope, biased, qkNormEps, positions);
  }
}
