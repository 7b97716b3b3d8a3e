package dev.lamina.backend.sdk;

/**
 * Marks in a device's order of work, by which the host learns how far the device has come. Brought
 * by devices that go on working after a kernel or a copy was submitted.
 *
 * <p>Thread-safe. A mark is a handle, given back with {@link #release}; there are as many at once
 * as commands in flight. Allocates nothing once there were as many before.
 */
public interface OrderMarks {
  /** {@link #spinNanos} of a device that has processors of its own. */
  long SPIN_NANOS = 20_000_000;

  /**
   * Marks the end of what was submitted so far.
   *
   * @return the mark
   * @throws BackendFailure if the device refuses, or work before it failed
   */
  long mark();

  /**
   * Whether the work before a mark is done; does not wait.
   *
   * @param mark one that was not released
   * @return false while it runs
   * @throws BackendFailure if that work failed
   */
  boolean isReached(long mark);

  /**
   * Gives a mark back.
   *
   * @param mark one that was not released; whether it was reached does not matter
   */
  void release(long mark);

  /**
   * How long a waiting thread asks without a pause: a step is shorter, its end is to be seen. A
   * device whose work is done by the host's processors takes 0, as the waiting thread would be in
   * its way.
   *
   * @return at least 0
   */
  default long spinNanos() {
    return SPIN_NANOS;
  }
}
