package dev.lamina.conformance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Runs cases in a process of its own, one process for many cases. Where a case crashes it or hangs,
 * it costs that case: the next one gets a new process.
 */
final class ForkedRunner implements CaseExecutor {
  private static final long TICK_MILLIS = 100;
  private static final long WHERE_MILLIS = 2_000;
  private static final Duration START = Duration.ofSeconds(60);
  private static final long FINISH_MILLIS = 30_000;

  /** So many processes in a row that do not start, and no other is tried. */
  private static final int START_ATTEMPTS = 3;

  private final ConformanceOptions options;
  private final Path folder;
  private @Nullable ChildJvm child;
  private int startFailures;
  private String startError = "";
  private String lastCase = "opening";
  private final List<String> remarks = new ArrayList<>();

  ForkedRunner(ConformanceOptions options) {
    this.options = options;
    this.folder = folder(options.report());
  }

  private static Path folder(@Nullable Path report) {
    try {
      return report == null
          ? Path.of(System.getProperty("java.io.tmpdir"))
          : Files.createDirectories(report).toAbsolutePath();
    } catch (IOException e) {
      throw new UncheckedIOException("conformance: no folder " + report, e);
    }
  }

  @Override
  public CaseResult run(Case c) throws InterruptedException {
    ChildJvm jvm = ready();
    if (jvm == null) {
      return CaseResult.notRun(c, "the backend's process did not start: " + startError);
    }
    long start = System.nanoTime();
    lastCase = c.id().toString();
    jvm.send(lastCase);
    ResultLines lines = new ResultLines();
    Patience patience = Patience.with(jvm.handle(), options.caseTimeout());
    while (true) {
      String line = jvm.answer(TICK_MILLIS);
      CaseResult result = line == null ? null : lines.read(line, c);
      if (result != null) {
        return result;
      }
      if (line == null && jvm.isOver()) {
        child = null;
        return lost(c, "crashed: " + jvm.ending(), start);
      }
      if (line == null && patience.isOver()) {
        String where = where(jvm);
        jvm.kill();
        child = null;
        return lost(c, CaseRunner.timedOut(options.caseTimeout(), where), start);
      }
    }
  }

  private static CaseResult lost(Case c, String why, long start) {
    long millis = (System.nanoTime() - start) / 1_000_000;
    return new CaseResult(c, Verdict.NOT_RUN, Double.NaN, why, millis);
  }

  private static String where(ChildJvm jvm) throws InterruptedException {
    jvm.send(ResultLines.WHERE);
    String answer = jvm.answer(WHERE_MILLIS);
    return answer != null && answer.startsWith(ResultLines.WHERE + "\t")
        ? answer.substring(ResultLines.WHERE.length() + 1)
        : "";
  }

  /** The process, started if there is none; null if it does not start. */
  private @Nullable ChildJvm ready() throws InterruptedException {
    ChildJvm last = child;
    if (last != null && last.isOver()) {
      remarks.add("the backend's process crashed after " + lastCase + ": " + last.ending());
      child = null;
    }
    while (child == null && startFailures < START_ATTEMPTS) {
      ChildJvm jvm = ChildJvm.start(options, folder);
      Patience patience = Patience.with(jvm.handle(), START);
      String line = null;
      while (line == null && !jvm.isOver() && !patience.isOver()) {
        line = jvm.answer(TICK_MILLIS);
      }
      if (ResultLines.READY.equals(line)) {
        startFailures = 0;
        child = jvm;
      } else {
        startFailures++;
        jvm.kill();
        startError = jvm.ending();
      }
    }
    return child;
  }

  /** Lets the process close the backend. */
  void finish() throws InterruptedException {
    ChildJvm jvm = child;
    child = null;
    if (jvm != null && !jvm.finish(FINISH_MILLIS)) {
      boolean hangs = jvm.handle().isAlive();
      jvm.kill();
      remarks.add(
          "closing the backend after the last case "
              + (hangs ? "hung" : "failed: " + jvm.ending()));
    }
  }

  /** What went wrong outside of any case. */
  List<String> remarks() {
    return remarks;
  }

  @Override
  public void close() {
    ChildJvm jvm = child;
    child = null;
    if (jvm != null) {
      jvm.close();
    }
  }
}
