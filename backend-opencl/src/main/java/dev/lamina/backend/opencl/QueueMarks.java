package dev.lamina.backend.opencl;

import dev.lamina.backend.opencl.cl.Cl;
import dev.lamina.backend.opencl.cl.ClException;
import dev.lamina.backend.sdk.OrderMarks;

/** Marks in a device's queue: events. */
final class QueueMarks implements OrderMarks {
  private final long queue;
  private final boolean onHost;

  /**
   * Marks of a queue.
   *
   * @param queue its handle
   * @param onHost whether the host's processors do its work
   */
  QueueMarks(long queue, boolean onHost) {
    this.queue = queue;
    this.onHost = onHost;
  }

  @Override
  public long spinNanos() {
    return onHost ? 0 : SPIN_NANOS;
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
