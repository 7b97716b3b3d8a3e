package dev.lamina.spi;

/** How a device runs an op, for the whole range of its dims. */
public sealed interface Support {
  /**
   * A kernel of the backend.
   *
   * @param perf how fast it is
   * @param numerics how exact it is
   */
  record Native(Perf perf, Numerics numerics) implements Support {}

  /**
   * The SDK's decomposition into core ops; composites only.
   *
   * @param why one line
   */
  record Decompose(String why) implements Support {}

  /**
   * Not at all; for a core op this breaks certification.
   *
   * @param why one line
   */
  record Never(String why) implements Support {}

  /** Speed class of a lowering. */
  enum Perf {
    /** Near the device's limit. */
    FAST,
    /** Fit for use. */
    OK,
    /** Works, and is named in the log and by {@code --explain}. */
    SLOW
  }

  /** Exactness class of a lowering. */
  enum Numerics {
    /** The rounded exact result, or bit-defined. */
    EXACT,
    /** Inside the rounding-analysis bound of F32 accumulation. */
    STRICT,
    /** Rounds inputs further, such as quantised activations; shown on the badge. */
    RELAXED
  }
}
