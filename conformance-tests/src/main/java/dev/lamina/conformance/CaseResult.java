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
 * @param measurements what the case measured beside its verdict
 */
public record CaseResult(
    Case testCase,
    Verdict verdict,
    double worstRatio,
    String message,
    long millis,
    List<Measurement> measurements) {
  /** Keeps the message on one line, and copies the list. */
  public CaseResult {
    message = message.replaceAll("\\s*\\R\\s*", " ");
    measurements = List.copyOf(measurements);
  }

  /**
   * A result without measurements.
   *
   * @param testCase the case
   * @param verdict how it ended
   * @param worstRatio largest error as a part of what is allowed; NaN if there is none to tell
   * @param message why, in one line; empty for a pass
   * @param millis how long it took
   */
  public CaseResult(
      Case testCase, Verdict verdict, double worstRatio, String message, long millis) {
    this(testCase, verdict, worstRatio, message, millis, List.of());
  }

  CaseResult with(List<Measurement> taken) {
    return new CaseResult(testCase, verdict, worstRatio, message, millis, taken);
  }

  static CaseResult notRun(Case c, String why) {
    return new CaseResult(c, Verdict.NOT_RUN, Double.NaN, why, 0);
  }
}
