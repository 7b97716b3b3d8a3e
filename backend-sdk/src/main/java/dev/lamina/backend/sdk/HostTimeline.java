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

/**
 * A timeline in this process. Advancing it allocates nothing while nobody waits by a stage. Where a
 * device goes on after a command was run, the timeline learns how far it is when it is asked.
 */
final class HostTimeline extends Resource implements Timeline {
  private record Waiter(long value, CompletableFuture<Void> stage) {}

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final List<Waiter> waiters = new ArrayList<>();
  private final HostDevice device;
  private volatile long value;
  private volatile long promised;
  private volatile @Nullable BackendException failure;

  HostTimeline(HostDevice device, long initial) {
    super(device.ledger(), "timeline");
    this.device = device;
    this.value = initial;
    this.promised = initial;
  }

  @Override
  public long value() {
    device.settle();
    return value;
  }

  /** A command that the device has taken will reach this; whether somebody waits by a stage. */
  boolean promise(long next) {
    lock.lock();
    try {
      promised = Math.max(promised, next);
      changed.signalAll();
      return !waiters.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the device will have reached a value before it comes to what is submitted now. */
  boolean isInOrderOf(HostDevice other, long wanted) {
    return other == device && promised >= wanted && failure == null;
  }

  /** Reaches a promised value, or fails; whether {@link #completeStages} is to be called. */
  boolean settle(long next, @Nullable BackendException error) {
    lock.lock();
    try {
      if (error == null) {
        advance(next);
      } else if (failure == null) {
        failure = error;
      }
      changed.signalAll();
      return !waiters.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Completes the stages of those whose value was reached, or can't be any more. */
  void completeStages() {
    List<Waiter> done;
    lock.lock();
    try {
      done = takeDone();
    } finally {
      lock.unlock();
    }
    complete(done);
  }

  /** Under the lock. */
  private void advance(long next) {
    if (failure != null) {
      return;
    }
    if (next <= value) {
      failure = new InvalidProgram(notLarger(next));
    } else {
      value = next;
      promised = Math.max(promised, next);
    }
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
    if (settle(next, null)) {
      completeStages();
    }
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
    if (settle(0, error)) {
      completeStages();
    }
  }

  @Override
  public Optional<BackendException> failure() {
    device.settle();
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

  /** Waits; where the device has taken the work, by asking it. */
  private boolean awaitNanos(long wanted, long nanos) throws BackendException {
    long start = System.nanoTime();
    while (true) {
      device.settle();
      // The failure first: no value is reached after it.
      BackendException error = failure;
      if (value >= wanted) {
        return true;
      }
      if (error != null) {
        throw error;
      }
      long left = nanos - (System.nanoTime() - start);
      if (left <= 0) {
        return false;
      }
      if (Thread.interrupted()) {
        throw interrupted(wanted, null);
      }
      if (promised >= wanted) {
        device.pause(start);
      } else {
        awaitChange(wanted, left);
      }
    }
  }

  /** Waits until the value is reached, promised or out of reach. */
  private void awaitChange(long wanted, long nanos) throws BackendException {
    long left = nanos;
    lock.lock();
    try {
      while (left > 0 && value < wanted && promised < wanted && failure == null) {
        left = changed.awaitNanos(left);
      }
    } catch (InterruptedException e) {
      throw interrupted(wanted, e);
    } finally {
      lock.unlock();
    }
  }

  private static TimedOut interrupted(long wanted, @Nullable InterruptedException e) {
    Thread.currentThread().interrupt();
    String message = "await: interrupted before value " + wanted + "; the work goes on";
    return e == null ? new TimedOut(message) : new TimedOut(message, e);
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
      if (value >= wanted || failure != null) {
        complete(List.of(w));
        return stage;
      }
      waiters.add(w);
    } finally {
      lock.unlock();
    }
    device.watch();
    return stage;
  }

  @Override
  void free() {
    fail(new InvalidProgram("timeline: closed at value " + value + " before the value waited for"));
  }
}
