package dev.lamina.backend.sdk;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Captured runs of one executable. What runs a second time with the same addresses, dims and
 * workspace is captured, and launched whole from then on; the least recently used one makes room.
 *
 * <p>Used by one run at a time. A launch of a captured run allocates nothing.
 */
final class CapturedRuns {
  private static final System.Logger LOG = System.getLogger(CapturedRuns.class.getName());

  /** Captured runs at most: batches that grow and shrink come back to theirs. */
  static final int MAX_RUNS = 32;

  /** Runs remembered that came once: prompts of many sizes must not push out captured runs. */
  private static final int MAX_SEEN = 64;

  /** A run of more launches, such as a loop over a long prompt, is not worth the memory. */
  private static final long MAX_LAUNCHES = 1 << 14;

  private static final class Kept {
    final RunKey key;
    final CapturedRun run;
    long lastUse;

    Kept(RunKey key, CapturedRun run) {
      this.key = key;
      this.run = run;
    }
  }

  private final String name;
  private final RunCapturer capturer;
  private final Ledger ledger;
  private final int numDims;
  private final List<Kept> kept = new ArrayList<>(MAX_RUNS);
  private final List<RunKey> seen = new ArrayList<>();
  private int nextSeen;
  private @Nullable String refusal;
  private long closesSeen;
  private long uses;
  private long captures;
  private long captureNanos;
  private long replays;

  /**
   * None yet.
   *
   * @param name the executable's, for messages
   * @param numDims symbols of the executable
   * @param ledger says when something was closed
   * @param capturer the device's
   */
  CapturedRuns(String name, int numDims, Ledger ledger, RunCapturer capturer) {
    this.name = name;
    this.numDims = numDims;
    this.ledger = ledger;
    this.capturer = capturer;
  }

  /** Runs bindings that were checked. */
  void run(HostBindings bindings, MemoryPlan offsets, HostExecutable.Workspace workspace) {
    dropGone();
    Kept known = find(bindings, workspace);
    if (known != null) {
      replays++;
      launch(known);
      return;
    }
    bindings.layOut(offsets, workspace);
    Kept made = isDue(bindings, workspace) ? capture(bindings, workspace) : null;
    if (made != null) {
      launch(made);
    } else {
      bindings.runKernels();
    }
  }

  /** Drops what can't come again, once something was closed. */
  private void dropGone() {
    long closes = ledger.closes();
    if (closes != closesSeen) {
      closesSeen = closes;
      removeGone();
    }
  }

  private void removeGone() {
    for (int i = kept.size() - 1; i >= 0; i--) {
      if (kept.get(i).key.isGone()) {
        kept.remove(i).run.close();
      }
    }
  }

  private @Nullable Kept find(HostBindings bindings, HostExecutable.Workspace workspace) {
    for (int i = 0; i < kept.size(); i++) {
      Kept k = kept.get(i);
      if (k.key.isOf(bindings, workspace)) {
        if (k.run.isCurrent()) {
          return k;
        }
        kept.remove(i).run.close();
        return null;
      }
    }
    return null;
  }

  /** Whether a run like this came before; remembers that it came. */
  private boolean isDue(HostBindings bindings, HostExecutable.Workspace workspace) {
    if (refusal != null || bindings.numLaunches() > MAX_LAUNCHES) {
      return false;
    }
    for (int i = 0; i < seen.size(); i++) {
      if (seen.get(i).isOf(bindings, workspace)) {
        return true;
      }
    }
    if (seen.size() < MAX_SEEN) {
      seen.add(new RunKey(numDims));
    }
    seen.get(nextSeen).set(bindings, workspace);
    nextSeen = (nextSeen + 1) % MAX_SEEN;
    return false;
  }

  private @Nullable Kept capture(HostBindings bindings, HostExecutable.Workspace workspace) {
    makeRoom();
    long start = System.nanoTime();
    CapturedRun run;
    try {
      run = capturer.capture(bindings::runKernels);
    } catch (RuntimeException e) {
      refuse("can't be captured", e);
      return null;
    }
    long nanos = System.nanoTime() - start;
    captures++;
    captureNanos += nanos;
    LOG.log(
        System.Logger.Level.DEBUG,
        () ->
            "%s: captured %d launches at %s in %.1f ms; %d captured so far, %d replays"
                .formatted(
                    name,
                    bindings.numLaunches(),
                    bindings.sizes(),
                    nanos / 1e6,
                    captures,
                    replays));
    RunKey key = new RunKey(numDims);
    key.set(bindings, workspace);
    Kept made = new Kept(key, run);
    kept.add(made);
    return made;
  }

  private void makeRoom() {
    removeGone();
    if (kept.size() == MAX_RUNS) {
      int oldest = 0;
      for (int i = 1; i < kept.size(); i++) {
        if (kept.get(i).lastUse < kept.get(oldest).lastUse) {
          oldest = i;
        }
      }
      kept.remove(oldest).run.close();
    }
  }

  private void launch(Kept k) {
    k.lastUse = ++uses;
    try {
      k.run.launch();
    } catch (RuntimeException e) {
      refuse("failed when launched whole", e);
      kept.remove(k);
      k.run.close();
      throw e;
    }
  }

  /** No run of this executable is captured again. */
  private void refuse(String what, RuntimeException e) {
    String line =
        "%s: a run %s, kernels are launched one by one: %s".formatted(name, what, e.getMessage());
    refusal = line;
    LOG.log(System.Logger.Level.WARNING, line);
    LOG.log(System.Logger.Level.DEBUG, line, e);
  }

  /** Why runs are not captured any more, if they are not. */
  @Nullable String refusal() {
    return refusal;
  }

  /** Gives all of them back; nothing runs. */
  void close() {
    for (Kept k : kept) {
      k.run.close();
    }
    kept.clear();
    if (captures > 0) {
      LOG.log(
          System.Logger.Level.DEBUG,
          () ->
              "%s: %d runs captured in %.1f ms, %d replays"
                  .formatted(name, captures, captureNanos / 1e6, replays));
    }
  }
}
