package dev.lamina.backend.cuda.gpu;

import dev.lamina.backend.cuda.driver.CudaException;
import dev.lamina.backend.cuda.driver.Driver;
import dev.lamina.backend.sdk.OrderMarks;

/** Marks in the stream of all work: events, used again and again. */
public final class StreamMarks implements OrderMarks, AutoCloseable {
  private final Gpu gpu;
  private final Driver driver;

  /** Events that no mark is made of, the first {@link #numFree} of them. */
  private long[] free = new long[16];

  private int numFree;

  /**
   * Marks the work of a GPU.
   *
   * @param gpu open, and longer so than this
   */
  public StreamMarks(Gpu gpu) {
    this.gpu = gpu;
    this.driver = gpu.driver();
  }

  @Override
  public synchronized long mark() {
    gpu.use();
    try {
      long event = numFree > 0 ? free[--numFree] : driver.eventCreate(false);
      driver.eventRecord(event, gpu.memoryStream());
      return event;
    } catch (CudaException e) {
      throw Failures.unchecked("run", e);
    }
  }

  @Override
  public boolean isReached(long mark) {
    gpu.use();
    try {
      return driver.eventQuery(mark);
    } catch (CudaException e) {
      throw Failures.unchecked("run", e);
    }
  }

  @Override
  public synchronized void release(long mark) {
    if (numFree == free.length) {
      free = java.util.Arrays.copyOf(free, 2 * numFree);
    }
    free[numFree++] = mark;
  }

  /** Destroys the events; all marks were released. */
  @Override
  public synchronized void close() {
    gpu.use();
    try {
      while (numFree > 0) {
        driver.eventDestroy(free[--numFree]);
      }
    } catch (CudaException e) {
      throw Failures.unchecked("close", e);
    }
  }
}
