package dev.lamina.cli;

import dev.lamina.Backends;
import dev.lamina.conformance.ConformanceOptions;
import dev.lamina.conformance.ConformanceRunner;
import dev.lamina.conformance.Expectations;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Subset;
import dev.lamina.spi.BackendOptions;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The conformance kit against a backend. */
@Command(name = "conformance", description = "Proves a backend right with the conformance kit.")
final class ConformanceCommand implements Callable<Integer> {
  @Option(names = "--backend", paramLabel = "ID[:N]", description = "Backend and device.")
  private @Nullable String backend;

  private static final Pattern SHARD = Pattern.compile("(\\d{1,6})/(\\d{1,6})");

  @Option(names = "--threads", paramLabel = "N", description = "Host threads for computing.")
  private int threads;

  @Option(names = "--level", paramLabel = "L0..L3", description = "Deepest level that runs (L1).")
  private Level level = Level.L1;

  @Option(names = "--seed", paramLabel = "S", description = "Of all random numbers.")
  private long seed;

  @Option(names = "--only", paramLabel = "CASE", description = "A case id, * for any characters.")
  private @Nullable String only;

  @Option(
      names = "--part",
      paramLabel = "N",
      description = "One in N of each op's cases, the same ones for a seed (1).")
  private int part = 1;

  @Option(
      names = "--shard",
      paramLabel = "K/N",
      description = "The K-th of N shards of the cases, for several processes at once (1/1).")
  private String shard = "1/1";

  @Option(
      names = "--xfail",
      paramLabel = "FILE",
      description = "Lines of CASE | LAST DAY | REASON: cases that fail for now.")
  private @Nullable Path xfail;

  @Option(
      names = "--unsupported",
      paramLabel = "FILE",
      description = "Lines of CASE | REASON: cases that the backend refuses.")
  private @Nullable Path unsupported;

  @Option(
      names = "--report",
      paramLabel = "DIR",
      description = "Writes report.json, index.html and badge.svg.")
  private @Nullable Path report;

  @Override
  public Integer call() throws InterruptedException {
    if (threads < 0) {
      throw new UsageException("--threads: expected at least 1, got " + threads);
    }
    if (part < 1) {
      throw new UsageException("--part: expected at least 1, got " + part);
    }
    Backends.Choice choice = Backends.choose(backend);
    if (backend == null) {
      System.err.println(choice.announcement());
    }
    ConformanceOptions options =
        ConformanceOptions.of(choice.found().provider())
            .withOrdinal(choice.ordinal())
            .withBackendOptions(new BackendOptions(threads, Map.of()))
            .withLevel(level)
            .withSeed(seed)
            .withSubset(subset())
            .withReport(report)
            .withExpected(expectations())
            .withForked(true);
    return ConformanceRunner.run(selected(options), System.out, System.err);
  }

  private Subset subset() {
    Matcher m = SHARD.matcher(shard);
    if (!m.matches() || number(m, 1) < 1 || number(m, 1) > number(m, 2)) {
      throw new UsageException(
          "--shard: expected K/N with K from 1 to N, such as 3/16, got '" + shard + "'");
    }
    return new Subset(Level.L0, part).shard(number(m, 1), number(m, 2));
  }

  private static int number(Matcher m, int group) {
    return Integer.parseInt(m.group(group));
  }

  private ConformanceOptions selected(ConformanceOptions options) {
    try {
      return options.withOnly(only);
    } catch (IllegalArgumentException e) {
      throw new UsageException("--only: " + e.getMessage());
    }
  }

  private Expectations expectations() {
    try {
      return Expectations.read(xfail, unsupported, LocalDate.now());
    } catch (NoSuchFileException e) {
      throw new UsageException(
          "conformance: expected a list of cases at " + e.getMessage() + ", there is no such file");
    } catch (IOException e) {
      throw new UsageException("conformance: list of cases not read: " + e.getMessage());
    } catch (IllegalArgumentException e) {
      throw new UsageException("conformance: " + e.getMessage());
    }
  }
}
