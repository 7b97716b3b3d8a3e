package dev.lamina;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.lora.LoraAdapter;
import dev.lamina.scheduler.Adapter;
import dev.lamina.scheduler.Engine;
import dev.lamina.scheduler.InvalidRequestException;
import dev.lamina.spi.BackendException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The LoRA adapters of an open model. Any thread; one change at a time.
 *
 * <p>A change puts the matrices of all adapters on the device anew and has the engine take them
 * over between two steps. The slot of an adapter stays the same for as long as it is loaded, and
 * one that was unloaded keeps its slot until its last request has ended, so no running request
 * notices.
 */
final class Adapters implements AutoCloseable {
  private final ModelRuntime runtime;
  private final Engine engine;
  private final AdapterLimits limits;

  /** What requests call the model alone. */
  private final String modelName;

  /** Held by the one thread that changes what is loaded. */
  private final ReentrantLock changing = new ReentrantLock();

  /** What requests find, in order of loading; guarded by itself. */
  private final Map<String, Loaded> byName = new LinkedHashMap<>();

  /** All that have a slot, those too that only wait for their requests; guarded by byName. */
  private final Map<Integer, Loaded> bySlot = new TreeMap<>();

  private long generations;
  private @Nullable LoraStep current;

  private static final class Loaded {
    final Adapter id;
    final LoraAdapter adapter;
    int requests;
    boolean unloaded;

    Loaded(Adapter id, LoraAdapter adapter) {
      this.id = id;
      this.adapter = adapter;
    }
  }

  Adapters(ModelRuntime runtime, Engine engine, AdapterLimits limits, String modelName) {
    this.runtime = runtime;
    this.engine = engine;
    this.limits = limits;
    this.modelName = modelName;
  }

  /** Loads adapters; all of them or, if one is refused, none. */
  void load(List<AdapterSource> sources) {
    changing.lock();
    try {
      List<Loaded> added = new ArrayList<>();
      try {
        for (AdapterSource source : sources) {
          added.add(open(source));
        }
        take();
      } catch (ModelException e) {
        undo(added);
        throw new LaminaException(String.valueOf(e.getMessage()), e);
      } catch (RuntimeException e) {
        undo(added);
        throw e;
      }
      synchronized (byName) {
        added.forEach(l -> byName.put(l.id.name(), l));
      }
    } finally {
      changing.unlock();
    }
  }

  private Loaded open(AdapterSource source) throws ModelException {
    Adapter id = new Adapter(source.name(), freeSlot(source), ++generations);
    LoraAdapter adapter = LoraAdapter.open(source.folder());
    try {
      if (adapter.rank() > limits.maxLoraRank()) {
        throw new LaminaException(
            "adapter %s: expected rank %d at most, got %d; raise --max-lora-rank"
                .formatted(source.folder(), limits.maxLoraRank(), adapter.rank()));
      }
      LoraStep.check(runtime, adapter);
    } catch (ModelException | RuntimeException e) {
      adapter.close();
      throw e;
    }
    Loaded loaded = new Loaded(id, adapter);
    synchronized (byName) {
      bySlot.put(id.slot(), loaded);
    }
    return loaded;
  }

  private int freeSlot(AdapterSource source) {
    synchronized (byName) {
      sweep();
      boolean taken =
          source.name().equals(modelName)
              || bySlot.values().stream()
                  .anyMatch(l -> !l.unloaded && l.id.name().equals(source.name()));
      if (taken) {
        throw new InvalidRequestException(
            "lora_name",
            "adapter %s: expected a name that is free, got one that is taken; unload it or choose another"
                .formatted(source.name()));
      }
      for (int slot = 0; slot < limits.maxLoras(); slot++) {
        if (!bySlot.containsKey(slot)) {
          return slot;
        }
      }
      throw new InvalidRequestException(
          "lora_name",
          "adapter %s: expected at most %d adapters at once, got one more; unload one or raise --max-loras"
              .formatted(source.name(), limits.maxLoras()));
    }
  }

  private void undo(List<Loaded> added) {
    synchronized (byName) {
      for (Loaded l : added) {
        bySlot.remove(l.id.slot());
      }
    }
    added.forEach(l -> l.adapter.close());
  }

  /**
   * Takes an adapter away: no new request finds it, those that run go on to their end.
   *
   * @throws InvalidRequestException if there is none of that name
   */
  void unload(String name) {
    changing.lock();
    try {
      synchronized (byName) {
        Loaded loaded = byName.remove(name);
        if (loaded == null) {
          throw unknown(name);
        }
        loaded.unloaded = true;
        sweep();
      }
      take();
    } finally {
      changing.unlock();
    }
  }

  /** Frees the slots of unloaded adapters whose requests have all ended. */
  private void sweep() {
    bySlot
        .values()
        .removeIf(l -> {
          boolean over = l.unloaded && l.requests == 0;
          if (over) {
            l.adapter.close();
          }
          return over;
        });
  }

  /** Has the engine run what has a slot now. */
  private void take() {
    Map<Integer, LoraAdapter> adapters = new TreeMap<>();
    synchronized (byName) {
      bySlot.forEach((slot, loaded) -> adapters.put(slot, loaded.adapter));
    }
    LoraStep before = current;
    try {
      LoraStep next = adapters.isEmpty() ? null : LoraStep.of(runtime, adapters, before);
      adopt(next);
      current = next;
    } catch (BackendException | ModelException e) {
      throw new LaminaException("adapters: " + e.getMessage(), e);
    }
    if (before != null) {
      before.close();
    }
  }

  private void adopt(@Nullable LoraStep next) {
    try {
      engine.adopt(next == null ? null : next.step()).join();
    } catch (CompletionException e) {
      if (next != null) {
        next.close();
      }
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new LaminaException("adapters: " + cause.getMessage(), cause);
    }
  }

  /**
   * The adapter of a new request, kept loaded until {@link #release}.
   *
   * @throws InvalidRequestException if there is none of that name
   */
  Adapter acquire(String name) {
    synchronized (byName) {
      Loaded loaded = byName.get(name);
      if (loaded == null) {
        throw unknown(name);
      }
      loaded.requests++;
      return loaded.id;
    }
  }

  /** A request that acquired it has ended. */
  void release(Adapter id) {
    synchronized (byName) {
      Loaded loaded = bySlot.get(id.slot());
      if (loaded == null || !loaded.id.equals(id)) {
        throw new IllegalStateException("release: expected a loaded adapter, got " + id);
      }
      loaded.requests--;
    }
  }

  private InvalidRequestException unknown(String name) {
    return new InvalidRequestException(
        "adapter",
        "adapter: expected one that is loaded, %s, got '%s'".formatted(byName.keySet(), name));
  }

  /** Names of those that requests may have, in order of loading. */
  List<String> names() {
    synchronized (byName) {
      return List.copyOf(byName.keySet());
    }
  }

  /** After the engine has ended. */
  @Override
  public void close() {
    changing.lock();
    try {
      if (current != null) {
        current.close();
        current = null;
      }
      synchronized (byName) {
        byName.clear();
        bySlot.values().forEach(l -> l.adapter.close());
        bySlot.clear();
      }
    } finally {
      changing.unlock();
    }
  }
}
