package dev.lamina.spi.ir;

import java.util.Arrays;
import java.util.List;

/**
 * The symbols of one graph in a fixed order, so that their values are a plain {@code long[]}.
 *
 * @param syms distinct symbols; a value array has one entry for each, in this order
 */
public record DimTable(List<Dim.Sym> syms) {
  /** Copies the list and checks that names are distinct. */
  public DimTable {
    syms = List.copyOf(syms);
    if (syms.stream().map(Dim.Sym::name).distinct().count() != syms.size()) {
      throw new GraphException("dims: one name stands for two ranges in " + syms);
    }
  }

  /**
   * Position of a symbol.
   *
   * @param name the symbol's name
   * @return its index, or -1 if the graph has none of that name
   */
  public int indexOf(String name) {
    for (int i = 0; i < syms.size(); i++) {
      if (syms.get(i).name().equals(name)) {
        return i;
      }
    }
    return -1;
  }

  /**
   * Value of a dim under a binding.
   *
   * @param dim a constant or a symbol of this table
   * @param values one value a symbol
   * @return elements
   * @throws GraphException if the symbol is not in this table
   */
  public long resolve(Dim dim, long[] values) {
    return switch (dim) {
      case Dim.Const c -> c.value();
      case Dim.Sym s -> {
        int i = indexOf(s.name());
        if (i < 0) {
          throw new GraphException("dim " + s.name() + ": expected one of " + syms);
        }
        yield values[i];
      }
    };
  }

  /**
   * Sizes of a shape under a binding.
   *
   * @param shape dims of this table
   * @param values one value a symbol
   * @return elements an axis
   */
  public long[] resolve(Shape shape, long[] values) {
    long[] sizes = new long[shape.rank()];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = resolve(shape.dim(i), values);
    }
    return sizes;
  }

  /**
   * Refuses values outside the symbols' ranges.
   *
   * @param values one value a symbol
   * @throws GraphException naming the first symbol out of range
   */
  public void check(long[] values) {
    if (values.length != syms.size()) {
      throw new GraphException(
          "dims: expected %d values for %s, got %s"
              .formatted(syms.size(), syms, Arrays.toString(values)));
    }
    for (int i = 0; i < values.length; i++) {
      Dim.Sym s = syms.get(i);
      if (!s.admits(values[i])) {
        throw new GraphException(
            "dim %s: expected %d..%d, a multiple of %d, got %d"
                .formatted(s.name(), s.min(), s.max(), s.multipleOf(), values[i]));
      }
    }
  }

  /**
   * The largest value of each symbol.
   *
   * @return a new array
   */
  public long[] upperBounds() {
    return syms.stream().mapToLong(Dim.Sym::max).toArray();
  }
}
