package dev.lamina.backend.cuda.gpu;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.driver.Driver;
import dev.lamina.backend.sdk.RunClock;
import dev.lamina.spi.RunMeter.RunTimes;

/**
 * Times runs by an event before and one after each, in the stream of all work. Used by the thread
 * that runs kernels; allocates nothing while it times.
 */
public final class EventClock implements RunClock {
  /** Runs whose events are kept until they are read: by then the device is long past them. */
  private static final int KEPT = 256;

  private final Gpu gpu;
  private final Driver driver;
  private final long[] begins = new long[KEPT];
  private final long[] ends = new long[KEPT];
  private boolean isTiming;
  private long runs;
  private long read;
  private double busyMillis;
  private double idleMillis;

  /**
   * A clock of a GPU.
   *
   * @param gpu open, and longer so than this
   */
  public EventClock(Gpu gpu) {
    this.gpu = gpu;
    this.driver = gpu.driver();
  }

  @Override
  public void start() {
    gpu.use();
    try {
      if (begins[0] == 0) {
        for (int i = 0; i < KEPT; i++) {
          begins[i] = driver.eventCreate(true);
          ends[i] = driver.eventCreate(true);
        }
      }
    } catch (CudaException e) {
      throw Failures.unchecked("timing", e);
    }
    runs = 0;
    read = 0;
    busyMillis = 0;
    idleMillis = 0;
    isTiming = true;
  }

  /** A run's first kernel comes next. */
  public void beginRun() {
    if (isTiming) {
      if (runs - read == KEPT) {
        // Half of them, so that no wait falls on each run; the last one is the begin of a gap.
        readUntil(runs - KEPT / 2);
      }
      record(begins[(int) (runs % KEPT)]);
    }
  }

  /** A run's last kernel was launched. */
  public void endRun() {
    if (isTiming) {
      record(ends[(int) (runs++ % KEPT)]);
    }
  }

  private void record(long event) {
    try {
      driver.eventRecord(event, gpu.memoryStream());
    } catch (CudaException e) {
      throw Failures.unchecked("timing", e);
    }
  }

  /** Takes up the times of runs before {@code end}, each with the gap behind it. */
  private void readUntil(long end) {
    try {
      for (; read < end; read++) {
        int at = (int) (read % KEPT);
        driver.eventSynchronize(ends[at]);
        busyMillis += driver.eventElapsedMillis(begins[at], ends[at]);
        if (read + 1 < runs) {
          int next = (int) ((read + 1) % KEPT);
          driver.eventSynchronize(begins[next]);
          idleMillis += driver.eventElapsedMillis(ends[at], begins[next]);
        }
      }
    } catch (CudaException e) {
      throw Failures.unchecked("timing", e);
    }
  }

  @Override
  public RunTimes stop() {
    if (!isTiming) {
      throw new IllegalStateException("timing: expected a start before the stop");
    }
    gpu.use();
    isTiming = false;
    readUntil(runs);
    return new RunTimes(runs, (busyMillis + idleMillis) / 1e3, idleMillis / 1e3);
  }

  /** Destroys the events. */
  public void close() {
    if (begins[0] == 0) {
      return;
    }
    gpu.use();
    try {
      for (int i = 0; i < KEPT; i++) {
        driver.eventDestroy(begins[i]);
        driver.eventDestroy(ends[i]);
      }
    } catch (CudaException e) {
      throw Failures.unchecked("close", e);
    }
  }
}
