package dev.lamina.models;

import org.jspecify.annotations.Nullable;

/**
 * What the attention of a layer does.
 *
 * @param shape heads and widths
 * @param rope rotary embedding of queries and keys, null for a layer without positions
 * @param biased whether the query, key and value projections add a bias
 * @param qkNormEps epsilon of an RMS norm over each query and key head, 0 = no norm
 * @param window positions seen, the own one included, 0 = all
 */
public record AttentionSpec(
    DecoderShape shape,
    @Nullable RopeFrequencies rope,
    boolean biased,
    double qkNormEps,
    long window) {

  /**
   * Plain attention over all earlier positions.
   *
   * @param shape heads and widths
   * @param rope rotary embedding, null for none
   */
  public AttentionSpec(DecoderShape shape, @Nullable RopeFrequencies rope) {
    this(shape, rope, false, 0, 0);
  }

  /**
   * This without rotary embedding.
   *
   * @return a new spec
   */
  public AttentionSpec withoutRope() {
    return new AttentionSpec(shape, null, biased, qkNormEps, window);
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
