package dev.lamina.spi;

import dev.lamina.spi.ir.DimTable;
import java.util.List;
import java.util.Optional;

/** A compiled graph. Thread-safe but for the bindings it makes. */
public interface Executable extends AutoCloseable {
  /**
   * Its signature.
   *
   * @return slots in ordinal order
   */
  List<Slot> slots();

  /**
   * Finds a slot.
   *
   * @param name of an input or output
   * @return its ordinal
   * @throws IllegalArgumentException if there is none; the message lists the names
   */
  default int slot(String name) {
    for (Slot s : slots()) {
      if (s.name().equals(name)) {
        return s.ordinal();
      }
    }
    throw new IllegalArgumentException(
        "executable: expected one of "
            + slots().stream().map(Slot::name).toList()
            + ", got '"
            + name
            + "'");
  }

  /**
   * Its symbols.
   *
   * @return the table that orders dim values
   */
  DimTable dims();

  /**
   * Makes a set of arguments.
   *
   * @return unbound bindings
   */
  Bindings newBindings();

  /**
   * Rounds symbol values up to those the executable runs best with; callers pad to them.
   *
   * @param values one a symbol, changed in place
   */
  default void bucket(long[] values) {}

  /**
   * Scratch memory of a run.
   *
   * @param values one a symbol
   * @return bytes
   */
  long workspaceBytes(long[] values);

  /**
   * Takes the scratch memory of one run at a time now, so that none is taken when runs come, up to
   * these sizes. A backend that has no such memory does nothing.
   *
   * @param values one a symbol
   * @throws BackendException if the device has no room for it; runs then still take what they need
   */
  default void reserve(long[] values) throws BackendException {}

  /**
   * Which kernel runs each op and why.
   *
   * @return one entry a node that runs, in order
   */
  List<Lowering> lowering();

  /**
   * A form to load later, if the backend has one.
   *
   * @return bytes valid for the same device and driver
   */
  default Optional<byte[]> serialize() {
    return Optional.empty();
  }

  @Override
  void close();
}
