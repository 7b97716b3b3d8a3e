package dev.lamina.conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a backend says of itself beforehand: cases that fail for now, and cases that it refuses.
 *
 * <p>Neither makes a wrong result right. A listed failure that passes, or whose last day is over,
 * counts as failed; a case listed as unsupported must end in {@link dev.lamina.spi.Unsupported} and
 * nothing else. In a file each takes a line, after {@code #} is a comment:
 *
 * <pre>{@code
 * linear/1/bf16/*    | 2026-03-01 | driver 1.2 rounds twice, ticket 17
 * debug/*            | no checks at run time on this chip
 * }</pre>
 *
 * @param failures cases that fail for now
 * @param refusals cases that the backend refuses
 */
public record Expectations(List<Failure> failures, List<Refusal> refusals) {
  /** Nothing is expected but right results. */
  public static final Expectations NONE = new Expectations(List.of(), List.of());

  /** Longest time that a failure may be expected, in days. */
  public static final int LONGEST_DAYS = 90;

  /** How the message of a case begins that ended in Unsupported. */
  static final String REFUSED = "refused: ";

  /** Copies the lists. */
  public Expectations {
    failures = List.copyOf(failures);
    refusals = List.copyOf(refusals);
  }

  /**
   * A case that fails for now.
   *
   * @param pattern a case id, in which {@code *} stands for any run of characters
   * @param expires last day it holds
   * @param reason one line
   */
  public record Failure(String pattern, LocalDate expires, String reason) {}

  /**
   * A case that is refused.
   *
   * @param pattern a case id, in which {@code *} stands for any run of characters
   * @param reason one line
   */
  public record Refusal(String pattern, String reason) {}

  /**
   * Reads lists.
   *
   * @param xfail file of failures, or null for none
   * @param unsupported file of refusals, or null for none
   * @param today from which the longest time counts
   * @return the expectations
   * @throws IOException if a file can't be read
   * @throws IllegalArgumentException naming the line and what was expected there
   */
  public static Expectations read(@Nullable Path xfail, @Nullable Path unsupported, LocalDate today)
      throws IOException {
    List<Failure> failures = new ArrayList<>();
    for (Line line : lines(xfail)) {
      List<String> f = line.fields("CASE | LAST DAY | REASON", 3);
      failures.add(new Failure(f.get(0), line.day(f.get(1), today), f.get(2)));
    }
    List<Refusal> refusals = new ArrayList<>();
    for (Line line : lines(unsupported)) {
      List<String> f = line.fields("CASE | REASON", 2);
      refusals.add(new Refusal(f.get(0), f.get(1)));
    }
    return new Expectations(failures, refusals);
  }

  private static List<Line> lines(@Nullable Path file) throws IOException {
    List<Line> lines = new ArrayList<>();
    List<String> all = file == null ? List.of() : Files.readAllLines(file);
    for (int i = 0; i < all.size(); i++) {
      String text = all.get(i).replaceAll("#.*", "").strip();
      if (!text.isEmpty()) {
        lines.add(new Line(file + ":" + (i + 1), text));
      }
    }
    return lines;
  }

  /** A line with where it stands. */
  private record Line(String where, String text) {
    List<String> fields(String form, int count) {
      List<String> fields = Stream.of(text.split("\\|", -1)).map(String::strip).toList();
      if (fields.size() != count || fields.stream().anyMatch(String::isEmpty)) {
        throw new IllegalArgumentException(
            "%s: expected %s, got '%s'; a list without reasons proves nothing"
                .formatted(where, form, text));
      }
      return fields;
    }

    LocalDate day(String day, LocalDate today) {
      LocalDate expires;
      try {
        expires = LocalDate.parse(day);
      } catch (DateTimeParseException e) {
        throw new IllegalArgumentException(
            where + ": expected a day such as 2026-03-01, got '" + day + "'", e);
      }
      if (expires.isAfter(today.plusDays(LONGEST_DAYS))) {
        throw new IllegalArgumentException(
            "%s: expected a day at most %d days ahead, got %s; look again by then"
                .formatted(where, LONGEST_DAYS, day));
      }
      return expires;
    }
  }

  /** The patterns that match no case. */
  List<String> idle(List<Case> cases) {
    return Stream.concat(
            failures.stream().map(Failure::pattern), refusals.stream().map(Refusal::pattern))
        .filter(p -> cases.stream().noneMatch(c -> Selection.matches(p, c.id().toString())))
        .toList();
  }

  /** A result in the light of these. */
  CaseResult judge(CaseResult raw) {
    String id = raw.testCase().id().toString();
    Optional<Refusal> refusal =
        refusals.stream().filter(r -> Selection.matches(r.pattern(), id)).findFirst();
    if (refusal.isPresent()) {
      return judge(raw, refusal.get());
    }
    return failures.stream()
        .filter(f -> Selection.matches(f.pattern(), id))
        .findFirst()
        .map(f -> judge(raw, f))
        .orElse(raw);
  }

  private static CaseResult judge(CaseResult raw, Failure entry) {
    boolean holds = !LocalDate.now().isAfter(entry.expires());
    return switch (raw.verdict()) {
      case FAILED ->
          raw.as(
              holds ? Verdict.XFAIL : Verdict.FAILED,
              "%s (expected: %s, until %s)"
                  .formatted(raw.message(), entry.reason(), entry.expires()));
      case PASSED ->
          raw.as(
              Verdict.FAILED,
              "passed though it is listed as an expected failure (" + entry.reason() + ")");
      case DECLARED_UNSUPPORTED, XFAIL, NOT_RUN -> raw;
    };
  }

  private static CaseResult judge(CaseResult raw, Refusal entry) {
    return switch (raw.verdict()) {
      case FAILED ->
          raw.message().startsWith(REFUSED)
              ? raw.as(Verdict.DECLARED_UNSUPPORTED, entry.reason() + " (" + raw.message() + ")")
              : raw.as(
                  Verdict.FAILED,
                  raw.message() + " (listed as unsupported, which allows no other error)");
      case PASSED ->
          raw.as(
              Verdict.FAILED, "passed though it is listed as unsupported (" + entry.reason() + ")");
      case DECLARED_UNSUPPORTED, XFAIL, NOT_RUN -> raw;
    };
  }
}
