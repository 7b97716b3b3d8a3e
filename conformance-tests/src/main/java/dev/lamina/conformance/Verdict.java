package dev.lamina.conformance;

import java.util.Locale;

/** How a case ended. */
public enum Verdict {
  /** The backend is right. */
  PASSED,
  /** The backend is wrong, or a case that was expected to fail passed. */
  FAILED,
  /** The device declares that it lacks what the case needs. */
  DECLARED_UNSUPPORTED,
  /** It failed as the list of expected failures says. */
  XFAIL,
  /** Above the asked level, not selected, timed out or crashed. */
  NOT_RUN;

  /**
   * Name in the report.
   *
   * @return such as {@code declared_unsupported}
   */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }
}
