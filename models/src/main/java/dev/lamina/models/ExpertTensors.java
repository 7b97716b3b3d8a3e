package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.checkpoint.TensorSource;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Matrices that a checkpoint stores apart, or turned, as one stack {@code [E, N, K]}. A stack is
 * put together off the heap when its bytes are first asked for, not when the checkpoint is opened;
 * what is stored as a stack already is used where it lies.
 */
final class ExpertTensors {
  private ExpertTensors() {}

  /**
   * A tensor made of others.
   *
   * @param tensor the stack
   * @param parts names of the tensors it is made of
   */
  record Stack(StoredTensor tensor, List<String> parts) {}

  /**
   * Columns of a turned matrix: {@code first}, {@code first + step} and so on.
   *
   * @param first column
   * @param step between columns
   * @param of columns of the stored matrix, 0 if it is not stored turned
   */
  record Columns(int first, int step, long of) {}

  /**
   * One tensor an expert, by names with its number.
   *
   * @param source the checkpoint
   * @param names the tensors in order
   * @param one shape of each
   * @return the stack, null if the first is not there
   * @throws ModelException if a later one is missing, or one is of another type than the first
   */
  static @Nullable Stack apart(TensorSource source, List<String> names, Shape one)
      throws ModelException {
    StoredTensor first = source.find(names.getFirst(), one);
    if (first == null) {
      return null;
    }
    List<StoredTensor> parts = new ArrayList<>();
    for (String name : names) {
      StoredTensor t = source.find(name, one);
      if (t == null || !t.type().equals(first.type())) {
        throw new ModelException(
            "load %s: tensor '%s': expected it as '%s' is, %s, got %s; fetch the checkpoint again"
                .formatted(
                    source.origin(),
                    name,
                    first.name(),
                    first.type(),
                    t == null ? "no such tensor" : t.type()));
      }
      parts.add(t);
    }
    List<dev.lamina.spi.ir.Dim> dims = new ArrayList<>(first.type().shape().dims());
    dims.addFirst(dev.lamina.spi.ir.Dim.of(names.size()));
    TensorType type = new TensorType(first.type().dtype(), new Shape(dims), first.type().layout());
    return stack(first, type, parts, () -> joined(type, parts));
  }

  private static Stack stack(
      StoredTensor first, TensorType type, List<StoredTensor> parts, Supplier<MemorySegment> made) {
    long stored = parts.stream().mapToLong(StoredTensor::storedBytes).sum();
    StoredTensor tensor =
        StoredTensor.converted(first.name(), type, first.format(), stored, made, first.origin());
    return new Stack(tensor, parts.stream().map(StoredTensor::name).toList());
  }

  // Automatic: the plan's tensors keep it for as long as a weight may share it.
  private static MemorySegment joined(TensorType type, List<StoredTensor> parts) {
    MemorySegment all = Arena.ofAuto().allocate(type.byteSize(), 64);
    long each = type.byteSize() / parts.size();
    IntStream.range(0, parts.size())
        .parallel()
        .forEach(i -> MemorySegment.copy(parts.get(i).data(), 0, all, i * each, each));
    return all.asReadOnly();
  }

  /**
   * Columns of turned matrices as rows.
   *
   * @param stored {@code [E, K, columns.of]}, plain
   * @param n rows of each result
   * @param columns which become rows
   * @return the stack {@code [E, n, K]}
   * @throws ModelException if it is stored in blocks, whose columns can't be taken apart
   */
  static Stack turned(StoredTensor stored, int n, Columns columns) throws ModelException {
    if (!(stored.type().layout() instanceof Layout.Dense)) {
      throw new ModelException(
          "load %s: tensor '%s': expected plain floats, stored [in, out], got %s; convert it to BF16"
              .formatted(stored.origin(), stored.name(), stored.format()));
    }
    long e = stored.type().shape().dim(0).upperBound();
    long k = stored.type().shape().dim(1).upperBound();
    TensorType type = TensorType.of(stored.type().dtype(), e, n, k);
    return stack(stored, type, List.of(stored), () -> turn(stored, type, n, columns));
  }

  /**
   * Rows of matrices in blocks, which are stored as {@code [out, in]} where plain ones are turned.
   *
   * @param stored {@code [E, rows.of, K]}
   * @param n rows of each result
   * @param rows which
   * @return the stack {@code [E, n, K]}
   */
  static Stack picked(StoredTensor stored, int n, Columns rows) {
    if (rows.of == n) {
      return new Stack(stored, List.of(stored.name()));
    }
    List<dev.lamina.spi.ir.Dim> dims = new ArrayList<>(stored.type().shape().dims());
    dims.set(1, dev.lamina.spi.ir.Dim.of(n));
    TensorType type =
        new TensorType(stored.type().dtype(), new Shape(dims), stored.type().layout());
    return stack(stored, type, List.of(stored), () -> pick(stored, type, n, rows));
  }

  private static MemorySegment pick(StoredTensor stored, TensorType type, int n, Columns rows) {
    MemorySegment from = stored.data();
    MemorySegment to = Arena.ofAuto().allocate(type.byteSize(), 64);
    int experts = (int) type.shape().dim(0).upperBound();
    long bytes = type.byteSize() / ((long) experts * n);
    IntStream.range(0, experts)
        .parallel()
        .forEach(e -> {
          for (int r = 0; r < n; r++) {
            long at = e * rows.of + rows.first + (long) r * rows.step;
            MemorySegment.copy(from, at * bytes, to, ((long) e * n + r) * bytes, bytes);
          }
        });
    return to.asReadOnly();
  }

  private static MemorySegment turn(StoredTensor stored, TensorType type, int n, Columns columns) {
    MemorySegment from = stored.data();
    MemorySegment to = Arena.ofAuto().allocate(type.byteSize(), 64);
    int experts = (int) type.shape().dim(0).upperBound();
    long k = type.shape().dim(2).upperBound();
    int width = type.dtype().bytes();
    IntStream.range(0, experts)
        .parallel()
        .forEach(e -> {
          for (long row = 0; row < k; row++) {
            long source = (e * k + row) * columns.of;
            for (int c = 0; c < n; c++) {
              long at = source + columns.first + (long) c * columns.step;
              MemorySegment.copy(
                  from, at * width, to, ((long) (e * n + c) * k + row) * width, width);
            }
          }
        });
    return to.asReadOnly();
  }
}
