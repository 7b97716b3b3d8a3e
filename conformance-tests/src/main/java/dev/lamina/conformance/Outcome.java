package dev.lamina.conformance;

/**
 * What a case that did not fail found.
 *
 * @param verdict passed or declared unsupported
 * @param worstRatio largest error as a part of what is allowed; 0 if all is exact
 * @param message reason of a declaration, else empty
 */
public record Outcome(Verdict verdict, double worstRatio, String message) {
  /** Passed with exact results. */
  public static final Outcome EXACT = new Outcome(Verdict.PASSED, 0, "");

  /**
   * Passed.
   *
   * @param worstRatio largest error as a part of what is allowed
   * @return the outcome
   */
  public static Outcome passed(double worstRatio) {
    return new Outcome(Verdict.PASSED, worstRatio, "");
  }

  /**
   * The device declares that it lacks what the case needs.
   *
   * @param why one line
   * @return the outcome
   */
  public static Outcome unsupported(String why) {
    return new Outcome(Verdict.DECLARED_UNSUPPORTED, 0, why);
  }
}
