package dev.lamina.conformance.report;

import dev.lamina.conformance.CaseResult;
import dev.lamina.conformance.Measurement;
import dev.lamina.conformance.Observed;
import dev.lamina.conformance.Report;
import dev.lamina.conformance.Timing;
import dev.lamina.conformance.Verdict;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.SpiVersion;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A report as JSON: {@code report.json}. */
public final class JsonReport {
  /** Version of the form; grows when a field changes its meaning. */
  private static final int SCHEMA = 3;

  private JsonReport() {}

  /**
   * The document.
   *
   * @param report how a run went
   */
  public static String of(Report report) {
    Map<String, @Nullable Object> root = new LinkedHashMap<>();
    root.put("schema", SCHEMA);
    SpiVersion v = SpiVersion.CURRENT;
    // The kit is released with the SPI and carries its version.
    root.put("kit", v.major() + "." + v.minor());
    root.put("spi", v.major() + "." + v.minor());
    root.put("opset", v.opset());
    root.put("backend", report.subject().backend());
    root.put("device", device(report.subject().ordinal(), report.subject().device()));
    root.put("runtime", report.setting().runtime());
    root.put("began", report.setting().began());
    root.put("seconds", report.setting().took().toMillis() / 1000.0);
    root.put("only", report.setting().only());
    root.put("level", report.level());
    root.put("seed", report.seed());
    Map<String, @Nullable Object> summary = new LinkedHashMap<>();
    report.summary().forEach((verdict, n) -> summary.put(verdict.text(), n));
    root.put("summary", summary);
    root.put("remarks", report.remarks());
    root.put("ops", ops(report));
    root.put("roofline", Roofline.timed(report).stream().map(JsonReport::timing).toList());
    root.put("cases", report.results().stream().map(JsonReport::entry).toList());
    return JsonWriter.write(root);
  }

  private static Map<String, @Nullable Object> device(int ordinal, @Nullable DeviceInfo info) {
    Map<String, @Nullable Object> device = new LinkedHashMap<>();
    device.put("ordinal", ordinal);
    if (info != null) {
      device.put("name", info.name());
      device.put("arch", info.arch());
      device.put("memory_bytes", info.memory().totalBytes());
      device.put("dtypes", info.dtypes().stream().sorted().map(d -> d.text()).toList());
      device.put("caps", info.caps().stream().sorted().toList());
    }
    return device;
  }

  private static List<Map<String, @Nullable Object>> ops(Report report) {
    List<Map<String, @Nullable Object>> rows = new ArrayList<>();
    for (OpSummary op : OpSummary.of(report.results())) {
      Map<String, @Nullable Object> row = new LinkedHashMap<>();
      row.put("op", op.op());
      row.put("dtype", op.dtype());
      for (Verdict v : Verdict.values()) {
        row.put(v.text(), op.count(v));
      }
      row.put("worst_ratio", op.worstRatio());
      rows.add(row);
    }
    return rows;
  }

  private static Map<String, @Nullable Object> timing(Roofline.Timed timed) {
    Timing t = timed.timing();
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("case", timed.testCase().id());
    row.put("name", t.name());
    row.put("kernels", t.kernels());
    row.put("seconds", t.seconds());
    row.put("bytes", t.bytes());
    row.put("flops", t.flops());
    row.put("ceiling_bytes_per_second", t.bytesPerSecond());
    row.put("ceiling_flops_per_second", t.flopsPerSecond() > 0 ? t.flopsPerSecond() : null);
    row.put("of_bandwidth", t.partOfBandwidth());
    row.put("of_flops", t.partOfFlops());
    row.put("of_roofline", t.partOfRoofline());
    row.put("bound_by", t.boundByArithmetic() ? "arithmetic" : "memory");
    if (t.floor() > 0) {
      row.put("floor", t.floor());
      row.put("floor_verdict", t.verdict().name().toLowerCase(Locale.ROOT));
    }
    return row;
  }

  private static Map<String, @Nullable Object> entry(CaseResult r) {
    Map<String, @Nullable Object> entry = new LinkedHashMap<>();
    entry.put("id", r.testCase().id());
    entry.put("level", r.testCase().level());
    entry.put("rules", r.testCase().rules().stream().sorted().toList());
    entry.put("verdict", r.verdict().text());
    entry.put("worst_ratio", r.worstRatio());
    entry.put("millis", r.millis());
    if (!r.message().isEmpty()) {
      entry.put("message", r.message());
    }
    List<Observed.KernelUse> kernels = r.observed().kernels();
    if (!kernels.isEmpty()) {
      entry.put("kernels", kernels.stream().map(JsonReport::kernel).toList());
    }
    if (!r.measurements().isEmpty()) {
      entry.put("measurements", r.measurements().stream().map(JsonReport::measurement).toList());
    }
    return entry;
  }

  private static Map<String, @Nullable Object> kernel(Observed.KernelUse k) {
    Map<String, @Nullable Object> entry = new LinkedHashMap<>();
    entry.put("op", k.op());
    entry.put("kernel", k.kernel());
    entry.put("lowering", k.decomposed() ? "decomposed" : "native");
    entry.put("detail", k.detail());
    return entry;
  }

  private static Map<String, @Nullable Object> measurement(Measurement m) {
    Map<String, @Nullable Object> entry = new LinkedHashMap<>();
    entry.put("name", m.name());
    entry.put("value", m.value());
    entry.put("unit", m.unit());
    if (!m.remark().isEmpty()) {
      entry.put("remark", m.remark());
    }
    return entry;
  }
}
