package dev.lamina.conformance;

/** How deep a run goes; a level includes those below it. */
public enum Level {
  /** Lifecycle: open and close, buffers, timelines, queues, errors. */
  L0,
  /** The 22 core ops against the oracle. */
  L1,
  /** Composites, native and decomposed, and whole models. */
  L2,
  /** Guarantees about bits, stress, and a floor of speed. */
  L3;

  /**
   * Whether a run of this level includes a case.
   *
   * @param level the case's level
   * @return true if it is not above this one
   */
  public boolean includes(Level level) {
    return level.compareTo(this) <= 0;
  }
}
