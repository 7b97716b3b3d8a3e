package dev.lamina.conformance.report;

import dev.lamina.conformance.CaseResult;
import dev.lamina.conformance.Report;
import dev.lamina.conformance.Verdict;
import dev.lamina.spi.DeviceInfo;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** A report as one page that needs nothing else: {@code index.html}. */
public final class HtmlReport {
  private HtmlReport() {}

  /**
   * The page.
   *
   * @param report how a run went
   */
  public static String of(Report report) {
    return template()
        .replace("${title}", escape(report.subject().toString()))
        .replace("${about}", about(report))
        .replace("${summary}", escape(report.summaryLine()))
        .replace("${matrix}", matrix(report.results()))
        .replace("${failures}", failures(report.results()));
  }

  private static String template() {
    try (InputStream in = HtmlReport.class.getResourceAsStream("report.html")) {
      if (in == null) {
        throw new AssertionError("report.html is missing from the kit");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String about(Report report) {
    DeviceInfo info = report.subject().device();
    String device = info == null ? "did not open" : info.name() + " (" + info.arch() + ")";
    return escape("%s, level %s, seed %d".formatted(device, report.level(), report.seed()));
  }

  private static String matrix(List<CaseResult> results) {
    TreeSet<String> dtypes = new TreeSet<>();
    Map<String, Map<String, OpSummary>> rows = new LinkedHashMap<>();
    for (OpSummary s : OpSummary.of(results)) {
      dtypes.add(s.dtype());
      rows.computeIfAbsent(s.op(), k -> new LinkedHashMap<>()).put(s.dtype(), s);
    }
    StringBuilder out = new StringBuilder("<tr><th>op</th>");
    dtypes.forEach(d -> out.append("<th>").append(escape(d)).append("</th>"));
    out.append("</tr>\n");
    rows.forEach((op, row) -> {
      out.append("<tr><th>").append(escape(op)).append("</th>");
      for (String dtype : dtypes) {
        OpSummary s = row.get(dtype);
        out.append(s == null ? "<td></td>" : cell(s));
      }
      out.append("</tr>\n");
    });
    return out.toString();
  }

  private static String cell(OpSummary s) {
    String kind =
        s.count(Verdict.FAILED) > 0
            ? "failed"
            : s.count(Verdict.XFAIL) > 0
                ? "xfail"
                : s.count(Verdict.PASSED) > 0
                    ? "passed"
                    : s.count(Verdict.DECLARED_UNSUPPORTED) > 0 ? "unsupported" : "notrun";
    String ratio = s.worstRatio() > 0 ? "<br><small>%.2g</small>".formatted(s.worstRatio()) : "";
    String title =
        "passed %d, failed %d, unsupported %d, xfail %d, not run %d"
            .formatted(
                s.count(Verdict.PASSED),
                s.count(Verdict.FAILED),
                s.count(Verdict.DECLARED_UNSUPPORTED),
                s.count(Verdict.XFAIL),
                s.count(Verdict.NOT_RUN));
    return "<td class=\"%s\" title=\"%s\">%d/%d%s</td>"
        .formatted(kind, title, s.count(Verdict.PASSED), s.total(), ratio);
  }

  private static String failures(List<CaseResult> results) {
    StringBuilder out = new StringBuilder();
    for (CaseResult r : results) {
      if (r.verdict() == Verdict.FAILED || r.verdict() == Verdict.XFAIL) {
        out.append("<tr><td><code>").append(escape(r.testCase().id().toString()));
        out.append("</code></td><td>").append(escape(r.message())).append("</td></tr>\n");
      }
    }
    return out.isEmpty() ? "<tr><td>none</td></tr>" : out.toString();
  }

  private static String escape(String s) {
    return s.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
