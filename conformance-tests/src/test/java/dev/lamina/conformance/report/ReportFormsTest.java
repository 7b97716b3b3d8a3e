package dev.lamina.conformance.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import dev.lamina.conformance.Case;
import dev.lamina.conformance.CaseCatalog;
import dev.lamina.conformance.CaseResult;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Measurement;
import dev.lamina.conformance.Observed;
import dev.lamina.conformance.Report;
import dev.lamina.conformance.Timing;
import dev.lamina.conformance.Timing.FloorVerdict;
import dev.lamina.conformance.Verdict;
import dev.lamina.spi.Cap;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.ir.DType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The three forms of a report: JSON by its schema, the page, the badge. */
class ReportFormsTest {
  private static final List<Case> CASES = CaseCatalog.of(0).cases();

  /** 64 MB in 4 ms, of 20 GB/s; the backend knows no ceiling of arithmetic. */
  private static final Timing DECODE =
      new Timing("linear.rows1.f32", "dot<1>", 4e-3, 64e6, 32e6, 20e9, 0, 0.6, FloorVerdict.MET);

  /** 2 GFLOP in 20 ms, of 400 GFLOP/s. */
  private static final Timing PREFILL =
      new Timing("linear.rows64.f32", "tile", 20e-3, 66e6, 2e9, 20e9, 400e9, 0, FloorVerdict.NONE);

  @TempDir Path folder;

  private static Report report(
      Level level, @Nullable String only, Function<Case, CaseResult> results, String... remarks) {
    DeviceInfo device =
        new DeviceInfo(
            0,
            "Chip <7>",
            "x1",
            new DeviceInfo.MemoryInfo(1 << 20, 1 << 10, false),
            new DeviceInfo.Limits(1 << 20, 1),
            Set.of(DType.F32),
            Set.of(Cap.CAPTURE),
            DeviceInfo.Peak.UNKNOWN);
    Instant began = Instant.parse("2026-03-01T23:30:00Z");
    return new Report(
        new Report.Subject("chip", 0, device),
        new Report.Setting(level, 0, only, began, Duration.ofSeconds(61)),
        CASES.stream().map(results).toList(),
        List.of(remarks));
  }

  private static CaseResult passed(Case c) {
    Observed seen =
        new Observed(
            List.of(new Observed.KernelUse("linear", "tile", false, "FAST STRICT")),
            List.of(new Measurement("drift.run_to_run.linear.f32.order", 2e-7, "parts", "odd")),
            List.of(DECODE, PREFILL));
    return new CaseResult(c, Verdict.PASSED, 0.25, "", 3, seen);
  }

  /** One after the other of every verdict, and of every number that is none. */
  private static Function<Case, CaseResult> everything() {
    int[] at = {0};
    double[] ratios = {0, Double.NaN, 0.5, Double.POSITIVE_INFINITY};
    return c -> {
      int i = at[0]++;
      Verdict verdict = Verdict.values()[i % 5];
      String why = verdict == Verdict.PASSED ? "" : "a \"reason\" <b>";
      return new CaseResult(c, verdict, ratios[i % 4], why, i, passed(c).observed());
    };
  }

  private static List<String> broken(String json) throws IOException {
    try (InputStream in = JsonReport.class.getResourceAsStream("report.schema.json")) {
      assertThat(in).isNotNull();
      Schema schema =
          SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
              .getSchema(new String(in.readAllBytes(), StandardCharsets.UTF_8), InputFormat.JSON);
      List<String> messages = new ArrayList<>();
      schema.validate(json, InputFormat.JSON).forEach(e -> messages.add(e.toString()));
      return messages;
    }
  }

  @Test
  void json_isWhatTheSchemaSays() throws IOException {
    String json = JsonReport.of(report(Level.L3, "a*", everything(), "closing failed"));
    assertThat(broken(json)).isEmpty();
    assertThat(json)
        .contains(
            "\"of_roofline\": 0.8", "\"bound_by\": \"arithmetic\"", "\"floor_verdict\": \"met\"");
    assertThat(broken(json.replace("\"floor\": 0.6", "\"floor\": 6"))).isNotEmpty();
    assertThat(broken(json.replace("\"seconds\": 0.004", "\"seconds\": null"))).isNotEmpty();
    assertThat(broken(json.replace("\"kernel\":", "\"kernal\":"))).isNotEmpty();
    assertThat(broken(json.replace("\"verdict\": \"failed\"", "\"verdict\": \"odd\"")))
        .isNotEmpty();
  }

  @Test
  void page_isWholeAndNeedsNothingElse() {
    String page = HtmlReport.of(report(Level.L3, null, everything(), "closing failed"));
    assertThat(page)
        .contains("Does not conform", "Chip &lt;7&gt;", "closing failed", "a &quot;reason&quot;")
        .contains("--level " + CASES.get(1).level() + " --only '" + CASES.get(1).id() + "'")
        .contains("2.0e-7")
        .doesNotContain("${", "<b>\"", "http:", "https:", "<script", "@import", "url(");
  }

  @Test
  void timings_areSetAgainstTheLowerOfTheirCeilings() {
    assertThat(DECODE.boundByArithmetic()).isFalse();
    assertThat(DECODE.partOfRoofline()).isEqualTo(DECODE.partOfBandwidth()).isEqualTo(0.8);
    assertThat(DECODE.partOfFlops()).isNaN();
    assertThat(PREFILL.boundByArithmetic()).isTrue();
    assertThat(PREFILL.partOfRoofline()).isEqualTo(PREFILL.partOfFlops()).isEqualTo(0.25);
    assertThat(PREFILL.partOfBandwidth()).isEqualTo(0.165);
  }

