package dev.lamina.conformance;

import java.util.List;

/**
 * How one case ended.
 *
 * @param testCase the case
 * @param verdict how it ended
 * @param worstRatio largest error as a part of what is allowed; NaN if there is none to tell
 * @param message why, in one line; empty for a pass
 * @param millis how long it took
 * @param observed kernels and measurements
 */
public record CaseResult(
    Case testCase,
    Verdict verdict,
    double worstRatio,
    String message,
    long millis,
    Observed observed) {
  static final String ABOVE = "above the asked level";
  static final String UNSELECTED = "not selected";

  /** Keeps the message on one line. */
  public CaseResult {
    message = message.replaceAll("\\s*\\R\\s*", " ");
  }

  /**
   * A result of a case that noted nothing.
   *
   * @param testCase the case
   * @param verdict how it ended
   * @param worstRatio largest error as a part of what is allowed; NaN if there is none to tell
   * @param message why; empty for a pass
   * @param millis how long it took
   */
  public CaseResult(
      Case testCase, Verdict verdict, double worstRatio, String message, long millis) {
    this(testCase, verdict, worstRatio, message, millis, Observed.NOTHING);
  }

  /**
   * What the case measured beside its verdict.
   *
   * @return numbers in the order they were taken
   */
  public List<Measurement> measurements() {
    return observed.measurements();
  }

  /**
   * Whether the case was asked for and did not come to its end.
   *
   * @return true after a crash or a timeout
   */
  public boolean isLost() {
    return verdict == Verdict.NOT_RUN && !message.equals(ABOVE) && !message.equals(UNSELECTED);
  }

  /** The same with another verdict. */
  CaseResult as(Verdict other, String why) {
    return new CaseResult(testCase, other, worstRatio, why, millis, observed);
  }

  static CaseResult notRun(Case c, String why) {
    return new CaseResult(c, Verdict.NOT_RUN, Double.NaN, why, 0);
  }
}
