package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Shape;
import java.util.List;

/**
 * Dims of a shape, resolved against a symbol table ahead of time so that a run only reads arrays.
 */
final class Sizes {
  private final int[] symbols;
  private final long[] constants;

  private Sizes(int[] symbols, long[] constants) {
    this.symbols = symbols;
    this.constants = constants;
  }

  static Sizes of(Shape shape, DimTable table) {
    return of(shape.dims(), table);
  }

  static Sizes of(List<Dim> dims, DimTable table) {
    int[] symbols = new int[dims.size()];
    long[] constants = new long[dims.size()];
    for (int i = 0; i < symbols.length; i++) {
      switch (dims.get(i)) {
        case Dim.Const c -> {
          symbols[i] = -1;
          constants[i] = c.value();
        }
        case Dim.Sym s -> {
          symbols[i] = table.indexOf(s.name());
          if (symbols[i] < 0) {
            throw new IllegalArgumentException("dim " + s.name() + ": expected one of " + table);
          }
        }
      }
    }
    return new Sizes(symbols, constants);
  }

  /** These sizes with some axes as in another shape. */
  Sizes withAxesOf(Sizes other, List<Integer> axes) {
    Sizes s = new Sizes(symbols.clone(), constants.clone());
    for (int axis : axes) {
      s.symbols[axis] = other.symbols[axis];
      s.constants[axis] = other.constants[axis];
    }
    return s;
  }

  int rank() {
    return symbols.length;
  }

  /** Elements along an axis for these values of the symbols. */
  long get(int axis, long[] dims) {
    int s = symbols[axis];
    return s < 0 ? constants[axis] : dims[s];
  }

  /** Writes every axis to {@code into}, which may be longer. */
  void resolve(long[] dims, long[] into) {
    for (int i = 0; i < symbols.length; i++) {
      into[i] = get(i, dims);
    }
  }

  long elements(long[] dims) {
    long n = 1;
    for (int i = 0; i < symbols.length; i++) {
      n *= get(i, dims);
    }
    return n;
  }

  /** Whether an axis is the constant 1, which no stride can disturb. */
  boolean isOne(int axis) {
    return symbols[axis] < 0 && constants[axis] == 1;
  }

  /** Whether two axes are the same size whatever the symbols are. */
  boolean sameAxis(int axis, Sizes other, int otherAxis) {
    return symbols[axis] == other.symbols[otherAxis]
        && constants[axis] == other.constants[otherAxis];
  }

  /** Whether an axis is a constant. */
  boolean isConstant(int axis) {
    return symbols[axis] < 0;
  }
}