  @Test
  void page_showsEachTimedOpUnderItsCeiling() {
    Case timed = CASES.getLast();
    Function<Case, CaseResult> results =
        c -> {
          Observed seen = new Observed(List.of(), List.of(), List.of(PREFILL, DECODE));
          return new CaseResult(c, Verdict.PASSED, 0, "", 1, c == timed ? seen : Observed.NOTHING);
        };
    String page = HtmlReport.of(report(Level.L3, null, results));
    assertThat(page)
        .contains("linear · rows1 · f32", "width:80.0%", "left:60.0%", "60 %: met", "dot&lt;1&gt;")
        .contains("linear · rows64 · f32", "width:25.0%", "20.0 ms", "arithmetic");
    // The best ceiling of arithmetic in the run counts for all: 2 GFLOP in 20 ms, of 500.
    Observed first =
        new Observed(List.of(), List.of(), List.of(PREFILL, PREFILL.withFlopsPerSecond(500e9)));
    String best =
        HtmlReport.of(
            report(
                Level.L3,
                null,
                c ->
                    new CaseResult(
                        c, Verdict.PASSED, 0, "", 1, c == timed ? first : Observed.NOTHING)));
    assertThat(best).contains("width:20.0%").doesNotContain("width:25.0%");
    // What the memory bounds comes first.
    assertThat(page.indexOf("rows1")).isLessThan(page.indexOf("rows64"));
    assertThat(
            HtmlReport.of(report(Level.L3, null, c -> new CaseResult(c, Verdict.PASSED, 0, "", 1))))
        .doesNotContain("what the device can do");
  }

  @Test
  void page_countsWhatDoesNotDrift() {
    int[] at = {0};
    Function<Case, CaseResult> drifting =
        c -> {
          int i = at[0]++;
          Measurement m =
              new Measurement(
                  "drift.batch_invariant.op" + i % 3, i % 3 == 0 ? 3e-5 : 0, "parts", "");
          Observed seen = new Observed(List.of(), List.of(m), List.of());
          return new CaseResult(c, Verdict.PASSED, 0, "", 1, seen);
        };
    assertThat(HtmlReport.of(report(Level.L3, null, drifting)))
        .contains("<th>op0</th>", "3.0e-5", "2 more, measured", "bit equal")
        .doesNotContain("<th>op1</th>");
  }

  @Test
  void page_saysWhatARunSays() {
    Report good = report(Level.L2, null, c -> upTo(Level.L2, c));
    long deeper = CASES.stream().filter(c -> c.level() == Level.L3).count();
    assertThat(HtmlReport.of(good))
        .contains("Conforms to L2", "class=\"good\"", deeper + " cases, not asked for")
        .doesNotContain("0 of " + deeper);
    assertThat(Badge.of(good)).contains("L2 · ", " · chip Chip &lt;7&gt; · 2026-03-01", "#1a7f37");
    Report some = report(Level.L2, "matmul/*", c -> upTo(Level.L2, c));
    assertThat(HtmlReport.of(some)).contains("Selected cases only");
    assertThat(Badge.of(some)).contains("selected cases");
    Report crashed = report(Level.L2, null, c -> upTo(Level.L2, c), "closing crashed");
    assertThat(HtmlReport.of(crashed)).contains("Does not conform");
    assertThat(Badge.of(crashed)).contains("failed", "#cf222e");
  }

  private static CaseResult upTo(Level level, Case c) {
    return level.includes(c.level())
        ? passed(c)
        : new CaseResult(c, Verdict.NOT_RUN, Double.NaN, "above the asked level", 0);
  }

  @Test
  void level_isReachedOnlyWithThoseBelowIt() {
    Report lower =
        report(
            Level.L2,
            null,
            c ->
                c.level() == Level.L2
                    ? new CaseResult(c, Verdict.FAILED, 7, "off", 1)
                    : upTo(Level.L2, c));
    assertThat(HtmlReport.of(lower)).contains("Conforms to L1, not to L2", "class=\"bad\"");
    Report lost =
        report(
            Level.L1,
            null,
            c ->
                c.level() == Level.L0
                    ? new CaseResult(c, Verdict.NOT_RUN, Double.NaN, "crashed", 1)
                    : upTo(Level.L1, c));
    assertThat(HtmlReport.of(lost)).contains("Does not conform");
    Report excused =
        report(
            Level.L0,
            null,
            c ->
                c.level() == Level.L0
                    ? new CaseResult(c, Verdict.XFAIL, 7, "off", 1)
                    : upTo(Level.L0, c));
    assertThat(HtmlReport.of(excused)).contains("Conforms to L0 with expected failures");
    assertThat(Badge.of(excused)).contains("#9a6700");
  }

  @Test
  void report_isThreeFiles() throws IOException {
    report(Level.L0, null, c -> upTo(Level.L0, c)).write(folder);
    assertThat(folder.resolve("report.json")).isNotEmptyFile();
    assertThat(folder.resolve("index.html")).isNotEmptyFile();
    assertThat(folder.resolve("badge.svg")).isNotEmptyFile();
  }
}
