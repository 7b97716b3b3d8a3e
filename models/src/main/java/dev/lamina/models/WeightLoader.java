package dev.lamina.models;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Device;
import dev.lamina.spi.Weight;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Brings weights to a device on several threads: one alone reads, converts or makes them slower
 * than a device takes them.
 */
final class WeightLoader {
  /** Copying by eight threads is as fast as a GPU's link. */
  private static final int MAX_THREADS = 8;

  private final List<WeightTable.Planned> planned;
  private final Device device;
  private final LoadListener listener;
  private final @Nullable Weight[] loaded;
  private final long total;
  private int next;
  private long done;
  private @Nullable Throwable failure;

  WeightLoader(List<WeightTable.Planned> planned, Device device, LoadListener listener) {
    this.planned = planned;
    this.device = device;
    this.listener = listener;
    this.loaded = new @Nullable Weight[planned.size()];
    long bytes = 0;
    for (WeightTable.Planned w : planned) {
      bytes += w.byteSize();
    }
    this.total = bytes;
  }

  /**
   * Loads all of them.
   *
   * @return by the names of the graph's inputs, in the order of the plan
   * @throws BackendException the first refusal; what was loaded is closed
   */
  Map<String, Weight> load() throws BackendException {
    listener.progress(LoadListener.Phase.WEIGHTS, 0, total);
    List<Thread> helpers = new ArrayList<>();
    int threads = Math.min(MAX_THREADS, Runtime.getRuntime().availableProcessors());
    for (int i = 1; i < Math.min(threads, loaded.length); i++) {
      helpers.add(Thread.ofPlatform().daemon().name("lamina-load-" + i).start(this::loadSome));
    }
    loadSome();
    helpers.forEach(WeightLoader::join);
    if (failure != null) {
      for (Weight w : loaded) {
        if (w != null) {
          w.close();
        }
      }
      throw rethrown(failure);
    }
    Map<String, Weight> byInput = new LinkedHashMap<>();
    for (int i = 0; i < loaded.length; i++) {
      Weight w = loaded[i];
      if (w == null) {
        throw new AssertionError("weight " + planned.get(i).input() + " was not loaded");
      }
      byInput.put(planned.get(i).input(), w);
    }
    return byInput;
  }

  private void loadSome() {
    for (int i = take(); i < loaded.length; i = take()) {
      try {
        WeightTable.Planned w = planned.get(i);
        loaded[i] = device.loadWeight(w.spec(), w.data());
        took(w.byteSize());
      } catch (BackendException | RuntimeException | Error e) {
        fail(e);
        return;
      }
    }
  }

  /** The next weight that nobody loads, as many as there are once one has failed. */
  private synchronized int take() {
    return failure == null ? next++ : loaded.length;
  }

  /** The listener hears one at a time. */
  private synchronized void took(long bytes) {
    done += bytes;
    listener.progress(LoadListener.Phase.WEIGHTS, done, total);
  }

  private synchronized void fail(Throwable e) {
    if (failure == null) {
      failure = e;
    } else {
      failure.addSuppressed(e);
    }
  }

  /** Nothing must be left half made on a device, so an interrupt waits until it is made. */
  static void join(Thread helper) {
    boolean interrupted = false;
    while (helper.isAlive()) {
      try {
        helper.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** What a thread that made something for a device died of, thrown where it is awaited. */
  static BackendException rethrown(Throwable e) {
    if (e instanceof Error error) {
      throw error;
    }
    if (e instanceof RuntimeException unchecked) {
      throw unchecked;
    }
    return (BackendException) e;
  }
}
