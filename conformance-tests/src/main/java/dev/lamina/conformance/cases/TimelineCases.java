package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Rule;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.TimedOut;
import dev.lamina.spi.Timeline;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/** Timelines: they only grow, wake waiters, and fail once and for all. */
final class TimelineCases {
  private static final Duration SHORT = Duration.ofMillis(20);

  /** A case on a timeline that starts at 5. */
  @FunctionalInterface
  private interface OnTimeline {
    void run(Timeline timeline) throws Exception;
  }

  private TimelineCases() {}

  static void addTo(CaseList list) {
    growth(list);
    waiting(list);
    failing(list);
  }

  private static void timeline(CaseList list, String name, Rule rule, OnTimeline body) {
    list.lifecycle(
        "timeline",
        name,
        rule,
        Opened.device(d -> {
          try (Timeline t = d.newTimeline(5)) {
            body.run(t);
          }
        }));
  }

  private static void growth(CaseList list) {
    timeline(list, "starts-where-told", Rule.ORDER, t -> Check.equal("value", 5L, t.value()));
    timeline(
        list,
        "grows-by-any-step",
        Rule.ORDER,
        t -> {
          t.signal(6);
          t.signal(1L << 40);
          Check.equal("value", 1L << 40, t.value());
        });
    for (long value : new long[] {5, 4, -1}) {
      timeline(
          list,
          "refuses-to-go-to-" + value,
          Rule.ORDER,
          t -> {
            Check.failsWith(IllegalArgumentException.class, "signal", () -> t.signal(value));
            Check.equal("value", 5L, t.value());
            t.signal(6);
          });
    }
  }

  private static void waiting(CaseList list) {
    timeline(
        list,
        "await-of-a-reached-value-returns",
        Rule.ORDER,
        t -> {
          t.await(5, Duration.ZERO);
          t.await(1, Duration.ZERO);
        });
    timeline(
        list,
        "await-times-out",
        Rule.ERRORS,
        t -> {
          TimedOut e = Check.failsWith(TimedOut.class, "await", () -> t.await(6, SHORT));
          Check.that(e.deviceUsable(), "timed out: expected a usable device");
          Check.failsWith(TimedOut.class, "await", () -> t.await(6, Duration.ZERO));
          t.signal(6);
          t.await(6, Duration.ZERO);
        });
    timeline(
        list,
        "await-wakes-on-signal-from-another-thread",
        Rule.ORDER,
        t -> {
          Thread other = Thread.ofPlatform().start(() -> t.signal(9));
          t.await(8, Context.WAIT);
          Check.equal("value", 9L, t.value());
          other.join();
        });
    timeline(
        list,
        "when-reached-completes-at-once",
        Rule.ORDER,
        t -> t.whenReached(5).toCompletableFuture().get(30, TimeUnit.SECONDS));
    timeline(
        list,
        "when-reached-completes-later-and-in-part",
        Rule.ORDER,
        t -> {
          CompletableFuture<Void> six = t.whenReached(6).toCompletableFuture();
          CompletableFuture<Void> ten = t.whenReached(10).toCompletableFuture();
          Check.that(!six.isDone() && !ten.isDone(), "whenReached: done before the value");
          t.signal(7);
          six.get(30, TimeUnit.SECONDS);
          Check.that(!ten.isDone(), "whenReached(10): done at 7");
          t.signal(10);
          ten.get(30, TimeUnit.SECONDS);
        });
    timeline(
        list,
        "100-waiters-wake",
        Rule.ORDER,
        t -> {
          CompletableFuture<?>[] all = new CompletableFuture<?>[100];
          for (int i = 0; i < all.length; i++) {
            all[i] = t.whenReached(6 + i % 7).toCompletableFuture();
          }
          t.signal(12);
          CompletableFuture.allOf(all).get(30, TimeUnit.SECONDS);
        });
  }

  private static void failing(CaseList list) {
    timeline(
        list,
        "has-no-failure-at-first",
        Rule.ERRORS,
        t -> Check.that(t.failure().isEmpty(), "failure: expected none"));
    timeline(
        list,
        "keeps-the-first-failure",
        Rule.ERRORS,
        t -> {
          BackendException first = new InvalidProgram("first");
          t.fail(first);
          t.fail(new InvalidProgram("second"));
          Check.equal("failure", "first", t.failure().orElseThrow().getMessage());
          BackendException got =
              Check.failsWith(BackendException.class, "await", () -> t.await(6, Context.WAIT));
          Check.equal("failure that await throws", "first", got.getMessage());
        });
    timeline(
        list,
        "what-was-reached-before-the-failure-stays-reached",
        Rule.ERRORS,
        t -> {
          t.fail(new InvalidProgram("late"));
          t.await(5, Context.WAIT);
          t.whenReached(5).toCompletableFuture().get(30, TimeUnit.SECONDS);
        });
    timeline(
        list,
        "failure-wakes-a-waiting-thread",
        Rule.ERRORS,
        t -> {
          Thread other = Thread.ofPlatform().start(() -> t.fail(new InvalidProgram("woken")));
          Check.failsWith(InvalidProgram.class, "await", () -> t.await(6, Context.WAIT));
          other.join();
        });
    timeline(
        list,
        "failure-completes-stages",
        Rule.ERRORS,
        t -> {
          CompletableFuture<Void> before = t.whenReached(6).toCompletableFuture();
          t.fail(new InvalidProgram("broken"));
          failed(before);
          failed(t.whenReached(6).toCompletableFuture());
        });
  }

  private static void failed(CompletableFuture<Void> stage) {
    ExecutionException e =
        Check.failsWith(
            ExecutionException.class, "whenReached", () -> stage.get(30, TimeUnit.SECONDS));
    Check.that(
        e.getCause() instanceof InvalidProgram,
        "whenReached: expected the failure as its cause, got %s",
        e.getCause());
  }
}
