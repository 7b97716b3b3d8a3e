package dev.lamina.spi;

/**
 * Arguments of one run, reusable, so that a step allocates nothing. Not thread-safe; unchanged
 * while a run that uses it is in flight.
 */
public interface Bindings {
  /**
   * Binds a tensor.
   *
   * @param slot ordinal of an input or output slot
   * @param view dtype, shape and layout as the slot's type; symbols alike or constants they admit
   * @return this
   * @throws InvalidProgram if the view does not fit the slot
   */
  Bindings tensor(int slot, View view) throws InvalidProgram;

  /**
   * Binds a weight.
   *
   * @param slot ordinal of a weight slot
   * @param weight of the slot's type
   * @return this
   * @throws InvalidProgram if it does not fit the slot
   */
  Bindings weight(int slot, Weight weight) throws InvalidProgram;

  /**
   * Binds a pool; sets the symbol of its slots.
   *
   * @param slot ordinal of a state slot
   * @param state of the slot's spec
   * @return this
   * @throws InvalidProgram if it does not fit the slot
   */
  Bindings state(int slot, State state) throws InvalidProgram;

  /**
   * Sets a symbol.
   *
   * @param dim ordinal in {@link Executable#dims()}
   * @param value in its range
   * @return this
   * @throws InvalidProgram if it is out of range
   */
  Bindings dim(int dim, long value) throws InvalidProgram;
}
