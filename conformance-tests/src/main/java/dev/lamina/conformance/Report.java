package dev.lamina.conformance;

import dev.lamina.conformance.report.Badge;
import dev.lamina.conformance.report.HtmlReport;
import dev.lamina.conformance.report.JsonReport;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.ProbeResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a run went.
 *
 * @param subject what was tested
 * @param setting how it was run
 * @param results one for every case of the catalog
 * @param remarks what went wrong outside of any case, such as a crash when the backend was closed
 */
public record Report(
    Subject subject, Setting setting, List<CaseResult> results, List<String> remarks) {
  /** Copies the lists. */
  public Report {
    results = List.copyOf(results);
    remarks = List.copyOf(remarks);
  }

  /**
   * How it was run.
   *
   * @param level deepest level that ran
   * @param seed of all random numbers
   * @param only the selection, or null if there was none
   * @param began when it began
   * @param took how long it took
   */
  public record Setting(
      Level level, long seed, @Nullable String only, Instant began, Duration took) {
    /**
     * The day, in universal time.
     *
     * @return such as {@code 2026-03-01}
     */
    public String day() {
      return LocalDate.ofInstant(began, ZoneOffset.UTC).toString();
    }

    /**
     * What the backend ran on beside its device.
     *
     * @return the JVM and the system, such as {@code Java 25.0.3, Linux 6.1 amd64}
     */
    public String runtime() {
      return "Java %s, %s %s %s"
          .formatted(
              Runtime.version(),
              System.getProperty("os.name"),
              System.getProperty("os.version"),
              System.getProperty("os.arch"));
    }
  }

  /**
   * Deepest level that ran.
   *
   * @return as in the setting
   */
  public Level level() {
    return setting.level();
  }

  /**
   * Seed of all random numbers.
   *
   * @return as in the setting
   */
  public long seed() {
    return setting.seed();
  }

  /**
   * What was tested.
   *
   * @param backend id of the backend
   * @param ordinal its device
   * @param device what the device says of itself, or null if it did not open
   */
  public record Subject(String backend, int ordinal, @Nullable DeviceInfo device) {
    static Subject of(Context context) {
      DeviceInfo info;
      try {
        info = context.info();
      } catch (BackendException | RuntimeException e) {
        // The cases will fail with this error and show it.
        info = null;
      }
      return new Subject(context.provider().id(), context.ordinal(), info);
    }

    /** Without opening the device, which may crash. */
    static Subject probed(BackendProvider provider, int ordinal) {
      DeviceInfo info =
          provider.probe() instanceof ProbeResult.Available(List<DeviceInfo> devices)
                  && ordinal < devices.size()
              ? devices.get(ordinal)
              : null;
      return new Subject(provider.id(), ordinal, info);
    }

    @Override
    public String toString() {
      return backend + ":" + ordinal;
    }
  }

  /**
   * How many cases ended each way; the sum is the size of the catalog.
   *
   * @return a count for every verdict
   */
  public Map<Verdict, Integer> summary() {
    Map<Verdict, Integer> counts = new EnumMap<>(Verdict.class);
    for (Verdict v : Verdict.values()) {
      counts.put(v, 0);
    }
    results.forEach(r -> counts.merge(r.verdict(), 1, Integer::sum));
    return counts;
  }

  /**
   * The counts in their one form.
   *
   * @return {@code passed / failed / declared-unsupported / xfail / not-run}
   */
  public String summaryLine() {
    Map<Verdict, Integer> n = summary();
    return "%d passed / %d failed / %d declared-unsupported / %d xfail / %d not-run"
        .formatted(
            n.get(Verdict.PASSED),
            n.get(Verdict.FAILED),
            n.get(Verdict.DECLARED_UNSUPPORTED),
            n.get(Verdict.XFAIL),
            n.get(Verdict.NOT_RUN));
  }

  /**
   * Writes {@code report.json}, {@code index.html} and {@code badge.svg}.
   *
   * @param folder created if absent
   * @throws IOException if they can't be written
   */
  public void write(Path folder) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("report.json"), JsonReport.of(this));
    Files.writeString(folder.resolve("index.html"), HtmlReport.of(this));
    Files.writeString(folder.resolve("badge.svg"), Badge.of(this));
  }
}
