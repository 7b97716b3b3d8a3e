package dev.lamina.backend.opencl;

import dev.lamina.backend.opencl.cl.Cl;
import dev.lamina.backend.opencl.cl.ClException;
import dev.lamina.backend.sdk.OrderMarks;

/** Marks in a device's queue: events. */
final class QueueMarks implements OrderMarks {
  private final long queue;

  QueueMarks(long queue) {
    this.queue = queue;
  }

  @Override
  public long mark() {
    try {
      return Cl.marker(queue);
    } catch (ClException e) {
      throw Failures.unchecked("run", e);
    }
  }

  @Override
  public boolean isReached(long mark) {
    try {
      return Cl.isComplete(mark);
    } catch (ClException e) {
      throw Failures.unchecked("run", e);
    }
  }

  @Override
  public void release(long mark) {
    try {
      Cl.releaseEvent(mark);
    } catch (ClException e) {
      throw Failures.unchecked("run", e);
    }
  }
}
