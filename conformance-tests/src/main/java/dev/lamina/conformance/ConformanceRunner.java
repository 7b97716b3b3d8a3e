package dev.lamina.conformance;

import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.ProbeResult;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;

/** The command line's runner: progress on one stream, the summary on the other, an exit code. */
public final class ConformanceRunner {
  private static final long PROGRESS_NANOS = 2_000_000_000L;

  private final ConformanceOptions options;
  private final PrintStream out;
  private final PrintStream err;
  private int done;
  private int failed;
  private int lost;
  private long lastProgress = System.nanoTime();

  private ConformanceRunner(ConformanceOptions options, PrintStream out, PrintStream err) {
    this.options = options;
    this.out = out;
    this.err = err;
  }

  /**
   * Runs the kit.
   *
   * @param options what to run against which device
   * @param out gets the summary line
   * @param err gets progress and failures
   * @return 0 if all is right; 1 if a case failed, or one that was asked for did not run (crash,
   *     timeout), or the device is absent or broken; 2 if the selection matches nothing
   * @throws InterruptedException if this thread is interrupted
   */
  public static int run(ConformanceOptions options, PrintStream out, PrintStream err)
      throws InterruptedException {
    return new ConformanceRunner(options, out, err).run();
  }

  private int run() throws InterruptedException {
    BackendProvider provider = options.provider();
    String refusal =
        switch (ProbeResult.of(provider)) {
          case ProbeResult.Absent(String why) -> "is absent: " + why;
          case ProbeResult.Broken(String why, var cause) -> "is broken: " + why;
          case ProbeResult.Available(var devices) ->
              options.ordinal() < devices.size()
                  ? ""
                  : "has %d devices, got ordinal %d".formatted(devices.size(), options.ordinal());
        };
    if (!refusal.isEmpty()) {
      err.println("error: conformance: backend " + provider.id() + " " + refusal);
      return 1;
    }
    ConformanceRun run = new ConformanceRun(options);
    int selected = run.selected();
    if (selected == 0) {
      err.println(
          "error: conformance: no case of level %s matches '%s'"
              .formatted(options.level(), options.only()));
      return 2;
    }
    List<String> idle = run.idleExpectations();
    if (!idle.isEmpty()) {
      err.println(
          "error: conformance: expected each line of the lists to match a case, %s matches none"
              .formatted(idle.getFirst()));
      return 2;
    }
    err.println(
        "conformance: %s:%d, level %s, seed %d, %d cases"
            .formatted(
                provider.id(), options.ordinal(), options.level(), options.seed(), selected));
    Report report = run.run(result -> progress(result, selected));
    report.remarks().forEach(r -> err.println("error: conformance: " + r));
    out.println(report.subject() + " " + report.level() + ": " + report.summaryLine());
    return exitCode(report);
  }

  private int exitCode(Report report) {
    Path folder = options.report();
    if (folder != null) {
      try {
        report.write(folder);
      } catch (IOException e) {
        err.println("error: conformance: report not written to " + folder + ": " + e.getMessage());
        return 1;
      }
    }
    return failed > 0 || lost > 0 || !report.remarks().isEmpty() ? 1 : 0;
  }

  private void progress(CaseResult result, int selected) {
    done++;
    if (result.verdict() == Verdict.FAILED) {
      failed++;
    } else if (result.verdict() == Verdict.NOT_RUN) {
      lost++;
    }
    switch (result.verdict()) {
      case FAILED, NOT_RUN, XFAIL ->
          err.println(
              result.verdict().text() + " " + result.testCase().id() + ": " + result.message());
      case PASSED, DECLARED_UNSUPPORTED -> {}
    }
    long now = System.nanoTime();
    if (now - lastProgress > PROGRESS_NANOS || done == selected) {
      lastProgress = now;
      err.println(
          "conformance: %d of %d cases, %d failed%s"
              .formatted(done, selected, failed, lost > 0 ? ", " + lost + " not run" : ""));
    }
  }
}
