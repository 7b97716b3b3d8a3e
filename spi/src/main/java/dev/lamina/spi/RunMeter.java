package dev.lamina.spi;

/**
 * Times runs by a device's own clock: how much of the time it waits for the host. An extension of a
 * {@link Device}'s backend, found by {@link Backend#extension}, of devices that have such a clock.
 */
public interface RunMeter {
  /**
   * What a device did between the begin of a first run and the end of a last one.
   *
   * @param runs how many {@link Command.Run}s
   * @param seconds from the begin of the first to the end of the last, 0 without any
   * @param idleSeconds those of them that lie between the end of a run and the begin of the next:
   *     waiting for the host, and copies between runs
   */
  record RunTimes(long runs, double seconds, double idleSeconds) {
    /**
     * The share of the time that lies between runs.
     *
     * @return 0 to 1, 0 without runs
     */
    public double idleFraction() {
      return seconds == 0 ? 0 : idleSeconds / seconds;
    }
  }

  /**
   * Times the runs of a device from here on; what was timed before is forgotten.
   *
   * @param device of this backend, open
   * @throws Unsupported if it has no clock
   * @throws BackendException if the device fails
   */
  void startTiming(Device device) throws BackendException;

  /**
   * Ends what {@link #startTiming} began; waits until the runs are done.
   *
   * @param device the same
   * @return what was timed
   * @throws BackendException if the device fails
   * @throws IllegalStateException if nothing was begun
   */
  RunTimes stopTiming(Device device) throws BackendException;
}
