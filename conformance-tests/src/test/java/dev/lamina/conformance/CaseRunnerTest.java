package dev.lamina.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.conformance.report.HtmlReport;
import dev.lamina.conformance.report.JsonReport;
import dev.lamina.spi.Backend;
import dev.lamina.spi.BackendOptions;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.ProbeResult;
import dev.lamina.spi.SpiVersion;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** Verdicts of a case, and what the command line says when there is no device. */
class CaseRunnerTest {
  record Probe(ProbeResult probe) implements BackendProvider {
    @Override
    public String id() {
      return "probe";
    }

    @Override
    public SpiVersion builtFor() {
      return SpiVersion.CURRENT;
    }

    @Override
    public int preference() {
      return -1;
    }

    @Override
    public Backend open(BackendOptions options) {
      throw new AssertionError("must not be opened");
    }
  }

  @FunctionalInterface
  private interface Body {
    Outcome run() throws Exception;
  }

  private record Fake(CaseId id, Body body) implements Case {
    static Fake of(Body body) {
      return new Fake(new CaseId("fake", 1, "-", "-", "-", 0), body);
    }

    @Override
    public Level level() {
      return Level.L0;
    }

    @Override
    public Set<Rule> rules() {
      return Set.of(Rule.ERRORS);
    }

    @Override
    public Outcome run(Context context) throws Exception {
      return body.run();
    }
  }

  private static CaseResult run(Body body, Expectations expected, Duration timeout)
      throws InterruptedException {
    BackendProvider provider = new Probe(new ProbeResult.Absent("none"));
    try (CaseRunner runner =
        new CaseRunner(() -> new Context(provider, 0, BackendOptions.DEFAULT), timeout)) {
      return expected.judge(runner.run(Fake.of(body)));
    }
  }

  private static CaseResult run(Body body) throws InterruptedException {
    return run(body, Expectations.NONE, Duration.ofSeconds(30));
  }

  private static Expectations until(LocalDate date) {
    return new Expectations(List.of(new Expectations.Failure("fake/*", date, "known")), List.of());
  }

  @Test
  void verdicts_followWhatTheCaseDoes() throws InterruptedException {
    assertThat(run(() -> Outcome.passed(0.5)).verdict()).isEqualTo(Verdict.PASSED);
    assertThat(run(() -> Outcome.unsupported("no f16")).verdict())
        .isEqualTo(Verdict.DECLARED_UNSUPPORTED);
    CaseResult wrong =
        run(() -> {
          throw new CheckFailedException("off", 3, null);
        });
    assertThat(wrong.verdict()).isEqualTo(Verdict.FAILED);
    assertThat(wrong.message()).isEqualTo("off");
    assertThat(wrong.worstRatio()).isEqualTo(3);
    CaseResult thrown =
        run(() -> {
          throw new ArithmeticException("bad\nluck");
        });
    assertThat(thrown.verdict()).isEqualTo(Verdict.FAILED);
    assertThat(thrown.message())
        .startsWith("unexpected java.lang.ArithmeticException: bad luck at");
  }

  @Test
  void measurements_goWithTheCaseThatTookThem() throws InterruptedException {
    BackendProvider provider = new Probe(new ProbeResult.Absent("none"));
    Context context = new Context(provider, 0, BackendOptions.DEFAULT);
    try (CaseRunner runner = new CaseRunner(() -> context, Duration.ofSeconds(30))) {
      Case measuring =
          Fake.of(() -> {
            context.measure("drift.matmul", 2, "ulp");
            throw new CheckFailedException("off");
          });
      CaseResult first = runner.run(measuring);
      assertThat(first.measurements())
          .containsExactly(new Measurement("drift.matmul", 2, "ulp", ""));
      assertThat(runner.run(Fake.of(() -> Outcome.EXACT)).measurements()).isEmpty();
    }
  }

  @Test
  void aCaseThatHangs_isGivenUpAndSaysWhere() throws InterruptedException {
    CountDownLatch never = new CountDownLatch(1);
    CaseResult hung =
        run(
            () -> {
              never.await();
              return Outcome.EXACT;
            },
            Expectations.NONE,
            Duration.ofSeconds(2));
    assertThat(hung.verdict()).isEqualTo(Verdict.NOT_RUN);
    assertThat(hung.message()).startsWith("timed out after 2 s at CaseRunnerTest.java:");
  }

  @Test
  void expectedFailures_holdUntilTheyPassOrExpire() throws InterruptedException {
    Body fails =
        () -> {
          throw new CheckFailedException("off");
        };
    Duration long30 = Duration.ofSeconds(30);
    assertThat(run(fails, until(LocalDate.MAX), long30).verdict()).isEqualTo(Verdict.XFAIL);
    assertThat(run(fails, until(LocalDate.MIN), long30).verdict()).isEqualTo(Verdict.FAILED);
    CaseResult passes = run(() -> Outcome.EXACT, until(LocalDate.MAX), long30);
    assertThat(passes.verdict()).isEqualTo(Verdict.FAILED);
    assertThat(passes.message())
        .isEqualTo("passed though it is listed as an expected failure (known)");
  }

  private static String commandLine(ConformanceOptions options, int expectedCode)
      throws InterruptedException {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream to = new PrintStream(err, true, StandardCharsets.UTF_8);
    assertThat(ConformanceRunner.run(options, to, to)).isEqualTo(expectedCode);
    return err.toString(StandardCharsets.UTF_8).strip();
  }

  @Test
  void commandLine_saysWhyThereIsNoDevice() throws InterruptedException {
    ConformanceOptions absent =
        ConformanceOptions.of(new Probe(new ProbeResult.Absent("no driver")));
    assertThat(commandLine(absent, 1))
        .isEqualTo("error: conformance: backend probe is absent: no driver");
    ConformanceOptions broken =
        ConformanceOptions.of(new Probe(new ProbeResult.Broken("driver too old", null)));
    assertThat(commandLine(broken, 1))
        .isEqualTo("error: conformance: backend probe is broken: driver too old");
  }

  @Test
  void summary_hasOneFormAndOneDenominator() {
    Case c = Fake.of(() -> Outcome.EXACT);
    Report report =
        new Report(
            new Report.Subject("probe", 0, null),
            new Report.Setting(Level.L0, 0, null, Instant.EPOCH, Duration.ofSeconds(1)),
            List.of(
                new CaseResult(c, Verdict.PASSED, 0, "", 1),
                CaseResult.notRun(c, "not \"selected\"")),
            List.of());
    assertThat(report.summaryLine())
        .isEqualTo("1 passed / 0 failed / 0 declared-unsupported / 0 xfail / 1 not-run");
    assertThat(report.summary().values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(2);
    String json = JsonReport.of(report);
    assertThat(json)
        .contains("\"summary\": {", "\"passed\": 1", "\"not_run\": 1", "not \\\"selected\\\"")
        .doesNotContain("NaN");
    assertThat(HtmlReport.of(report)).contains("Does not conform").doesNotContain("${");
  }
}
