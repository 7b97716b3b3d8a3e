package dev.lamina.conformance.report;

import dev.lamina.conformance.CaseResult;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Report;
import dev.lamina.conformance.Verdict;
import org.jspecify.annotations.Nullable;

/** What a run says of a backend as a whole. */
sealed interface Standing {
  /**
   * In a word or two.
   *
   * @return such as {@code L2}
   */
  String text();

  /**
   * A level, with all cases of it and below.
   *
   * @param level the deepest such level
   * @param asked the level that was asked for
   * @param expectedFailures of these cases
   */
  record Reached(Level level, Level asked, long expectedFailures) implements Standing {
    @Override
    public String text() {
      return expectedFailures > 0 ? level + " with expected failures" : level.toString();
    }
  }

  /** Not even the first level. */
  record Failed() implements Standing {
    @Override
    public String text() {
      return "failed";
    }
  }

  /** Only some cases were selected: no level is reached by that, whatever they say. */
  record Partial() implements Standing {
    @Override
    public String text() {
      return "selected cases";
    }
  }

  /** That of a report; what failed at the asked level is failed, though a lower one may hold. */
  static Standing of(Report report) {
    if (report.setting().only() != null) {
      return new Partial();
    }
    Level reached = null;
    for (Level level : Level.values()) {
      if (!report.level().includes(level) || !holds(report, level)) {
        break;
      }
      reached = level;
    }
    return standing(report, reached);
  }

  private static Standing standing(Report report, @Nullable Level reached) {
    if (reached == null || !report.remarks().isEmpty()) {
      return new Failed();
    }
    long expected =
        report.results().stream()
            .filter(r -> reached.includes(r.testCase().level()))
            .filter(r -> r.verdict() == Verdict.XFAIL)
            .count();
    return new Reached(reached, report.level(), expected);
  }

  /** Whether the cases of a level itself are all right. */
  private static boolean holds(Report report, Level level) {
    return report.results().stream()
        .filter(r -> r.testCase().level() == level)
        .map(CaseResult::verdict)
        .noneMatch(v -> v == Verdict.FAILED || v == Verdict.NOT_RUN);
  }
}
