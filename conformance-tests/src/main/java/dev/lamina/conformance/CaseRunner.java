package dev.lamina.conformance;

import java.time.Duration;
import java.time.LocalDate;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Runs cases one after the other on a thread of its own, so that one that hangs is given up: its
 * thread and its device are left behind, and the next case gets new ones.
 */
final class CaseRunner implements AutoCloseable {
  private final Supplier<Context> contexts;
  private final ExpectedFailures expected;
  private final Duration timeout;
  private Context context;
  private ExecutorService worker;
  private volatile @Nullable Thread thread;

  CaseRunner(Supplier<Context> contexts, ExpectedFailures expected, Duration timeout) {
    this.contexts = contexts;
    this.expected = expected;
    this.timeout = timeout;
    this.context = contexts.get();
    this.worker = newWorker();
  }

  private ExecutorService newWorker() {
    return Executors.newSingleThreadExecutor(work -> {
      Thread t = Thread.ofPlatform().daemon().name("conformance").unstarted(work);
      thread = t;
      return t;
    });
  }

  CaseResult run(Case c) throws InterruptedException {
    long start = System.nanoTime();
    Context current = context;
    Future<Outcome> future = worker.submit(() -> c.run(current));
    CaseResult raw;
    try {
      Outcome o = future.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
      raw =
          new CaseResult(
              c,
              o.verdict(),
              o.worstRatio(),
              o.message(),
              millisSince(start),
              current.takeMeasurements());
    } catch (ExecutionException e) {
      raw = failed(c, e.getCause(), millisSince(start)).with(current.takeMeasurements());
    } catch (TimeoutException e) {
      String why = "timed out after " + timeout.toSeconds() + " s" + whereabouts();
      future.cancel(true);
      abandon();
      raw = new CaseResult(c, Verdict.NOT_RUN, Double.NaN, why, millisSince(start));
    }
    ExpectedFailures.Entry entry = expected.find(c.id());
    return entry == null ? raw : judge(raw, entry);
  }

  private static CaseResult failed(Case c, @Nullable Throwable cause, long millis) {
    return switch (cause) {
      case CheckFailedException e ->
          new CaseResult(c, Verdict.FAILED, e.ratio(), String.valueOf(e.getMessage()), millis);
      case null -> new CaseResult(c, Verdict.FAILED, Double.NaN, "no cause", millis);
      default ->
          new CaseResult(
              c, Verdict.FAILED, Double.NaN, "unexpected " + cause + origin(cause), millis);
    };
  }

  /** Where it was thrown, since an exception nobody expected is seldom clear by its message. */
  private static String origin(Throwable t) {
    return t.getStackTrace().length == 0 ? "" : " at " + t.getStackTrace()[0];
  }

  /** What the case hangs in: the innermost calls, the JDK's own left out. */
  private String whereabouts() {
    Thread t = thread;
    if (t == null) {
      return "";
    }
    return Stream.of(t.getStackTrace())
        .filter(f -> !f.getClassName().matches("(java|jdk)[.].*"))
        .limit(3)
        .map(f -> f.getFileName() + ":" + f.getLineNumber())
        .collect(Collectors.joining(", ", " at ", ""));
  }

  private static CaseResult judge(CaseResult raw, ExpectedFailures.Entry entry) {
    boolean holds = !LocalDate.now().isAfter(entry.expires());
    Verdict verdict =
        switch (raw.verdict()) {
          case FAILED -> holds ? Verdict.XFAIL : Verdict.FAILED;
          case PASSED -> Verdict.FAILED;
          case DECLARED_UNSUPPORTED, XFAIL, NOT_RUN -> raw.verdict();
        };
    String message =
        raw.verdict() == Verdict.PASSED
            ? "passed though it is listed as an expected failure (" + entry.reason() + ")"
            : raw.message() + " (expected: " + entry.reason() + ", until " + entry.expires() + ")";
    return new CaseResult(raw.testCase(), verdict, raw.worstRatio(), message, raw.millis())
        .with(raw.measurements());
  }

  private void abandon() {
    worker.shutdownNow();
    worker = newWorker();
    context = contexts.get();
  }

  private static long millisSince(long start) {
    return (System.nanoTime() - start) / 1_000_000;
  }

  @Override
  public void close() {
    worker.shutdownNow();
    context.close();
  }
}
