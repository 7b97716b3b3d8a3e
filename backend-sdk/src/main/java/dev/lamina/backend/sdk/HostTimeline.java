package dev.lamina.backend.sdk;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.InvalidProgram;
import dev.lamina.spi.TimedOut;
import dev.lamina.spi.Timeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** A timeline in this process. Advancing it allocates nothing while nobody waits by a stage. */
final class HostTimeline extends Resource implements Timeline {
  private record Waiter(long value, CompletableFuture<Void> stage) {}

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final List<Waiter> waiters = new ArrayList<>();
  private volatile long value;
  private volatile @Nullable BackendException failure;

  HostTimeline(Ledger ledger, long initial) {
    super(ledger, "timeline");
    this.value = initial;
  }

  @Override
  public long value() {
    return value;
  }

  @Override
  public void signal(long next) {
    checkOpen("signal");
    if (failure == null && next <= value) {
      throw new IllegalArgumentException(notLarger(next));
    }
    reach(next);
  }

  private String notLarger(long next) {
    return "timeline: expected a value above " + value + ", got " + next;
  }

  /** Advances by finished work, also after close; a value that is not larger poisons. */
  void reach(long next) {
    List<Waiter> done = List.of();
    lock.lock();
    try {
      if (failure != null) {
        return;
      }
      if (next <= value) {
        failure = new InvalidProgram(notLarger(next));
      } else {
        value = next;
      }
      changed.signalAll();
      if (!waiters.isEmpty()) {
        done = takeDone();
      }
    } finally {
      lock.unlock();
    }
    complete(done);
  }

  private List<Waiter> takeDone() {
    List<Waiter> done = new ArrayList<>();
    for (Iterator<Waiter> i = waiters.iterator(); i.hasNext(); ) {
      Waiter w = i.next();
      if (w.value <= value || failure != null) {
        done.add(w);
        i.remove();
      }
    }
    return done;
  }

  private void complete(List<Waiter> done) {
    for (int i = 0; i < done.size(); i++) {
      Waiter w = done.get(i);
      BackendException error = failure;
      if (w.value <= value || error == null) {
        w.stage.complete(null);
      } else {
        w.stage.completeExceptionally(error);
      }
    }
  }

  @Override
  public void fail(BackendException error) {
    List<Waiter> done;
    lock.lock();
    try {
      if (failure == null) {
        failure = error;
      }
      changed.signalAll();
      done = takeDone();
    } finally {
      lock.unlock();
    }
    complete(done);
  }

  @Override
  public Optional<BackendException> failure() {
    return Optional.ofNullable(failure);
  }

  @Override
  public void await(long wanted, Duration timeout) throws BackendException {
    if (value >= wanted) {
      return;
    }
    checkOpen("await");
    if (!awaitNanos(wanted, timeout.toNanos())) {
      throw new TimedOut(
          "await: expected value %d within %d ms, got %d; the work goes on"
              .formatted(wanted, timeout.toMillis(), value));
    }
  }

  private boolean awaitNanos(long wanted, long nanos) throws BackendException {
    long left = nanos;
    lock.lock();
    try {
      while (value < wanted) {
        BackendException error = failure;
        if (error != null) {
          throw error;
        }
        if (left <= 0) {
          return false;
        }
        left = changed.awaitNanos(left);
      }
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TimedOut("await: interrupted before value " + wanted + "; the work goes on", e);
    } finally {
      lock.unlock();
    }
  }

  /** Waits without limit, for work of a queue. */
  void awaitForWork(long wanted) throws BackendException {
    boolean reached;
    do {
      reached = awaitNanos(wanted, TimeUnit.DAYS.toNanos(1));
    } while (!reached);
  }

  @Override
  public CompletionStage<Void> whenReached(long wanted) {
    checkOpen("whenReached");
    CompletableFuture<Void> stage = new CompletableFuture<>();
    Waiter w = new Waiter(wanted, stage);
    lock.lock();
    try {
      if (value < wanted && failure == null) {
        waiters.add(w);
        return stage;
      }
    } finally {
      lock.unlock();
    }
    complete(List.of(w));
    return stage;
  }

  @Override
  void free() {
    fail(new InvalidProgram("timeline: closed at value " + value + " before the value waited for"));
  }
}
