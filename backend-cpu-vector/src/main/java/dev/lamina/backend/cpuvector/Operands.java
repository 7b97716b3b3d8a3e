package dev.lamina.backend.cpuvector;

import dev.lamina.backend.cpuvector.kernels.Linear;
import dev.lamina.backend.cpuvector.kernels.LogitsRows;
import dev.lamina.backend.cpuvector.kernels.Matrix;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.StateType;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.ValueType;
import java.util.ArrayList;
import java.util.List;

/** Tensors of the SDK as the kernels take them. */
final class Operands {
  private Operands() {}

  static Linear.Rows rows(Tensor t) {
    return new Linear.Rows(t.dtype(), t.segment(), t.offset());
  }

  /** A weight {@code [N, K]}, plain or in blocks. */
  static Matrix matrix(Tensor t) {
    return t.layout() instanceof Layout.Blocked(QuantFormat format)
        ? Matrix.blocked(format, t.segment(), t.offset(), size(t, 0), size(t, 1))
        : Matrix.dense(t.dtype(), t.segment(), t.offset(), size(t, 0), size(t, 1));
  }

  /** The matrices of a stack {@code [E, N, K]}, plain or in blocks. */
  static Matrix[] matrices(Tensor t) {
    Matrix[] all = new Matrix[size(t, 0)];
    int n = size(t, 1);
    int k = size(t, 2);
    for (int e = 0; e < all.length; e++) {
      if (t.layout() instanceof Layout.Blocked(QuantFormat format)) {
        long each = (long) n * (k / format.elements()) * format.bytes();
        all[e] = Matrix.blocked(format, t.segment(), t.offset() + e * each, n, k);
      } else {
        long each = (long) n * k * t.dtype().bytes();
        all[e] = Matrix.dense(t.dtype(), t.segment(), t.offset() + e * each, n, k);
      }
    }
    return all;
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

  /** Whether an op reads a matrix in blocks, all else being plain floats. */
  static boolean readBlocks(OpSpec spec) {
    List<ValueType> rest = new ArrayList<>(spec.operands());
    boolean multiplies =
        spec.op() instanceof CompositeOp.Linear || spec.op() instanceof CompositeOp.MoeLinear;
    return (multiplies || spec.op() instanceof CompositeOp.Embedding)
        && rest.remove(1) instanceof TensorType t
        && t.isBlocked()
        && arePlainFloats(rest);
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
