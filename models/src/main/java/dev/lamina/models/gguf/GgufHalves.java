package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Pairs of tensors that are the upper and the lower rows of one, for one thread. */
final class GgufHalves {
  private final Map<String, GgufFile.@Nullable Tensor[]> found = new LinkedHashMap<>();

  /** A half of a matrix, or of each matrix of a stack; the names are those of the two. */
  void add(String whole, GgufFile.Tensor half, List<String> names) {
    GgufFile.@Nullable Tensor[] pair =
        found.computeIfAbsent(whole, w -> new GgufFile.@Nullable Tensor[2]);
    pair[names.indexOf(half.name())] = half;
  }

  /** The whole ones, put together off the heap when they are first asked for. */
  List<StoredTensor> joined(Arena arena, Path path) throws ModelException {
    List<StoredTensor> all = new ArrayList<>();
    for (Map.Entry<String, GgufFile.@Nullable Tensor[]> e : found.entrySet()) {
      GgufFile.Tensor upper = e.getValue()[0];
      GgufFile.Tensor lower = e.getValue()[1];
      if (upper == null
          || lower == null
          || upper.type() != lower.type()
          || upper.shape().rank() < 2
          || !upper.shape().equals(lower.shape())) {
        throw GgufFile.refuse(
            path.toString(),
            "tensor '" + e.getKey() + "'",
            "two halves of one type and shape",
            "%s and %s".formatted(text(upper), text(lower)),
            "convert the model again");
      }
      all.add(joined(e.getKey(), upper, lower, arena, path));
    }
    return all;
  }

  private static String text(GgufFile.@Nullable Tensor t) {
    return t == null ? "none" : t.type().text() + t.shape();
  }

  private static StoredTensor joined(
      String name, GgufFile.Tensor upper, GgufFile.Tensor lower, Arena arena, Path path)
      throws ModelException {
    Shape shape = upper.shape();
    int axis = shape.rank() - 2;
    List<Dim> dims = new ArrayList<>(shape.dims());
    dims.set(axis, Dim.of(2 * shape.dim(axis).upperBound()));
    TensorType type = upper.type().tensorType(new Shape(dims));
    int members = axis == 0 ? 1 : Math.toIntExact(shape.dim(0).upperBound());
    return StoredTensor.converted(
        name,
        type,
        upper.type().text(),
        2 * upper.data().byteSize(),
        () -> {
          MemorySegment to = arena.allocate(type.byteSize(), 64);
          long each = upper.data().byteSize() / members;
          for (int i = 0; i < members; i++) {
            MemorySegment.copy(upper.data(), i * each, to, 2 * i * each, each);
            MemorySegment.copy(lower.data(), i * each, to, (2 * i + 1) * each, each);
          }
          return to.asReadOnly();
        },
        path.toString());
  }
}
