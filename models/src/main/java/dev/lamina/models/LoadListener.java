package dev.lamina.models;

/** Hears how far loading has come; called by one thread at a time. */
@FunctionalInterface
public interface LoadListener {
  /** Hears nothing. */
  LoadListener NONE = (phase, done, total) -> {};

  /** What is being done. */
  enum Phase {
    /** The device takes the weights; counted in bytes. */
    WEIGHTS,
    /** The device compiles the graph; counted in graphs. */
    COMPILE
  }

  /**
   * Some of a phase is done.
   *
   * @param phase which
   * @param done units so far, from 0
   * @param total units in all
   */
  void progress(Phase phase, long done, long total);
}
