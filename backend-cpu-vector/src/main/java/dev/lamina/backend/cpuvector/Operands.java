package dev.lamina.backend.cpuvector;

import dev.lamina.backend.cpuvector.kernels.Linear;
import dev.lamina.backend.cpuvector.kernels.LogitsRows;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.ValueType;
import java.util.List;

/** Tensors of the SDK as the kernels take them. */
final class Operands {
  private Operands() {}

  static Linear.Rows rows(Tensor t) {
    return new Linear.Rows(t.dtype(), t.segment(), t.offset());
  }

  static LogitsRows.Place place(Tensor t) {
    return new LogitsRows.Place(t.segment(), t.offset());
  }

  static int size(Tensor t, int axis) {
    return Math.toIntExact(t.size(axis));
  }

  /** Size of the last axis. */
  static int width(Tensor t) {
    return size(t, t.rank() - 1);
  }

  /** Product of all axes but the last. */
  static int height(Tensor t) {
    long n = 1;
    for (int i = 0; i < t.rank() - 1; i++) {
      n *= t.size(i);
    }
    return Math.toIntExact(n);
  }

  /** Whether all tensors are plain and of a float type that the kernels read. */
  static boolean arePlainFloats(List<ValueType> types) {
    for (ValueType type : types) {
      boolean plain =
          switch (type) {
            case TensorType t ->
                !t.isBlocked() && (isPlainFloat(t.dtype()) || !t.dtype().isFloat());
            case StateType s -> s.spec().entries().stream().allMatch(e -> isPlainFloat(e.dtype()));
          };
      if (!plain) {
        return false;
      }
    }
    return true;
  }

  static boolean isPlainFloat(DType d) {
    return d == DType.F32 || d == DType.F16 || d == DType.BF16;
  }
}
