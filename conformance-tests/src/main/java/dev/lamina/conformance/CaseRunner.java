package dev.lamina.conformance;

import dev.lamina.spi.Unsupported;
import java.time.Duration;
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
 * Runs cases in this process, on a thread of its own, so that one that hangs is given up: its
 * thread and its device are left behind, and the next case gets new ones.
 */
final class CaseRunner implements CaseExecutor {
  private static final long TICK_MILLIS = 100;

  private final Supplier<Context> contexts;
  private final Duration timeout;
  private Context context;
  private ExecutorService worker;
  private volatile @Nullable Thread thread;

  CaseRunner(Supplier<Context> contexts, Duration timeout) {
    this.contexts = contexts;
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

  @Override
  public CaseResult run(Case c) throws InterruptedException {
    long start = System.nanoTime();
    Context current = context;
    Future<CaseResult> future = worker.submit(() -> ask(c, current));
    Patience patience = Patience.with(ProcessHandle.current(), timeout);
    while (true) {
      try {
        return future.get(TICK_MILLIS, TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        if (patience.isOver()) {
          String why = timedOut(timeout, whereabouts());
          future.cancel(true);
          abandon();
          return new CaseResult(c, Verdict.NOT_RUN, Double.NaN, why, millisSince(start));
        }
      } catch (ExecutionException e) {
        throw new AssertionError(e.getCause());
      }
    }
  }

  /** Runs a case on this thread. */
  static CaseResult ask(Case c, Context context) {
    long start = System.nanoTime();
    try {
      Outcome o = c.run(context);
      return result(c, o.verdict(), o.worstRatio(), o.message(), start, context);
    } catch (CheckFailedException e) {
      String why = String.valueOf(e.getMessage());
      return result(c, Verdict.FAILED, e.ratio(), why, start, context);
    } catch (Unsupported e) {
      return result(
          c, Verdict.FAILED, Double.NaN, Expectations.REFUSED + e.getMessage(), start, context);
    } catch (Throwable e) {
      return result(c, Verdict.FAILED, Double.NaN, "unexpected " + e + origin(e), start, context);
    }
  }

  private static CaseResult result(
      Case c, Verdict verdict, double ratio, String message, long start, Context context) {
    return new CaseResult(c, verdict, ratio, message, millisSince(start), context.takeObserved());
  }

  static String timedOut(Duration limit, String where) {
    return "timed out after " + limit.toSeconds() + " s" + where;
  }

  /** Where it was thrown, since an exception nobody expected is seldom clear by its message. */
  private static String origin(Throwable t) {
    return t.getStackTrace().length == 0 ? "" : " at " + t.getStackTrace()[0];
  }

  private String whereabouts() {
    Thread t = thread;
    return t == null ? "" : whereabouts(t);
  }

  /** What a thread is in: the innermost calls, the JDK's own left out. */
  static String whereabouts(Thread t) {
    return Stream.of(t.getStackTrace())
        .filter(f -> !f.getClassName().matches("(java|jdk)[.].*"))
        .limit(3)
        .map(f -> f.getFileName() + ":" + f.getLineNumber())
        .collect(Collectors.joining(", ", " at ", ""));
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
