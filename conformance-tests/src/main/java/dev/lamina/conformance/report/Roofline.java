package dev.lamina.conformance.report;

import dev.lamina.conformance.Case;
import dev.lamina.conformance.Report;
import dev.lamina.conformance.Timing;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** How fast timed ops ran, as a part of the ceilings measured in the same run. */
final class Roofline {
  private final List<Timing> timings;

  Roofline(Report report) {
    this.timings =
        timed(report).stream()
            .map(Timed::timing)
            .sorted(Comparator.comparing(Timing::boundByArithmetic))
            .toList();
  }

  /** An op that a case timed. */
  record Timed(Case testCase, Timing timing) {}

  /**
   * All that was timed. What a device computes at most is the same for all ops, and noise only
   * slows: the best of what was measured in the run counts for each.
   */
  static List<Timed> timed(Report report) {
    double best =
        report.results().stream()
            .flatMap(r -> r.observed().timings().stream())
            .mapToDouble(Timing::flopsPerSecond)
            .max()
            .orElse(0);
    return report.results().stream()
        .flatMap(r ->
            r.observed().timings().stream()
                .map(t -> new Timed(r.testCase(), t.withFlopsPerSecond(best))))
        .toList();
  }

  /** The section, empty if nothing was timed. */
  String html() {
    if (timings.isEmpty()) {
      return "";
    }
    StringBuilder out = new StringBuilder();
    timings.forEach(t -> out.append(row(t)));
    return """
    <section>
    <h2>Speed, as a part of what the device can do</h2>
    <p class="note">%s A line across a bar is the floor that the kit asks for; speed decides no verdict.</p>
    <div class="scroll"><table class="plain speed">
    <tr><th>op</th><th colspan="2">of its ceiling</th><th>bound by</th><th class="n">time</th><th class="n">GB/s</th><th class="n">of</th><th class="n">GFLOP/s</th><th class="n">of</th><th>floor</th><th>kernel</th></tr>
    %s</table></div>
    </section>
    """
        .formatted(ceilings(), out);
  }

  private String ceilings() {
    boolean arithmetic = timings.stream().anyMatch(t -> t.flopsPerSecond() > 0);
    return "Memory's ceiling was measured beside each op, by the kit's own copy"
        + (arithmetic
            ? " and by the backend; arithmetic's by the backend, the best of the run."
            : "; the backend measures none of arithmetic.");
  }

  private static String row(Timing t) {
    double part = t.partOfRoofline();
    String floor =
        t.floor() > 0 ? "<i style=\"left:%s%%\"></i>".formatted(Html.number(100 * t.floor())) : "";
    return "<tr><th>%s</th><td class=\"n\">%s</td><td class=\"track\"><div><b class=\"%s\" style=\"width:%.1f%%\"></b>%s</div></td><td>%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"%s\">%s</td><td>%s</td></tr>%n"
        .formatted(
            Html.escape(t.name().replace(".", " · ")),
            percent(part),
            css(t),
            100 * Math.clamp(part, 0, 1),
            floor,
            t.boundByArithmetic() ? "arithmetic" : "memory",
            time(t.seconds()),
            giga(t.bytes() / t.seconds()),
            giga(t.bytesPerSecond()),
            giga(t.flops() / t.seconds()),
            t.flopsPerSecond() > 0 ? giga(t.flopsPerSecond()) : "–",
            css(t),
            verdict(t),
            Html.escape(t.kernels()));
  }

  private static String css(Timing t) {
    return switch (t.verdict()) {
      case NONE -> "";
      case MET -> "native";
      case NOT_MET -> "xfail";
      case UNDECIDED -> "unsupported";
    };
  }

  private static String verdict(Timing t) {
    String floor = percent(t.floor());
    return switch (t.verdict()) {
      case NONE -> "";
      case MET -> floor + ": met";
      case NOT_MET -> floor + ": not met";
      case UNDECIDED -> floor + ": undecided";
    };
  }

  private static String percent(double part) {
    double p = 100 * part;
    return (p > 0 && p < 10 ? Html.number(p) : String.valueOf(Math.round(p))) + " %";
  }

  private static String giga(double perSecond) {
    double g = perSecond / 1e9;
    return g < 1000 ? Html.number(g) : String.format(Locale.ROOT, "%,.0f", g);
  }

  private static String time(double seconds) {
    return seconds < 1e-3
        ? Html.number(1e6 * seconds) + " µs"
        : seconds < 1 ? Html.number(1e3 * seconds) + " ms" : Html.number(seconds) + " s";
  }
}
