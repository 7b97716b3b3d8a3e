package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.models.ggml.GgmlType;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Tensors that GGUF files have in another form than transformers. */
final class GgufRows {
  /** The end of the name of a matrix of one row, which files have as a vector. */
  static final String SHARED_GATE = ".ffn_gate_inp_shexp.weight";

  private GgufRows() {}

  /** Factors of a norm, which files have with 1 added. */
  static StoredTensor lessOne(StoredTensor t, Arena arena) {
    TensorType type = new TensorType(DType.F32, t.type().shape(), Layout.DENSE);
    return StoredTensor.converted(
        t.name(), type, t.format(), t.storedBytes(), () -> plus(t, -1, arena), t.origin());
  }

  private static MemorySegment plus(StoredTensor t, float number, Arena arena) {
    GgmlType type = Objects.requireNonNull(GgmlType.of(t.type()), "a type of GGUF");
    float[] values = new float[Math.toIntExact(t.elements())];
    type.decode(t.data(), 0, values, 0, values.length);
    MemorySegment to = arena.allocate((long) values.length * Float.BYTES, Float.BYTES);
    for (int i = 0; i < values.length; i++) {
      to.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i] + number);
    }
    return to.asReadOnly();
  }

  /** Adds 1 to the F32 factors of a norm. */
  static void addOne(MemorySegment f32) {
    for (long i = 0; i < f32.byteSize() / Float.BYTES; i++) {
      float v = f32.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      f32.setAtIndex(ValueLayout.JAVA_FLOAT, i, v + 1);
    }
  }

  /** A vector as a matrix of one row. */
  static StoredTensor row(StoredTensor t) {
    Shape shape = t.type().shape();
    if (shape.rank() != 1) {
      return t;
    }
    TensorType type =
        new TensorType(t.type().dtype(), Shape.of(Dim.of(1), shape.dim(0)), t.type().layout());
    return StoredTensor.converted(t.name(), type, t.format(), t.storedBytes(), t::data, t.origin());
  }

  /** The upper or the lower rows of a matrix, or of each matrix of a stack. */
  static StoredTensor half(StoredTensor t, boolean lower) {
    Shape shape = t.type().shape();
    int axis = shape.rank() - 2;
    List<Dim> dims = new ArrayList<>(shape.dims());
    dims.set(axis, Dim.of(shape.dim(axis).upperBound() / 2));
    TensorType type = new TensorType(t.type().dtype(), new Shape(dims), t.type().layout());
    int members = axis == 0 ? 1 : Math.toIntExact(shape.dim(0).upperBound());
    return StoredTensor.converted(
        t.name(),
        type,
        t.format(),
        t.storedBytes() / 2,
        () -> cut(t.unkeptData(), type.byteSize(), members, lower),
        t.origin());
  }

  private static MemorySegment cut(MemorySegment from, long bytes, int members, boolean lower) {
    MemorySegment to = Arena.ofAuto().allocate(bytes, 64);
    long each = bytes / members;
    for (int i = 0; i < members; i++) {
      MemorySegment.copy(from, (2L * i + (lower ? 1 : 0)) * each, to, i * each, each);
    }
    return to.asReadOnly();
  }
}
