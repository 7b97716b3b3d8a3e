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
 * the queue runs it in order. The path inside submit allocates nothing.
 */
final class HostQueue extends Resource implements Queue {
  private record Task(
      Timeline[] waits,
      long[] waitValues,
      Command command,
      Timeline[] signals,
      long[] signalValues,
      int generation) {}

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

  private static boolean isDecided(Points waits) {
    for (int i = 0; i < waits.size(); i++) {
      Timeline t = waits.timeline(i);
      if (t.value() < waits.value(i) && t.failure().isEmpty()) {
        return false;
      }
    }
    return true;
  }

  private void runNow(Points waits, Command command, Points signals, int generation) {
    BackendException error = null;
    for (int i = 0; i < waits.size() && error == null; i++) {
      if (waits.timeline(i).value() < waits.value(i)) {
        error = waits.timeline(i).failure().orElse(null);
      }
    }
    if (error == null) {
      error = device.run(runner, command);
    }
    device.ledger().exit(generation);
    for (int i = 0; i < signals.size(); i++) {
      signal(signals.timeline(i), signals.value(i), error);
    }
  }

  private static void signal(Timeline timeline, long value, @Nullable BackendException error) {
    if (error != null) {
      timeline.fail(error);
    } else if (timeline instanceof HostTimeline t) {
      t.reach(value);
    } else {
      timeline.signal(value);
    }
  }

  private void defer(Points waits, Command command, Points signals, int generation) {
    Task task =
        new Task(
            timelines(waits),
            values(waits),
            command,
            timelines(signals),
            values(signals),
            generation);
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

  private static Timeline[] timelines(Points points) {
    Timeline[] t = new Timeline[points.size()];
    for (int i = 0; i < t.length; i++) {
      t[i] = points.timeline(i);
    }
    return t;
  }

  private static long[] values(Points points) {
    long[] v = new long[points.size()];
    for (int i = 0; i < v.length; i++) {
      v[i] = points.value(i);
    }
    return v;
  }

  private void runDeferred() {
    for (Task task = next(); task != null; task = next()) {
      BackendException error = awaitAll(task);
      if (error == null) {
        error = device.run(runner, task.command);
      }
      device.ledger().exit(task.generation);
      for (int i = 0; i < task.signals.length; i++) {
        signal(task.signals[i], task.signalValues[i], error);
      }
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

  private static @Nullable BackendException awaitAll(Task task) {
    try {
      for (int i = 0; i < task.waits.length; i++) {
        if (task.waits[i] instanceof HostTimeline t) {
          t.awaitForWork(task.waitValues[i]);
        } else {
          task.waits[i].await(task.waitValues[i], java.time.Duration.ofDays(365));
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
