package dev.lamina.conformance.report;

import dev.lamina.conformance.Level;
import dev.lamina.conformance.Report;
import dev.lamina.conformance.Verdict;
import dev.lamina.spi.Cap;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.SpiVersion;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A report as one page that needs nothing else: {@code index.html}. */
public final class HtmlReport {
  private final Report report;
  private final Standing standing;

  private HtmlReport(Report report) {
    this.report = report;
    this.standing = Standing.of(report);
  }

  /**
   * The page.
   *
   * @param report how a run went
   */
  public static String of(Report report) {
    return new HtmlReport(report).page();
  }

  private String page() {
    Matrix matrix = new Matrix(report.results());
    Failures failures = new Failures(report);
    Measurements measurements = new Measurements(report);
    Map<String, String> parts = new LinkedHashMap<>();
    parts.put("title", Html.escape(report.subject().toString()));
    parts.put("state", state());
    parts.put("verdict", Html.escape(verdict()));
    parts.put("about", about());
    parts.put("bar", bar());
    parts.put("counts", counts());
    parts.put("levels", levels());
    parts.put("remarks", remarks());
    parts.put("failures", failures.html());
    parts.put("declared", section("Declared unsupported", "reason, cases", failures.declared()));
    parts.put("legend", legend());
    parts.put("kinds", matrix.kinds());
    parts.put("ratios", matrix.ratios());
    parts.put("areas", matrix.areas());
    parts.put("speed", new Roofline(report).html());
    parts.put("drift", measurements.drift());
    parts.put("others", section("Measured", "name, value, unit, remark", measurements.others()));
    String page = template();
    for (Map.Entry<String, String> part : parts.entrySet()) {
      page = page.replace("${" + part.getKey() + "}", part.getValue());
    }
    return page;
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

  private String state() {
    return switch (standing) {
      case Standing.Reached r -> r.level() == r.asked() ? "good" : "bad";
      case Standing.Failed f -> "bad";
      case Standing.Partial p -> "some";
    };
  }

  private String verdict() {
    return switch (standing) {
      case Standing.Reached r ->
          r.level() == r.asked()
              ? "Conforms to " + r.text()
              : "Conforms to " + r.text() + ", not to " + r.asked();
      case Standing.Failed f -> "Does not conform";
      case Standing.Partial p -> "Selected cases only";
    };
  }

  private String about() {
    DeviceInfo info = report.subject().device();
    SpiVersion v = SpiVersion.CURRENT;
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("Device", info == null ? "did not open" : info.name());
    facts.put("Architecture", info == null ? "–" : info.arch());
    facts.put("Kit", "%d.%d, op set %d".formatted(v.major(), v.minor(), v.opset()));
    facts.put("Level, seed", report.level() + ", " + report.seed());
    facts.put("Runtime", report.setting().runtime());
    facts.put("Date", report.setting().day() + ", " + report.setting().took().toSeconds() + " s");
    facts.put("Capabilities", info == null ? "–" : caps(info));
    return facts.entrySet().stream()
        .map(f ->
            "<div><dt>%s</dt><dd>%s</dd></div>".formatted(f.getKey(), Html.escape(f.getValue())))
        .collect(Collectors.joining("\n"));
  }

  private static String caps(DeviceInfo info) {
    String absent =
        Stream.of(Cap.values())
            .filter(c -> !info.caps().contains(c))
            .map(Cap::name)
            .collect(Collectors.joining(", "));
    return info.caps().stream().sorted().map(Cap::name).collect(Collectors.joining(", "))
        + (absent.isEmpty() ? "" : "; not " + absent);
  }

  private String bar() {
    StringBuilder out = new StringBuilder();
    report
        .summary()
        .forEach((verdict, n) -> {
          if (n > 0) {
            out.append(
                "<span class=\"%s\" style=\"flex-grow:%d\" title=\"%d %s\"></span>"
                    .formatted(css(verdict), n, n, words(verdict)));
          }
        });
    return out.toString();
  }

  private String counts() {
    StringBuilder out = new StringBuilder();
    report
        .summary()
        .forEach((verdict, n) ->
            out.append(
                "<li class=\"%s%s\"><b>%d</b> %s</li>"
                    .formatted(css(verdict), n == 0 ? " zero" : "", n, words(verdict))));
    return out.toString();
  }

  private static String css(Verdict verdict) {
    return switch (verdict) {
      case PASSED -> "native";
      case FAILED -> "failed";
      case DECLARED_UNSUPPORTED -> "unsupported";
      case XFAIL -> "xfail";
      case NOT_RUN -> "not_run";
    };
  }

  private static String words(Verdict verdict) {
    return switch (verdict) {
      case PASSED -> "passed";
      case FAILED -> "failed";
      case DECLARED_UNSUPPORTED -> "declared unsupported";
      case XFAIL -> "expected failures";
      case NOT_RUN -> "not run";
    };
  }

  private String levels() {
    StringBuilder out = new StringBuilder();
    for (Level level : Level.values()) {
      Cell cell =
          new Cell(report.results().stream().filter(r -> r.testCase().level() == level).toList());
      int cases = cell.results().size();
      String count =
          report.level().includes(level)
              ? "%d of %d passed".formatted(cell.count(Verdict.PASSED), cases)
              : "%d cases, not asked for".formatted(cases);
      out.append(
          "<li class=\"%s\"><b>%s</b> %s<br><span>%s</span></li>"
              .formatted(css(level, cell), level, what(level), count));
    }
    return out.toString();
  }

  /** A level of which cases did not run is bad, unless some were left out on purpose. */
  private String css(Level level, Cell cell) {
    if (!report.level().includes(level)) {
      return "not_run";
    }
    if (cell.count(Verdict.FAILED) > 0) {
      return "failed";
    }
    if (cell.count(Verdict.NOT_RUN) > 0) {
      return report.setting().only() == null ? "failed" : "not_run";
    }
    return cell.count(Verdict.XFAIL) > 0 ? "xfail" : "native";
  }

  private static String what(Level level) {
    return switch (level) {
      case L0 -> "lifecycle";
      case L1 -> "core ops";
      case L2 -> "composites, models";
      case L3 -> "guarantees, stress, speed";
    };
  }

  private String remarks() {
    return report.remarks().stream()
        .map(r -> "<p class=\"remark\">" + Html.escape(r) + "</p>")
        .collect(Collectors.joining("\n"));
  }

  private static String legend() {
    return Stream.of(Cell.Kind.values())
        .map(k -> "<span><i class=\"k %s\">%s</i> %s</span>".formatted(k.css(), k.sign, k.text))
        .collect(Collectors.joining("\n"));
  }

  private static String section(String title, String heads, String rows) {
    if (rows.isEmpty()) {
      return "";
    }
    String columns =
        Stream.of(heads.split(", "))
            .map(h -> "<th>" + h + "</th>")
            .collect(Collectors.joining("", "<tr>", "</tr>"));
    return "<section><h2>%s</h2><div class=\"scroll\"><table class=\"plain\">%s%n%s</table></div></section>"
        .formatted(title, columns, rows);
  }
}
