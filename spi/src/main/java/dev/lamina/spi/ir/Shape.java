package dev.lamina.spi.ir;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Sizes of a tensor's axes, outermost first; rank 0 is a scalar, zero-size axes are legal.
 *
 * @param dims one dim an axis
 */
public record Shape(List<Dim> dims) {
  /** The shape of a scalar. */
  public static final Shape SCALAR = new Shape(List.of());

  /** Copies the list. */
  public Shape {
    dims = List.copyOf(dims);
  }

  /**
   * A shape of constants.
   *
   * @param sizes elements an axis
   * @return the shape
   */
  public static Shape of(long... sizes) {
    return new Shape(Arrays.stream(sizes).mapToObj(Dim::of).toList());
  }

  /**
   * A shape of dims.
   *
   * @param dims one an axis
   * @return the shape
   */
  public static Shape of(Dim... dims) {
    return new Shape(List.of(dims));
  }

  /**
   * Number of axes.
   *
   * @return 0 for a scalar
   */
  public int rank() {
    return dims.size();
  }

  /**
   * One axis.
   *
   * @param axis 0-based; negative counts from the end
   * @return its size
   */
  public Dim dim(int axis) {
    return dims.get(axis < 0 ? axis + dims.size() : axis);
  }

  /**
   * Elements, if every dim is constant.
   *
   * @return the product
   * @throws GraphException if a dim is a symbol
   */
  public long elements() {
    long n = 1;
    for (Dim d : dims) {
      if (!(d instanceof Dim.Const c)) {
        throw new GraphException("shape " + this + ": expected constant dims only");
      }
      n = Math.multiplyExact(n, c.value());
    }
    return n;
  }

  /**
   * Elements with every symbol at its largest value.
   *
   * @return the product
   */
  public long maxElements() {
    long n = 1;
    for (Dim d : dims) {
      n = Math.multiplyExact(n, d.upperBound());
    }
    return n;
  }

  /**
   * Whether two shapes always hold the same number of elements.
   *
   * @param other another shape
   * @return true if the constants' products agree and each symbol occurs equally often
   */
  public boolean sameElements(Shape other) {
    return factors().equals(other.factors());
  }

  private Map<String, Long> factors() {
    Map<String, Long> f = new TreeMap<>();
    f.put("", 1L);
    for (Dim d : dims) {
      switch (d) {
        case Dim.Const c -> f.merge("", c.value(), Math::multiplyExact);
        case Dim.Sym s -> f.merge(s.name(), 1L, Long::sum);
      }
    }
    return f;
  }

  /**
   * This shape with one axis replaced.
   *
   * @param axis 0-based
   * @param dim the new size
   * @return a new shape
   */
  public Shape with(int axis, Dim dim) {
    List<Dim> d = new ArrayList<>(dims);
    d.set(axis, dim);
    return new Shape(d);
  }

  /**
   * This shape with the axis replaced by zero or more others.
   *
   * @param axis 0-based
   * @param in what stands in its place
   * @return a new shape
   */
  public Shape replace(int axis, List<Dim> in) {
    List<Dim> d = new ArrayList<>(dims.subList(0, axis));
    d.addAll(in);
    d.addAll(dims.subList(axis + 1, dims.size()));
    return new Shape(d);
  }

  @Override
  public String toString() {
    return dims.stream().map(Dim::toString).collect(Collectors.joining(",", "[", "]"));
  }
}
