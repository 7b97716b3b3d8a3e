package dev.lamina.conformance;

import java.time.LocalDate;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Cases known to fail for now. One that passes, or whose date has passed, counts as failed.
 *
 * @param entries the list
 */
public record ExpectedFailures(List<Entry> entries) {
  /** Nothing is expected to fail. */
  public static final ExpectedFailures NONE = new ExpectedFailures(List.of());

  /** Copies the list. */
  public ExpectedFailures {
    entries = List.copyOf(entries);
  }

  /**
   * One expectation.
   *
   * @param pattern a case id, in which {@code *} stands for any run of characters
   * @param reason one line
   * @param expires last day it holds
   */
  public record Entry(String pattern, String reason, LocalDate expires) {}

  /**
   * The expectation for a case.
   *
   * @param id the case
   * @return the first entry that matches, or null
   */
  public @Nullable Entry find(CaseId id) {
    for (Entry e : entries) {
      if (Selection.matches(e.pattern(), id.toString())) {
        return e;
      }
    }
    return null;
  }

  /** A result in the light of this list. */
  CaseResult judge(CaseResult raw) {
    Entry entry = find(raw.testCase().id());
    if (entry == null) {
      return raw;
    }
    boolean holds = !LocalDate.now().isAfter(entry.expires());
    Verdict verdict =
        switch (raw.verdict()) {
          case FAILED -> holds ? Verdict.XFAIL : Verdict.FAILED;
          case PASSED -> Verdict.FAILED;
          case DECLARED_UNSUPPORTED, XFAIL, NOT_RUN -> raw.verdict();
        };
    String message =
        raw.verdict() == Verdict.PASSED
            ? "passed though it is listed as an expected failure (" + entry.reason() + ")"
            : raw.message() + " (expected: " + entry.reason() + ", until " + entry.expires() + ")";
    return new CaseResult(
        raw.testCase(), verdict, raw.worstRatio(), message, raw.millis(), raw.observed());
  }
}
