package dev.lamina.backend.rocm.gpu;

import dev.lamina.backend.rocm.driver.Failures;
import dev.lamina.backend.rocm.driver.Hip;
import dev.lamina.backend.rocm.driver.HipException;
import dev.lamina.backend.sdk.OrderMarks;
import java.util.Arrays;

/** Marks in the stream of all work: events, used again and again. */
final class StreamMarks implements OrderMarks {
  private final HipGpu gpu;
  private final Hip hip;

  /** Events that no mark is made of, the first {@link #numFree} of them. */
  private long[] free = new long[16];

  private int numFree;

  StreamMarks(HipGpu gpu) {
    this.gpu = gpu;
    this.hip = gpu.hip();
  }

  @Override
  public synchronized long mark() {
    gpu.use();
    try {
      long event = numFree > 0 ? free[--numFree] : hip.eventCreate();
      hip.eventRecord(event, gpu.stream());
      return event;
    } catch (HipException e) {
      throw Failures.unchecked("run", e);
    }
  }

  @Override
  public boolean isReached(long mark) {
    gpu.use();
    try {
      return hip.eventQuery(mark);
    } catch (HipException e) {
      throw Failures.unchecked("run", e);
    }
  }

  @Override
  public synchronized void release(long mark) {
    if (numFree == free.length) {
      free = Arrays.copyOf(free, 2 * numFree);
    }
    free[numFree++] = mark;
  }

  /** Destroys the events; all marks were released. */
  synchronized void close() {
    gpu.use();
    try {
      while (numFree > 0) {
        hip.eventDestroy(free[--numFree]);
      }
    } catch (HipException e) {
      throw Failures.unchecked("close", e);
    }
  }
}
