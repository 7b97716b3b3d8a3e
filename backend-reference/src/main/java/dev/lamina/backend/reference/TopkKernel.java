package dev.lamina.backend.reference;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import java.util.Arrays;
import java.util.List;

/** The largest k of each line, descending; a stable sort keeps the lowest index first on ties. */
final class TopkKernel implements Kernel {
  private final CoreOp.Topk op;

  TopkKernel(CoreOp.Topk op) {
    this.op = op;
  }

  @Override
  public void run(KernelArgs args) {
    Tensor x = args.in(0);
    Tensor values = args.out(0);
    Tensor indices = args.out(1);
    List<Integer> others = ReduceKernels.othersThan(op.dim(), x.rank());
    Walk from = new Walk(x, others);
    Walk toValues = new Walk(values, others);
    Walk toIndices = new Walk(indices, others);
    for (long i = 0; i < from.count(); i++) {
      long line = from.next();
      Integer[] order = sorted(x, line);
      long value = toValues.next();
      long index = toIndices.next();
      for (int k = 0; k < op.k(); k++) {
        copy(x, at(x, line, order[k]), values, at(values, value, k));
        Elements.setLong(DType.I32, indices.segment(), at(indices, index, k), order[k]);
      }
    }
  }

  private Integer[] sorted(Tensor x, long line) {
    Integer[] order = new Integer[(int) x.size(op.dim())];
    Arrays.setAll(order, i -> i);
    Arrays.sort(
        order,
        (i, j) -> {
          if (ReduceKernels.larger(x, at(x, line, i), at(x, line, j))) {
            return -1;
          }
          return ReduceKernels.larger(x, at(x, line, j), at(x, line, i)) ? 1 : 0;
        });
    return order;
  }

  private long at(Tensor t, long line, long k) {
    return line + k * t.stride(op.dim()) * t.dtype().bytes();
  }

  /** Copies the bits, so that a NaN keeps its payload. */
  private static void copy(Tensor from, long at, Tensor to, long target) {
    for (int b = 0; b < from.dtype().bytes(); b++) {
      byte bits = from.segment().get(java.lang.foreign.ValueLayout.JAVA_BYTE, at + b);
      to.segment().set(java.lang.foreign.ValueLayout.JAVA_BYTE, target + b, bits);
    }
  }
}
