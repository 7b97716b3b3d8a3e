package dev.lamina.backend.sdk;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Points;
import dev.lamina.spi.Timeline;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Commands that a device has taken and not finished, in its order of work. Whoever asks how far a
 * timeline has come looks here first, so no thread is needed to tell.
 *
 * <p>Thread-safe. Adding and settling allocate nothing once there were as many commands before.
 */
final class PendingWork {
  private static final long PAUSE_NANOS = 100_000;

  /** Commands in flight from which on a submitter looks whether some are done. */
  private static final int MANY = 64;

  /** A command in flight. */
  private static final class Entry {
    final Points signals = new Points();
    int generation;
    long mark;
  }

  private final OrderMarks marks;
  private final HostDevice device;
  private final ReentrantLock lock = new ReentrantLock();

  /** Held by whoever tells signals, so that they are told in order; taken before {@link #lock}. */
  private final ReentrantLock settling = new ReentrantLock();

  private final ArrayDeque<Entry> entries = new ArrayDeque<>();
  private final ArrayDeque<Entry> unused = new ArrayDeque<>();
  private volatile int size;
  private @Nullable Thread watcher;

  PendingWork(OrderMarks marks, HostDevice device) {
    this.marks = marks;
    this.device = device;
  }

  /**
   * Takes in a command that was just submitted, while the device runs no other.
   *
   * @throws BackendFailure if the device can't say when it is done
   */
  void add(int generation, Points signals) {
    boolean awaited = false;
    lock.lock();
    try {
      long mark = marks.mark();
      Entry entry = unused.isEmpty() ? new Entry() : unused.removeLast();
      entry.mark = mark;
      entry.generation = generation;
      for (int i = 0; i < signals.size(); i++) {
        Timeline timeline = signals.timeline(i);
        entry.signals.add(timeline, signals.value(i));
        if (timeline instanceof HostTimeline t) {
          awaited |= t.promise(signals.value(i));
        }
      }
      entries.addLast(entry);
      size = entries.size();
    } finally {
      lock.unlock();
    }
    if (awaited) {
      watch();
    }
  }

  /** Tells the signals of every command that is done by now. */
  void settle() {
    if (size == 0 || settling.isHeldByCurrentThread()) {
      return;
    }
    List<HostTimeline> awaited = List.of();
    settling.lock();
    try {
      for (Entry first = first(); first != null; first = first()) {
        BackendException error = null;
        try {
          if (!marks.isReached(first.mark)) {
            break;
          }
        } catch (BackendFailure e) {
          error = device.failed(e);
        }
        marks.release(first.mark);
        device.ledger().exit(first.generation);
        awaited = tell(first.signals, error, awaited);
        remove(first);
      }
    } finally {
      settling.unlock();
    }
    // What hangs on a stage may submit and settle.
    for (int i = 0; i < awaited.size(); i++) {
      awaited.get(i).completeStages();
    }
  }

  /**
   * {@link #settle} where much is in flight. What is closed is freed when the work that may use it
   * is known to be done, so a program that submits and never asks would keep all that it closed.
   */
  void settleMany() {
    if (size >= MANY) {
      settle();
    }
  }

  private @Nullable Entry first() {
    lock.lock();
    try {
      return entries.peekFirst();
    } finally {
      lock.unlock();
    }
  }

  private void remove(Entry first) {
    lock.lock();
    try {
      entries.removeFirst();
      first.signals.clear();
      unused.addLast(first);
      size = entries.size();
    } finally {
      lock.unlock();
    }
  }

  /** Tells a command's signals; returns the timelines that somebody waits for by a stage. */
  private static List<HostTimeline> tell(
      Points signals, @Nullable BackendException error, List<HostTimeline> awaited) {
    List<HostTimeline> all = awaited;
    for (int i = 0; i < signals.size(); i++) {
      Timeline timeline = signals.timeline(i);
      if (!(timeline instanceof HostTimeline t)) {
        HostQueue.signal(timeline, signals.value(i), error);
      } else if (t.settle(signals.value(i), error)) {
        all = all.isEmpty() ? new ArrayList<>() : all;
        all.add(t);
      }
    }
    return all;
  }

  /** Waits for everything that was added before. */
  void drain() {
    long start = System.nanoTime();
    while (size > 0) {
      settle();
      pause(start);
    }
  }

  /** A moment of waiting that began at {@code start}. */
  void pause(long start) {
    if (System.nanoTime() - start < marks.spinNanos()) {
      Thread.onSpinWait();
    } else {
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }

  /** Sees to it that stages are completed though nobody waits. */
  void watch() {
    lock.lock();
    try {
      if (!entries.isEmpty() && watcher == null) {
        watcher = Thread.ofPlatform().daemon().name("lamina-completions").start(this::runWatcher);
      }
    } finally {
      lock.unlock();
    }
  }

  private void runWatcher() {
    while (goesOn()) {
      settle();
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }

  private boolean goesOn() {
    lock.lock();
    try {
      if (entries.isEmpty()) {
        watcher = null;
        return false;
      }
      return true;
    } finally {
      lock.unlock();
    }
  }
}
