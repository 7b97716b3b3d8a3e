package dev.lamina.spi.ir;

/**
 * Size of one axis: a constant, or a bounded symbol.
 *
 * <p>There is no unbounded dim, so workspace and capture are decidable. Two symbols of the same
 * name are the same size.
 */
public sealed interface Dim {

  /**
   * A size known when the graph is built.
   *
   * @param value elements, at least 0
   */
  record Const(long value) implements Dim {
    /** Checks the value. */
    public Const {
      if (value < 0) {
        throw new GraphException("dim: expected a size of at least 0, got " + value);
      }
    }

    @Override
    public String toString() {
      return Long.toString(value);
    }
  }

  /**
   * A size bound at submit.
   *
   * @param name identity of the symbol in a graph
   * @param min smallest value, at least 0
   * @param max largest value
   * @param multipleOf every value is a multiple of this, at least 1
   */
  record Sym(String name, long min, long max, long multipleOf) implements Dim {
    /** Checks the bounds. */
    public Sym {
      if (!name.matches("[A-Za-z][A-Za-z0-9_.]*")) {
        throw new GraphException("dim: expected a name of letters and digits, got '" + name + "'");
      }
      if (min < 0 || max < min || multipleOf < 1) {
        throw new GraphException(
            "dim %s: expected 0 <= min <= max and multipleOf >= 1, got %d..%d multiple of %d"
                .formatted(name, min, max, multipleOf));
      }
    }

    /**
     * Whether a value may be bound to this symbol.
     *
     * @param value elements
     * @return true if it lies in the range and is a multiple
     */
    public boolean admits(long value) {
      return value >= min && value <= max && value % multipleOf == 0;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /**
   * A constant dim.
   *
   * @param value elements
   * @return the dim
   */
  static Dim of(long value) {
    return new Const(value);
  }

  /**
   * A symbol without a multiple.
   *
   * @param name identity in the graph
   * @param min smallest value
   * @param max largest value
   * @return the dim
   */
  static Sym sym(String name, long min, long max) {
    return new Sym(name, min, max, 1);
  }

  /**
   * Largest value this dim can take.
   *
   * @return elements
   */
  default long upperBound() {
    return switch (this) {
      case Const c -> c.value();
      case Sym s -> s.max();
    };
  }

  /**
   * Smallest value this dim can take.
   *
   * @return elements
   */
  default long lowerBound() {
    return switch (this) {
      case Const c -> c.value();
      case Sym s -> s.min();
    };
  }
}
