package dev.lamina.backend.sdk;

import dev.lamina.spi.DeviceStats;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What lives on a device and what is in flight there. Thread-safe.
 *
 * <p>Work in flight belongs to one of two generations. What is closed meanwhile is freed when the
 * generation that saw it open has drained; then new work joins the other one. So a closed resource
 * costs running work no reference count.
 */
final class Ledger {
  private static final int NAMED = 5;

  private final Set<Resource> open = new LinkedHashSet<>();
  private final List<List<Resource>> retired = List.of(new ArrayList<>(), new ArrayList<>());
  private final int[] inFlight = new int[2];
  private int current;
  private int closing;
  private final AtomicLong liveBytes = new AtomicLong();
  private final AtomicLong compiles = new AtomicLong();
  private final AtomicLong submits = new AtomicLong();
  private final AtomicLong replays = new AtomicLong();
  private volatile long closes;

  synchronized void opened(Resource r) {
    open.add(r);
  }

  void closed(Resource r) {
    boolean now;
    synchronized (this) {
      open.remove(r);
      closes = closes + 1;
      now = inFlight[0] + inFlight[1] == 0;
      if (now) {
        closing++;
      } else {
        retired.get(current).add(r);
        turn();
      }
    }
    if (now) {
      free(r);
    }
  }

  /** A resource whose constructor failed. */
  synchronized void dropped(Resource r) {
    open.remove(r);
  }

  /** New work joins the empty generation, so that the other one can drain. */
  private void turn() {
    if (inFlight[1 - current] == 0 && retired.get(1 - current).isEmpty()) {
      current = 1 - current;
    }
  }

  private void free(Resource r) {
    try {
      r.free();
    } finally {
      synchronized (this) {
        closing--;
      }
    }
  }

  /** Takes a command in; returns its generation. */
  synchronized int enter() {
    inFlight[current]++;
    return current;
  }

  /** A command of this generation is done. */
  void exit(int generation) {
    List<Resource> free = List.of();
    synchronized (this) {
      inFlight[generation]--;
      if (!retired.get(0).isEmpty() || !retired.get(1).isEmpty()) {
        free = drained();
      }
    }
    for (int i = 0; i < free.size(); i++) {
      free(free.get(i));
    }
  }

  private List<Resource> drained() {
    List<Resource> free = new ArrayList<>();
    for (int g = 0; g < 2; g++) {
      boolean olderDone = g != current || inFlight[1 - g] == 0;
      if (inFlight[g] == 0 && olderDone) {
        free.addAll(retired.get(g));
        retired.get(g).clear();
      }
    }
    closing += free.size();
    turn();
    return free;
  }

  /** Changes whenever something is closed. */
  long closes() {
    return closes;
  }

  void addBytes(long bytes) {
    liveBytes.addAndGet(bytes);
  }

  void compiled() {
    compiles.incrementAndGet();
  }

  void submitted() {
    submits.incrementAndGet();
  }

  void replayed() {
    replays.incrementAndGet();
  }

  /** Refuses to go on while something is open or in flight, naming it. */
  synchronized void checkEmpty(String parent) {
    int running = inFlight[0] + inFlight[1];
    if (open.isEmpty() && running == 0) {
      return;
    }
    List<String> names = new ArrayList<>();
    for (Iterator<Resource> i = open.iterator(); i.hasNext() && names.size() < NAMED; ) {
      names.add(i.next().name());
    }
    if (open.size() > NAMED) {
      names.add(open.size() - NAMED + " more");
    }
    if (running > 0) {
      names.add(running + " commands in flight");
    }
    throw new IllegalStateException(
        "close: expected "
            + parent
            + " without live children, got "
            + String.join(", ", names)
            + "; close them first");
  }

  synchronized DeviceStats stats() {
    long waiting = (long) retired.get(0).size() + retired.get(1).size() + closing;
    return new DeviceStats(
        liveBytes.get(), open.size() + waiting, compiles.get(), submits.get(), replays.get());
  }
}
