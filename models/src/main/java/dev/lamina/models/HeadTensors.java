package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** Parts of a matrix {@code [heads * rows, K]} as stacks of one matrix a head, off the heap. */
final class HeadTensors {
  private HeadTensors() {}

  /** The first n rows of each head, turned: {@code [heads, K, n]}. */
  static ExpertTensors.Stack turned(StoredTensor stored, int heads, int n) throws ModelException {
    long k = stored.type().shape().dim(1).upperBound();
    TensorType type = TensorType.of(plain(stored), heads, k, n);
    return stack(stored, type, () -> turn(stored, type));
  }

  /** The last n rows of each head: {@code [heads, n, K]}. */
  static ExpertTensors.Stack last(StoredTensor stored, int heads, int n) throws ModelException {
    long k = stored.type().shape().dim(1).upperBound();
    TensorType type = TensorType.of(plain(stored), heads, n, k);
    return stack(stored, type, () -> cut(stored, type));
  }

  private static DType plain(StoredTensor stored) throws ModelException {
    if (!(stored.type().layout() instanceof Layout.Dense)) {
      throw new ModelException(
          "load %s: tensor '%s': expected plain floats to take heads apart, got %s; convert it to"
                  .formatted(stored.origin(), stored.name(), stored.format())
              + " BF16");
    }
    return stored.type().dtype();
  }

  private static ExpertTensors.Stack stack(
      StoredTensor stored, TensorType type, Supplier<MemorySegment> made) {
    long share =
        Math.multiplyExact(stored.storedBytes(), type.shape().elements()) / stored.elements();
    StoredTensor t =
        StoredTensor.converted(stored.name(), type, stored.format(), share, made, stored.origin());
    return new ExpertTensors.Stack(t, List.of(stored.name()));
  }

  private static MemorySegment cut(StoredTensor stored, TensorType type) {
    MemorySegment from = stored.data();
    MemorySegment to = Arena.ofAuto().allocate(type.byteSize(), 64);
    int heads = (int) type.shape().dim(0).upperBound();
    long each = type.byteSize() / heads;
    long pitch = from.byteSize() / heads;
    for (int h = 0; h < heads; h++) {
      MemorySegment.copy(from, (h + 1) * pitch - each, to, h * each, each);
    }
    return to.asReadOnly();
  }

  private static MemorySegment turn(StoredTensor stored, TensorType type) {
    MemorySegment from = stored.data();
    MemorySegment to = Arena.ofAuto().allocate(type.byteSize(), 64);
    int heads = (int) type.shape().dim(0).upperBound();
    long k = type.shape().dim(1).upperBound();
    long n = type.shape().dim(2).upperBound();
    int width = type.dtype().bytes();
    long pitch = from.byteSize() / heads;
    IntStream.range(0, heads)
        .parallel()
        .forEach(h -> {
          for (long c = 0; c < k; c++) {
            for (long row = 0; row < n; row++) {
              long at = h * pitch + (row * k + c) * width;
              MemorySegment.copy(from, at, to, ((h * k + c) * n + row) * width, width);
            }
          }
        });
    return to.asReadOnly();
  }
}
