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
}
