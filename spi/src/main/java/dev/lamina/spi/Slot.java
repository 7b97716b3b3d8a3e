package dev.lamina.spi;

import dev.lamina.spi.ir.ValueType;

/**
 * A place of an executable's signature: the graph's inputs in order, then its tensor outputs.
 *
 * @param ordinal 0-based position in {@link Executable#slots()}
 * @param name of the graph's input or output
 * @param kind what is bound to it
 * @param type as in the graph
 * @param sharesInput for an output, ordinal of the input whose storage it may share, or -1
 */
public record Slot(int ordinal, String name, Kind kind, ValueType type, int sharesInput) {
  /** What is bound to a slot. */
  public enum Kind {
    /** A tensor that is read. */
    INPUT,
    /** A weight. */
    WEIGHT,
    /** A pool, read and written in place; its output has no slot of its own. */
    STATE,
    /** A tensor that is written. */
    OUTPUT
  }
}
