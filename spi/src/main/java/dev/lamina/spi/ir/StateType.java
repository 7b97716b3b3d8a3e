package dev.lamina.spi.ir;

/**
 * Type of a state value: a mutable pool that only state ops touch.
 *
 * <p>A state op takes a state value and yields its successor, so the order of effects is data
 * dependence in the graph. A value that has a successor must not be read by a later node.
 *
 * @param spec what a slot of the pool holds
 */
public record StateType(StateSpec spec) implements ValueType {
  @Override
  public String toString() {
    return "state<" + spec.name() + ">";
  }
}
