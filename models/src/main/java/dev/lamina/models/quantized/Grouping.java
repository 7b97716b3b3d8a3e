package dev.lamina.models.quantized;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.quantized.PackedMatrix.Scales;
import dev.lamina.models.quantized.PackedMatrix.Zeros;
import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Which elements of a matrix share a scale: rectangles, read off the shape of the scales.
 *
 * @param rows of a rectangle
 * @param size columns of a rectangle
 * @param across rectangles side by side
 */
record Grouping(int rows, int size, int across) {

  /** Of one scale, one a row, some a row, or one a rectangle of a given {@code {rows, cols}}. */
  static Grouping of(StoredTensor scale, int n, int k, int @Nullable [] block)
      throws ModelException {
    if (scale.elements() == 1) {
      return new Grouping(n, k, 1);
    }
    int first = scale.type().shape().rank() == 0 ? 1 : Numbers.dim(scale, 0);
    int across = (int) (scale.elements() / first);
    if (block != null) {
      Numbers.expectCount(scale, (long) Math.ceilDiv(n, block[0]) * Math.ceilDiv(k, block[1]));
      return new Grouping(block[0], block[1], across);
    }
    if (first != n || k % across != 0) {
      throw Numbers.refuse(
          scale, "one scale, or some a row of [%d, %d]".formatted(n, k), scale.type().toString());
    }
    return new Grouping(1, k / across, across);
  }

  Scales scales(StoredTensor t) throws ModelException {
    Numbers.Floats s = Numbers.floats(t);
    return (row, col) -> s.at((long) (row / rows) * across + col / size);
  }

  @Nullable Zeros zeros(@Nullable StoredTensor t) throws ModelException {
    if (t == null) {
      return null;
    }
    if (t.type().dtype() != DType.I8) {
      throw Numbers.refuse(t, "zero points of i8", t.type().dtype().text());
    }
    MemorySegment m = t.data();
    return (row, col) -> m.get(ValueLayout.JAVA_BYTE, (long) (row / rows) * across + col / size);
  }
}
