package dev.lamina.conformance;

/**
 * How one case ended.
 *
 * @param testCase the case
 * @param verdict how it ended
 * @param worstRatio largest error as a part of what is allowed; NaN if there is none to tell
 * @param message why, in one line; empty for a pass
 * @param millis how long it took
 */
public record CaseResult(
    Case testCase, Verdict verdict, double worstRatio, String message, long millis) {
  /** Keeps the message on one line. */
  public CaseResult {
    message = message.replaceAll("\\s*\\R\\s*", " ");
  }

  static CaseResult notRun(Case c, String why) {
    return new CaseResult(c, Verdict.NOT_RUN, Double.NaN, why, 0);
  }
}
