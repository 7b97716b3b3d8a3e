package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Command;
import dev.lamina.spi.Device;
import dev.lamina.spi.Points;
import dev.lamina.spi.Queue;
import dev.lamina.spi.Timeline;
import java.time.Duration;

/** Commands of one step after another, each waiting for the one before; allocates nothing. */
final class StepQueue implements AutoCloseable {
  /** A step that takes this long hangs. */
  private static final Duration STEP_TIMEOUT = Duration.ofHours(1);

  private final Device device;
  private final Queue queue;
  private final Points waits = new Points();
  private final Points signals = new Points();
  private Timeline timeline;
  private long submitted;
  private boolean poisoned;

  StepQueue(Device device) throws BackendException {
    this.device = device;
    this.queue = device.newQueue();
    this.timeline = device.newTimeline(0);
  }

  /** Queues a command behind all earlier ones. */
  void submit(Command command) throws BackendException {
    if (poisoned) {
      renewTimeline();
    }
    waits.clear();
    if (submitted > 0) {
      waits.add(timeline, submitted);
    }
    signals.clear().add(timeline, submitted + 1);
    queue.submit(waits, command, signals);
    submitted++;
  }

  /** Waits until everything submitted is done, or throws the error of the first that failed. */
  void await() throws BackendException {
    await(submitted);
  }

  /** Commands submitted so far: what {@link #await(long)} takes to wait for them, and no more. */
  long submitted() {
    return submitted;
  }

  /** Waits until the first {@code count} commands are done. */
  void await(long count) throws BackendException {
    if (count == 0) {
      return;
    }
    try {
      timeline.await(count, STEP_TIMEOUT);
    } catch (BackendException e) {
      poisoned = true;
      throw e;
    }
  }

  /** Nobody will wait for what is in flight; what comes next does not hang on its errors. */
  void abandon() {
    poisoned = submitted > 0;
  }

  /** An error stays with its timeline for good, so the next step needs another. */
  private void renewTimeline() throws BackendException {
    Timeline failed = timeline;
    timeline = device.newTimeline(0);
    failed.close();
    submitted = 0;
    poisoned = false;
  }

  @Override
  public void close() {
    queue.close();
    timeline.close();
  }
}
