package dev.lamina.backend.cpuvector;

import static dev.lamina.backend.cpuvector.Operands.isPlainFloat;
import static dev.lamina.backend.cpuvector.Operands.size;

import dev.lamina.backend.cpuvector.kernels.Linear;
import dev.lamina.backend.cpuvector.kernels.Matrix;
import dev.lamina.backend.cpuvector.kernels.WorkerPool;
import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Batched matrix product by {@link Linear}, which takes the second matrix as {@code [N, K]}:
 * another layout, or an 8-bit type, is widened into scratch first.
 */
final class MatmulKernel {
  private final WorkerPool pool;
  private final Linear linear;
  private MemorySegment left = MemorySegment.NULL;
  private MemorySegment right = MemorySegment.NULL;
  private MemorySegment result = MemorySegment.NULL;

  MatmulKernel(WorkerPool pool, int streamRows) {
    this.pool = pool;
    linear = new Linear(pool, streamRows);
  }

  void run(CoreOp.Matmul op, KernelArgs args) {
    Tensor a = args.in(0);
    Tensor b = args.in(1);
    Tensor out = args.out(0);
    int m = size(out, out.rank() - 2);
    int n = size(out, out.rank() - 1);
    int k = size(a, a.rank() - 1);
    long batches = m == 0 || n == 0 ? 0 : out.elements() / m / n;
    for (long i = 0; i < batches; i++) {
      Linear.Rows x = left(a, i * m * k, m * k);
      Matrix w = right(op, b, i * n * k, n, k);
      long at = out.offset() + i * m * n * out.dtype().bytes();
      if (isPlainFloat(out.dtype())) {
        linear.run(x, m, w, null, new Linear.Rows(out.dtype(), out.segment(), at));
      } else {
        result = fit(result, 4L * m * n);
        linear.run(x, m, w, null, new Linear.Rows(DType.F32, result, 0));
        for (int j = 0; j < m * n; j++) {
          float v = Elements.getFloat(DType.F32, result, 4L * j);
          Elements.setFloat(out.dtype(), out.segment(), at + (long) j * out.dtype().bytes(), v);
        }
      }
    }
  }

  private Linear.Rows left(Tensor a, long first, int elements) {
    long at = a.offset() + first * a.dtype().bytes();
    if (isPlainFloat(a.dtype())) {
      return new Linear.Rows(a.dtype(), a.segment(), at);
    }
    left = fit(left, 4L * elements);
    for (int i = 0; i < elements; i++) {
      float v = Elements.getFloat(a.dtype(), a.segment(), at + (long) i * a.dtype().bytes());
      Elements.setFloat(DType.F32, left, 4L * i, v);
    }
    return new Linear.Rows(DType.F32, left, 0);
  }

  private Matrix right(CoreOp.Matmul op, Tensor b, long first, int n, int k) {
    int width = b.dtype().bytes();
    long at = b.offset() + first * width;
    if (op.transposeB() && isPlainFloat(b.dtype())) {
      return Matrix.dense(b.dtype(), b.segment(), at, n, k);
    }
    right = fit(right, 4L * n * k);
    MemorySegment to = right;
    long alongN = op.transposeB() ? k : 1;
    long alongK = op.transposeB() ? 1 : n;
    int rows = Math.max(1, 16384 / Math.max(1, k));
    pool.forEach(
        (n + rows - 1) / rows,
        (index, worker) -> {
          for (int r = index * rows; r < Math.min(n, (index + 1) * rows); r++) {
            for (int c = 0; c < k; c++) {
              long from = at + (r * alongN + c * alongK) * width;
              float v = Elements.getFloat(b.dtype(), b.segment(), from);
              Elements.setFloat(DType.F32, to, 4 * ((long) r * k + c), v);
            }
          }
        });
    return Matrix.dense(DType.F32, to, 0, n, k);
  }

  private static MemorySegment fit(MemorySegment scratch, long bytes) {
    return scratch.byteSize() >= bytes ? scratch : Arena.ofAuto().allocate(bytes, 64);
  }
}
