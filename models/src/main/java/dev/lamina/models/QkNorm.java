package dev.lamina.models;

/**
 * A norm of queries and keys, by modules {@code qNorm} and {@code kNorm}.
 *
 * @param norm the norm
 * @param span what one norm covers
 * @param afterRope whether heads are normed after they are turned
 */
public record QkNorm(Norm norm, Span span, boolean afterRope) {
  /** What one norm covers, and how its weights lie. */
  public enum Span {
    /** Each head by the same factors {@code [headDim]}. */
    HEAD,
    /** Each head by factors of its own, {@code [heads, headDim]}. */
    OWN_HEAD,
    /** As {@link #OWN_HEAD}, a tensor {@code [headDim]} a head, named by the head's number. */
    OWN_TENSOR,
    /** All heads together, factors {@code [heads * headDim]}. */
    WIDTH
  }

  /**
   * The same norm over every head, before it is turned.
   *
   * @param norm the norm
   */
  public QkNorm(Norm norm) {
    this(norm, Span.HEAD, false);
  }
}
