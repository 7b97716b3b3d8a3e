package dev.lamina.conformance;

import org.jspecify.annotations.Nullable;

/** The backend did something else than what the SPI asks for. */
public final class CheckFailedException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final double ratio;

  /**
   * Makes an exception.
   *
   * @param message one line: what was expected, what came, where
   */
  public CheckFailedException(String message) {
    this(message, Double.NaN, null);
  }

  /**
   * Makes an exception.
   *
   * @param message one line: what was expected, what came, where
   * @param ratio error as a part of what is allowed, or NaN
   * @param cause what led to it, or null
   */
  public CheckFailedException(String message, double ratio, @Nullable Throwable cause) {
    super(message, cause);
    this.ratio = ratio;
  }

  /**
   * How far off it was.
   *
   * @return error as a part of what is allowed, or NaN where that says nothing
   */
  public double ratio() {
    return ratio;
  }
}
