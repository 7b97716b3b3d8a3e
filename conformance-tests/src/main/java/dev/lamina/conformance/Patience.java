package dev.lamina.conformance;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * How long a case may still take, on a machine that may be busy with other things.
 *
 * <p>Two clocks run: processor time while the process computes, and time of day while it does
 * nothing. So a loop without end and a wait without end are both given up after the limit, and a
 * process that gets a tenth of a processor may take ten times as long. A last limit of twenty times
 * the first ends what is neither.
 */
final class Patience {
  private static final long WINDOW_NANOS = 500_000_000L;

  /** Below this share of a processor a process does nothing: a JVM at rest uses some. */
  private static final double IDLE_SHARE = 0.03;

  private static final int LAST_LIMIT = 20;

  private final long limitNanos;
  private final LongSupplier clock;
  private final LongSupplier processor;
  private final long start;
  private long windowStart;
  private long processorThen;
  private long busy;
  private long idle;

  /**
   * Starts the clocks.
   *
   * @param clock nanoseconds
   * @param processor processor time of the process in nanoseconds, or below 0 if unknown
   */
  Patience(Duration limit, LongSupplier clock, LongSupplier processor) {
    this.limitNanos = limit.toNanos();
    this.clock = clock;
    this.processor = processor;
    this.start = clock.getAsLong();
    this.windowStart = start;
    this.processorThen = processor.getAsLong();
  }

  static Patience with(ProcessHandle process, Duration limit) {
    return new Patience(
        limit,
        System::nanoTime,
        () -> process.info().totalCpuDuration().map(Duration::toNanos).orElse(-1L));
  }

  /** Whether the limit is reached; to be asked a few times a second. */
  boolean isOver() {
    long now = clock.getAsLong();
    long passed = now - windowStart;
    if (passed >= Math.min(WINDOW_NANOS, limitNanos / 4)) {
      long used = processor.getAsLong();
      long worked = used - processorThen;
      if (used < 0 || worked < IDLE_SHARE * passed) {
        idle += passed;
      } else {
        busy += Math.min(worked, passed);
      }
      windowStart = now;
      processorThen = used;
    }
    return busy >= limitNanos || idle >= limitNanos || now - start >= LAST_LIMIT * limitNanos;
  }
}
