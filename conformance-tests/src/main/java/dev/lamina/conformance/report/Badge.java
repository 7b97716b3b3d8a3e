package dev.lamina.conformance.report;

import dev.lamina.conformance.Report;
import dev.lamina.conformance.Verdict;
import dev.lamina.spi.DeviceInfo;

/** The result in a line, as a picture: {@code badge.svg}. */
public final class Badge {
  /** Pixels of a character of the badge's font, about. */
  private static final double CHARACTER = 6.7;

  private Badge() {}

  /**
   * The badge.
   *
   * @param report how a run went
   * @return an SVG document that needs nothing else
   */
  public static String of(Report report) {
    String left = "lamina conformance";
    String right = text(report);
    int leftWidth = width(left);
    int rightWidth = width(right);
    String color =
        switch (Standing.of(report)) {
          case Standing.Reached r -> r.expectedFailures() > 0 ? "#9a6700" : "#1a7f37";
          case Standing.Failed f -> "#cf222e";
          case Standing.Partial p -> "#59636e";
        };
    return """
    <svg xmlns="http://www.w3.org/2000/svg" width="%1$d" height="22" role="img" aria-label="%2$s: %3$s">
    <title>%2$s: %3$s</title>
    <clipPath id="r"><rect width="%1$d" height="22" rx="4"/></clipPath>
    <g clip-path="url(#r)"><rect width="%4$d" height="22" fill="#32383f"/><rect x="%4$d" width="%5$d" height="22" fill="%6$s"/></g>
    <g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
    <text x="%7$.1f" y="15">%2$s</text><text x="%8$.1f" y="15">%3$s</text></g>
    </svg>
    """
        .formatted(
            leftWidth + rightWidth,
            left,
            Html.escape(right),
            leftWidth,
            rightWidth,
            color,
            leftWidth / 2.0,
            leftWidth + rightWidth / 2.0);
  }

  private static int width(String text) {
    return (int) Math.ceil(text.length() * CHARACTER) + 16;
  }

  private static String text(Report report) {
    DeviceInfo device = report.subject().device();
    String name = device == null ? "no device" : device.name();
    long asked =
        report.results().stream()
            .filter(r -> report.level().includes(r.testCase().level()))
            .count();
    return "%s · %d of %d · %s %s · %s"
        .formatted(
            Standing.of(report).text(),
            report.summary().get(Verdict.PASSED),
            asked,
            report.subject().backend(),
            name,
            report.setting().day());
  }
}
