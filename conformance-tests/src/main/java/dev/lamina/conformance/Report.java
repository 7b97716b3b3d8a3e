package dev.lamina.conformance;

import dev.lamina.conformance.report.HtmlReport;
import dev.lamina.conformance.report.JsonReport;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.BackendProvider;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.ProbeResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a run went.
 *
 * @param subject what was tested
 * @param level deepest level that ran
 * @param seed of all random numbers
 * @param results one for every case of the catalog
 * @param remarks what went wrong outside of any case, such as a crash when the backend was closed
 */
public record Report(
    Subject subject, Level level, long seed, List<CaseResult> results, List<String> remarks) {
  /** Copies the lists. */
  public Report {
    results = List.copyOf(results);
    remarks = List.copyOf(remarks);
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
   * Writes {@code report.json} and {@code index.html}.
   *
   * @param folder created if absent
   * @throws IOException if they can't be written
   */
  public void write(Path folder) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("report.json"), JsonReport.of(this));
    Files.writeString(folder.resolve("index.html"), HtmlReport.of(this));
  }
}
