package dev.lamina.backend.sdk;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Command;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Recording;
import dev.lamina.spi.Timeline;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Runs a command inside submit if its waits are reached and nothing is deferred; else a thread of
 * the queue runs it in order. The path inside submit allocates nothing. On a device that goes on
 * after a command was run, what is ahead in its own order counts as reached.
 */
final class HostQueue extends Resource implements Queue {
  private record Task(Points waits, Command command, Points signals, int generation) {}

  private final HostDevice device;
  private final CommandRunner runner;
  private final AtomicBoolean submitting = new AtomicBoolean();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final ArrayDeque<Task> deferred = new ArrayDeque<>();
  private final AtomicInteger pending = new AtomicInteger();
  private @Nullable Thread worker;

  HostQueue(HostDevice device) {
    super(device.ledger(), "queue");
    this.device = device;
    this.runner = new CommandRunner(device);
  }

  @Override
  public void submit(Points waits, Command command, Points signals) throws BackendException {
    if (!submitting.compareAndSet(false, true)) {
      throw new IllegalStateException(
          "submit: expected one submitter at a time, got a second one; use a queue a thread");
    }
    try {
      checkOpen("submit");
      device.checkUsable("submit");
      int generation = enter(command);
      if (pending.get() == 0 && isDecided(waits)) {
        runNow(waits, command, signals, generation);
      } else {
        defer(waits, command, signals, generation);
      }
    } finally {
      submitting.set(false);
    }
    device.settleMany();
  }

  /** Enters before it checks, so that what the check finds open is not freed before the run. */
  private int enter(Command command) throws BackendException {
    Ledger ledger = device.ledger();
    int generation = ledger.enter();
    boolean taken = false;
    try {
      runner.check(command);
      taken = true;
    } finally {
      if (!taken) {
        ledger.exit(generation);
      }
    }
    ledger.submitted();
    return generation;
  }

  /** Whether nothing is to be waited for: reached, failed, or ahead in the device's own order. */
  private boolean isDecided(Points waits) {
    for (int i = 0; i < waits.size(); i++) {
      Timeline t = waits.timeline(i);
      long value = waits.value(i);
      boolean ordered = t instanceof HostTimeline own && own.isInOrderOf(device, value);
      if (!ordered && t.value() < value && t.failure().isEmpty()) {
        return false;
      }
    }
    return true;
  }

  private void runNow(Points waits, Command command, Points signals, int generation) {
    BackendException error = null;
    for (int i = 0; i < waits.size() && error == null; i++) {
      BackendException failure = waits.timeline(i).failure().orElse(null);
      if (failure != null && waits.timeline(i).value() < waits.value(i)) {
        error = failure;
      }
    }
    finish(command, error, signals, generation);
  }

  private void finish(
      Command command, @Nullable BackendException error, Points signals, int generation) {
    if (error == null) {
      device.run(runner, command, generation, signals);
    } else {
      device.end(generation, signals, error);
    }
  }

  static void signal(Timeline timeline, long value, @Nullable BackendException error) {
    if (error != null) {
      timeline.fail(error);
    } else if (timeline instanceof HostTimeline t) {
      t.reach(value);
    } else {
      timeline.signal(value);
    }
  }

  private void defer(Points waits, Command command, Points signals, int generation) {
    Task task = new Task(copy(waits), command, copy(signals), generation);
    lock.lock();
    try {
      deferred.add(task);
      pending.incrementAndGet();
      if (worker == null) {
        worker = Thread.ofPlatform().daemon().name("lamina-queue").start(this::runDeferred);
      }
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  private static Points copy(Points points) {
    Points all = new Points();
    for (int i = 0; i < points.size(); i++) {
      all.add(points.timeline(i), points.value(i));
    }
    return all;
  }

  private void runDeferred() {
    for (Task task = next(); task != null; task = next()) {
      finish(task.command, awaitAll(task.waits), task.signals, task.generation);
      pending.decrementAndGet();
    }
  }

  private @Nullable Task next() {
    lock.lock();
    try {
      while (deferred.isEmpty()) {
        if (isClosed()) {
          worker = null;
          return null;
        }
        changed.awaitUninterruptibly();
      }
      return deferred.poll();
    } finally {
      lock.unlock();
    }
  }

  private @Nullable BackendException awaitAll(Points waits) {
    try {
      for (int i = 0; i < waits.size(); i++) {
        if (!(waits.timeline(i) instanceof HostTimeline t)) {
          waits.timeline(i).await(waits.value(i), java.time.Duration.ofDays(365));
        } else if (!t.isInOrderOf(device, waits.value(i))) {
          t.awaitForWork(waits.value(i));
        }
      }
      return null;
    } catch (BackendException e) {
      return e;
    }
  }

  @Override
  public Optional<Recording> record(List<Command> commands) throws BackendException {
    checkOpen("record");
    for (Command c : commands) {
      runner.check(c);
    }
    return Optional.of(new HostRecording(device, commands));
  }

  @Override
  public void close() {
    super.close();
    lock.lock();
    try {
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @Override
  void free() {}
}
