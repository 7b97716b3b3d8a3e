package dev.lamina.spi.ir;

/**
 * Element type, shape and memory layout of a tensor.
 *
 * @param dtype element type; U8 when the layout is {@link Layout.Blocked}
 * @param shape logical sizes, in elements (of a blocked tensor: decoded elements)
 * @param layout how elements lie in memory
 */
public record TensorType(DType dtype, Shape shape, Layout layout) implements ValueType {
  /** Checks that layout, dtype and shape fit. */
  public TensorType {
    switch (layout) {
      case Layout.Dense d -> {}
      case Layout.Opaque o -> {}
      case Layout.Strided s -> {
        if (s.strides().size() != shape.rank()) {
          throw new GraphException(
              "tensor type: expected %d strides for shape %s, got %s"
                  .formatted(shape.rank(), shape, s.strides()));
        }
      }
      case Layout.Blocked b -> {
        if (dtype != DType.U8
            || shape.rank() == 0
            || !(shape.dim(-1) instanceof Dim.Const c)
            || c.value() % b.format().elements() != 0) {
          throw new GraphException(
              "tensor type: expected u8 with a last dim that is a multiple of %d for %s, got %s%s"
                  .formatted(b.format().elements(), b.format().text(), dtype.text(), shape));
        }
      }
    }
  }

  /**
   * A dense tensor.
   *
   * @param dtype element type
   * @param shape sizes
   * @return the type
   */
  public static TensorType of(DType dtype, Shape shape) {
    return new TensorType(dtype, shape, Layout.DENSE);
  }

  /**
   * A dense tensor of constant shape.
   *
   * @param dtype element type
   * @param sizes elements an axis
   * @return the type
   */
  public static TensorType of(DType dtype, long... sizes) {
    return of(dtype, Shape.of(sizes));
  }

  /**
   * A dense tensor.
   *
   * @param dtype element type
   * @param dims one an axis
   * @return the type
   */
  public static TensorType of(DType dtype, Dim... dims) {
    return of(dtype, Shape.of(dims));
  }

  /**
   * A quantised tensor.
   *
   * @param format block format
   * @param shape logical sizes; the last one constant and a multiple of the block
   * @return the type
   */
  public static TensorType blocked(QuantFormat format, Shape shape) {
    return new TensorType(DType.U8, shape, new Layout.Blocked(format));
  }

  /**
   * Whether the storage is row-major and contiguous plain elements.
   *
   * @return true for {@link Layout.Dense}
   */
  public boolean isDense() {
    return layout instanceof Layout.Dense;
  }

  /**
   * Whether the storage is quantised blocks.
   *
   * @return true for {@link Layout.Blocked}
   */
  public boolean isBlocked() {
    return layout instanceof Layout.Blocked;
  }

  /**
   * Bytes from the first to past the last element, for sizes already resolved.
   *
   * @param sizes elements an axis, as {@link DimTable#resolve(Shape, long[])} gives them
   * @return bytes; 0 if an axis is empty
   * @throws GraphException for an opaque layout, whose size only its backend knows
   */
  public long byteSize(long[] sizes) {
    long n = 1;
    for (long s : sizes) {
      n = Math.multiplyExact(n, s);
    }
    if (n == 0) {
      return 0;
    }
    return switch (layout) {
      case Layout.Dense d -> Math.multiplyExact(n, dtype.bytes());
      case Layout.Blocked b -> n / b.format().elements() * b.format().bytes();
      case Layout.Strided s -> {
        long last = 0;
        for (int i = 0; i < sizes.length; i++) {
          last = Math.addExact(last, Math.multiplyExact(sizes[i] - 1, s.strides().get(i)));
        }
        yield Math.multiplyExact(last + 1, dtype.bytes());
      }
      case Layout.Opaque o ->
          throw new GraphException("tensor type: layout " + o.tag() + " has no byte size here");
    };
  }

  /**
   * Bytes of a tensor of constant shape.
   *
   * @return bytes
   */
  public long byteSize() {
    return byteSize(new DimTable(java.util.List.of()).resolve(shape, new long[0]));
  }

  @Override
  public String toString() {
    return switch (layout) {
      case Layout.Dense d -> dtype.text() + shape;
      case Layout.Blocked b -> b.format().text() + shape;
      case Layout.Strided s -> dtype.text() + shape + "@" + s.strides().toString().replace(" ", "");
      case Layout.Opaque o -> dtype.text() + shape + "@" + o.tag();
    };
  }
}
