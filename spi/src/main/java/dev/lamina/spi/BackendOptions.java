package dev.lamina.spi;

import java.util.Map;

/**
 * How to open a backend.
 *
 * @param threads host threads for computing, 0 = the backend's choice
 * @param properties the backend's own settings; unknown keys are refused by the backend
 */
public record BackendOptions(int threads, Map<String, String> properties) {
  /** The backend's own choices. */
  public static final BackendOptions DEFAULT = new BackendOptions(0, Map.of());

  /** Copies and checks. */
  public BackendOptions {
    properties = Map.copyOf(properties);
    if (threads < 0) {
      throw new IllegalArgumentException("threads: expected at least 1, got " + threads);
    }
  }
}
