package dev.lamina.backend.sdk;

import dev.lamina.spi.RunMeter.RunTimes;

/**
 * A device's own clock around runs. {@link #start} and {@link #stop} are called between runs, by
 * the device for one command at a time.
 */
public interface RunClock {
  /**
   * Times the runs from here on.
   *
   * @throws BackendFailure if the device refuses
   */
  void start();

  /**
   * Ends that; waits until the last run is done.
   *
   * @return what was timed
   * @throws BackendFailure if the device failed
   */
  RunTimes stop();
}
