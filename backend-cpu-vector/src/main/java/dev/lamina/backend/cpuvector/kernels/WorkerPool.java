package dev.lamina.backend.cpuvector.kernels;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Fork and join over a fixed set of threads, the calling one included.
 *
 * <p>Between {@link #beginStep} and {@link #endStep} the workers spin at the barriers, which costs
 * about 0.1 us a fork; outside a step they spin shortly and then park. One step runs at a time: a
 * second caller waits in {@code beginStep}.
 */
public final class WorkerPool implements AutoCloseable {
  /** A part of a parallel loop. */
  @FunctionalInterface
  public interface Task {
    /**
     * Runs one part.
     *
     * @param index 0-based part
     * @param worker 0-based thread that runs it, below {@link WorkerPool#size()}
     */
    void run(int index, int worker);
  }

  /** Spins, some 20 to 50 microseconds, before a waiting thread offers its processor to others. */
  private static final int PATIENCE = 1024;

  private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(int[].class);

  /** Cells a cache line apart (and one more, against the prefetcher of adjacent lines). */
  private static final int GENERATION = 32;

  private static final int PENDING = 64;

  /** Of the first worker; each has a cell of its own. */
  private static final int NEXT = 96;

  private static final int LINE = 32;
  private static final long IDLE_SPIN_NANOS = 50_000;

  private final int[] cells;
  private final Thread[] threads;
  private final boolean[] parked;
  private final boolean crowded;

  /** Few processors: while kernels warm up, the compiler and the warm-up need all but one. */
  private final boolean tight;

  private final ReentrantLock steps = new ReentrantLock();
  private volatile boolean stepping;
  private volatile boolean closed;
  private @Nullable Task task;
  private int count;
  private volatile @Nullable Throwable failure;

  /**
   * Starts the workers.
   *
   * @param size threads including the caller's, at least 1
   */
  public WorkerPool(int size) {
    if (size < 1) {
      throw new IllegalArgumentException("worker pool: expected at least 1 thread, got " + size);
    }
    int processors = Runtime.getRuntime().availableProcessors();
    crowded = size > processors;
    tight = size + 2 > processors;
    cells = new int[NEXT + LINE * (size + 1)];
    parked = new boolean[size];
    threads = new Thread[size - 1];
    for (int i = 0; i < threads.length; i++) {
      int worker = i + 1;
      threads[i] =
          Thread.ofPlatform().daemon().name("lamina-cpu-" + worker).start(() -> work(worker));
    }
  }

  /**
   * Threads that run tasks.
   *
   * @return at least 1
   */
  public int size() {
    return threads.length + 1;
  }

  /** Wakes the workers for a run of parallel loops; waits for another caller's step. */
  public void beginStep() {
    steps.lock();
    if (closed) {
      steps.unlock();
      throw new IllegalStateException("worker pool: closed");
    }
    if (steps.getHoldCount() == 1) {
      stepping = true;
      for (int i = 0; i < threads.length; i++) {
        if ((boolean) PARKED.getVolatile(parked, i + 1)) {
          LockSupport.unpark(threads[i]);
        }
      }
    }
  }

  /** Lets the workers rest. */
  public void endStep() {
    if (steps.getHoldCount() == 1) {
      stepping = false;
    }
    steps.unlock();
  }

  /**
   * Runs parts 0 to {@code count - 1}, each once, and waits for all.
   *
   * <p>Each thread begins with its own share of them, the same share of every loop, so that rows
   * that several loops go over stay in its caches (other cores may be as far away as memory); then
   * it takes what others have not begun.
   *
   * <p>The first exception of a part is thrown here after the others have ended.
   *
   * @param count parts
   * @param task what a part does
   */
  public void forEach(int count, Task task) {
    if (count <= 1 || threads.length == 0 || (tight && WarmUp.isRunning())) {
      for (int i = 0; i < count; i++) {
        task.run(i, 0);
      }
      return;
    }
    beginStep();
    try {
      fork(count, task);
    } finally {
      endStep();
    }
  }

  private void fork(int count, Task task) {
    this.task = task;
    this.count = count;
    for (int worker = 0; worker < size(); worker++) {
      CELL.setVolatile(cells, NEXT + LINE * worker, begin(count, worker));
    }
    CELL.setVolatile(cells, PENDING, threads.length);
    CELL.getAndAdd(cells, GENERATION, 1);
    drain(task, count, 0);
    int spins = 0;
    while ((int) CELL.getAcquire(cells, PENDING) != 0) {
      pause(++spins);
    }
    this.task = null;
    Throwable thrown = failure;
    if (thrown != null) {
      failure = null;
      switch (thrown) {
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        default -> throw new AssertionError("worker pool: unexpected " + thrown, thrown);
      }
    }
  }

  private void drain(Task task, int count, int worker) {
    try {
      for (int i = 0; i < size(); i++) {
        int owner = (worker + i) % size();
        drainShare(task, NEXT + LINE * owner, begin(count, owner + 1), worker);
      }
    } catch (Throwable e) {
      for (int i = 0; i < size(); i++) {
        CELL.setVolatile(cells, NEXT + LINE * i, count);
      }
      synchronized (this) {
        if (failure == null) {
          failure = e;
        }
      }
    }
  }

  private void drainShare(Task task, int next, int end, int worker) {
    while ((int) CELL.getOpaque(cells, next) < end) {
      int i = (int) CELL.getAndAdd(cells, next, 1);
      if (i < end) {
        task.run(i, worker);
      }
    }
  }

  /** First part of a worker's share. */
  private int begin(int count, int worker) {
    return (int) ((long) count * worker / size());
  }

  private void work(int worker) {
    int seen = 0;
    while (true) {
      awaitFork(seen, worker);
      if (closed) {
        return;
      }
      seen++;
      Task current = task;
      if (current == null) {
        throw new AssertionError("worker pool: forked without a task");
      }
      drain(current, count, worker);
      CELL.getAndAdd(cells, PENDING, -1);
    }
  }

  private void awaitFork(int seen, int worker) {
    int spins = 0;
    long idleSince = 0;
    while ((int) CELL.getAcquire(cells, GENERATION) == seen && !closed) {
      if (stepping) {
        idleSince = 0;
      } else if ((spins & 63) == 0) {
        long now = System.nanoTime();
        if (idleSince == 0) {
          idleSince = now;
        } else if (now - idleSince > IDLE_SPIN_NANOS) {
          park(seen, worker);
          idleSince = 0;
        }
      }
      pause(++spins);
    }
  }

  private void park(int seen, int worker) {
    PARKED.setVolatile(parked, worker, true);
    while (!stepping && !closed && (int) CELL.getVolatile(cells, GENERATION) == seen) {
      LockSupport.park(this);
    }
    PARKED.setVolatile(parked, worker, false);
  }

  /**
   * Yields now and then where there are more threads than processors, or when the wait has become
   * so long that the awaited thread has probably lost its processor (to the compiler, to a
   * neighbour).
   */
  private void pause(int spins) {
    if ((spins & 63) == 0 && (crowded || spins > PATIENCE)) {
      Thread.yield();
    } else {
      Thread.onSpinWait();
    }
  }

  /** Ends the workers and waits for them. */
  @Override
  public void close() {
    steps.lock();
    try {
      closed = true;
      for (Thread t : threads) {
        LockSupport.unpark(t);
      }
      for (Thread t : threads) {
        t.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      steps.unlock();
    }
  }

  private static final VarHandle PARKED = MethodHandles.arrayElementVarHandle(boolean[].class);
}
