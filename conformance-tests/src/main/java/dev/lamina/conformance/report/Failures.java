package dev.lamina.conformance.report;

import dev.lamina.conformance.CaseResult;
import dev.lamina.conformance.Report;
import dev.lamina.conformance.Verdict;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What is wrong, by op, each with the command that runs it again; and what was declared. */
final class Failures {
  /** So many of an op are shown; report.json has all. */
  private static final int SHOWN = 12;

  private final Report report;

  Failures(Report report) {
    this.report = report;
  }

  String html() {
    Map<String, List<CaseResult>> byOp = new LinkedHashMap<>();
    for (CaseResult r : report.results()) {
      if (r.verdict() == Verdict.FAILED || r.verdict() == Verdict.XFAIL || r.isLost()) {
        byOp.computeIfAbsent(r.testCase().id().op(), k -> new ArrayList<>()).add(r);
      }
    }
    StringBuilder out = new StringBuilder();
    byOp.forEach((op, results) -> {
      out.append(
          "<details%s><summary><b>%s</b> <span class=\"muted\">%d</span></summary>\n"
              .formatted(byOp.size() <= 6 ? " open" : "", Html.escape(op), results.size()));
      results.stream().limit(SHOWN).forEach(r -> out.append(one(r)));
      if (results.size() > SHOWN) {
        out.append(
            "<p class=\"muted\">and %d more, in report.json</p>\n"
                .formatted(results.size() - SHOWN));
      }
      out.append("</details>\n");
    });
    return out.isEmpty() ? "<p>None.</p>" : out.toString();
  }

  private String one(CaseResult r) {
    String verdict =
        switch (r.verdict()) {
          case NOT_RUN -> "lost";
          case XFAIL -> "xfail";
          case FAILED, PASSED, DECLARED_UNSUPPORTED -> "failed";
        };
    return """
    <div class="case"><span class="tag %s">%s</span> <code>%s</code>
    <p>%s</p>
    <code class="cmd">bin/lamina conformance --backend %s --level %s --only '%s'</code></div>
    """
        .formatted(
            verdict,
            r.verdict() == Verdict.NOT_RUN ? "not run" : verdict,
            Html.escape(r.testCase().id().toString()),
            Html.escape(r.message()),
            Html.escape(report.subject().toString()),
            r.testCase().level(),
            Html.escape(r.testCase().id().toString()));
  }

  /** Reasons of declarations with how many cases each covers, empty if there are none. */
  String declared() {
    Map<String, Integer> reasons = new LinkedHashMap<>();
    report.results().stream()
        .filter(r -> r.verdict() == Verdict.DECLARED_UNSUPPORTED)
        .forEach(r -> reasons.merge(r.message(), 1, Integer::sum));
    StringBuilder out = new StringBuilder();
    reasons.forEach((reason, n) ->
        out.append(
            "<tr><td>%s</td><td class=\"n\">%d</td></tr>\n".formatted(Html.escape(reason), n)));
    return out.toString();
  }
}
