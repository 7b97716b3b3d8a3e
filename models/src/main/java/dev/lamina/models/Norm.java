package dev.lamina.models;

/**
 * A norm over the last axis.
 *
 * @param kind what it divides by and which factors it has
 * @param eps added inside the root
 */
public record Norm(Kind kind, double eps) {
  /** What a norm divides by, and the weights it has. */
  public enum Kind {
    /** Root mean square, factors {@code weight}. */
    RMS,
    /** Root mean square, factors {@code 1 + weight}, as Gemma stores them. */
    RMS_PLUS_ONE,
    /** Root mean square alone. */
    RMS_PLAIN,
    /** Mean and variance, {@code weight} and {@code bias}. */
    LAYER,
    /** Mean and variance, factors {@code 1 + weight}, and {@code bias}. */
    LAYER_PLUS_ONE,
    /** Mean and variance, {@code weight}. */
    LAYER_UNBIASED,
    /** Mean and variance alone. */
    LAYER_PLAIN
  }

  /**
   * A root mean square norm with factors.
   *
   * @param eps added inside the root
   * @return the norm
   */
  public static Norm rms(double eps) {
    return new Norm(Kind.RMS, eps);
  }

  /**
   * A layer norm.
   *
   * @param eps added inside the root
   * @param biased whether it adds a bias
   * @return the norm
   */
  public static Norm layer(double eps, boolean biased) {
    return new Norm(biased ? Kind.LAYER : Kind.LAYER_UNBIASED, eps);
  }

  /**
   * This without weights.
   *
   * @return a new norm
   */
  public Norm plain() {
    return switch (kind) {
      case RMS, RMS_PLUS_ONE, RMS_PLAIN -> new Norm(Kind.RMS_PLAIN, eps);
      case LAYER, LAYER_PLUS_ONE, LAYER_UNBIASED, LAYER_PLAIN -> new Norm(Kind.LAYER_PLAIN, eps);
    };
  }
}
