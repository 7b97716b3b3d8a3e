package dev.lamina.conformance.report;

import dev.lamina.conformance.CaseResult;
import dev.lamina.conformance.Measurement;
import dev.lamina.conformance.Report;
import dev.lamina.conformance.Verdict;
import dev.lamina.spi.Cap;
import dev.lamina.spi.DeviceInfo;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Numbers that decide nothing: drift where no guarantee is declared, speed, leaks. */
final class Measurements {
  private static final List<Cap> GUARANTEES = List.of(Cap.RUN_TO_RUN, Cap.BATCH_INVARIANT);

  private final Report report;

  Measurements(Report report) {
    this.report = report;
  }

  /** A row an op that drifts, a column a guarantee; the others are counted. */
  String drift() {
    Map<String, Map<Cap, Measurement>> rows = new LinkedHashMap<>();
    for (Measurement m : all("drift.")) {
      for (Cap cap : GUARANTEES) {
        String prefix = "drift." + text(cap) + ".";
        if (m.name().startsWith(prefix)) {
          rows.computeIfAbsent(m.name().substring(prefix.length()), k -> new LinkedHashMap<>())
              .put(cap, m);
        }
      }
    }
    StringBuilder out = new StringBuilder("<tr><th>guarantee</th>");
    GUARANTEES.forEach(cap -> out.append("<th>").append(cap).append("</th>"));
    out.append("</tr>\n<tr><th>declared</th>");
    GUARANTEES.forEach(cap -> out.append(declared(cap)));
    out.append("</tr>\n");
    int equal = 0;
    for (Map.Entry<String, Map<Cap, Measurement>> row : rows.entrySet()) {
      if (row.getValue().values().stream().allMatch(m -> m.value() == 0)) {
        equal++;
        continue;
      }
      String op = row.getKey().replace(".", " · ");
      out.append("<tr><th>").append(Html.escape(op)).append("</th>");
      GUARANTEES.forEach(cap -> out.append(drift(row.getValue().get(cap))));
      out.append("</tr>\n");
    }
    if (equal > 0) {
      out.append(
          "<tr><th>%d more, measured</th><td class=\"h0\" colspan=\"%d\">bit equal</td></tr>\n"
              .formatted(equal, GUARANTEES.size()));
    }
    return out.toString();
  }

  private static String drift(@Nullable Measurement m) {
    if (m == null) {
      return "<td></td>";
    }
    return "<td class=\"h%d\" title=\"%s\">%s</td>"
        .formatted(
            m.value() == 0 ? 0 : m.value() < 1e-6 ? 1 : m.value() < 1e-3 ? 3 : 5,
            Html.escape(m.remark()),
            Html.number(m.value()));
  }

  private String declared(Cap cap) {
    DeviceInfo device = report.subject().device();
    boolean declared = device != null && device.caps().contains(cap);
    List<CaseResult> cases =
        report.results().stream()
            .filter(r -> r.testCase().id().op().equals(text(cap)))
            .filter(r -> r.verdict() != Verdict.NOT_RUN)
            .toList();
    long passed = cases.stream().filter(r -> r.verdict() == Verdict.PASSED).count();
    if (!declared) {
      return "<td class=\"unsupported\">no; measured below</td>";
    }
    if (cases.isEmpty()) {
      return "<td class=\"not_run\">yes; not run at this level</td>";
    }
    return "<td class=\"%s\">yes; every bit held in %d of %d cases</td>"
        .formatted(passed == cases.size() ? "native" : "failed", passed, cases.size());
  }

  private static String text(Cap cap) {
    return cap.name().toLowerCase(Locale.ROOT);
  }

  /** All other measurements, empty if there are none. */
  String others() {
    StringBuilder out = new StringBuilder();
    for (Measurement m : all("")) {
      if (!m.name().startsWith("drift.")) {
        out.append(
            "<tr><th>%s</th><td class=\"n\">%s</td><td>%s</td><td>%s</td></tr>\n"
                .formatted(
                    Html.escape(m.name()),
                    Html.number(m.value()),
                    Html.escape(m.unit()),
                    Html.escape(m.remark())));
      }
    }
    return out.toString();
  }

  private List<Measurement> all(String prefix) {
    List<Measurement> all = new ArrayList<>();
    for (CaseResult r : report.results()) {
      r.measurements().stream().filter(m -> m.name().startsWith(prefix)).forEach(all::add);
    }
    return all;
  }
}
