package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/** Writes or adds rows; the result may lie where the first operand lies. */
final class ScatterKernel implements Kernel {
  private final boolean add;
  private final int dim;

  ScatterKernel(CoreOp.Scatter op) {
    this.add = op.kind() == CoreOp.ScatterKind.ADD;
    this.dim = op.dim();
  }

  @Override
  public void run(KernelArgs args) {
    Tensor out = args.out(0);
    HostMovement.copy(args.in(0), out);
    if (args.debug() && !add) {
      checkDistinct(args.in(1));
    }
    if (!add) {
      set(args.in(1), args.in(2), out);
    } else if (out.dtype().isFloat() && out.dtype() != DType.F32) {
      addRounded(args.in(1), args.in(2), out);
    } else {
      add(args.in(1), args.in(2), out);
    }
  }

  private void set(Tensor idx, Tensor upd, Tensor out) {
    long row = HostMovement.rowBytes(out, dim);
    long n = out.size(dim);
    long rows = idx.elements();
    long outer = HostMovement.outer(out, dim);
    for (long o = 0; o < outer; o++) {
      for (long i = 0; i < rows; i++) {
        long at = index(idx, i, n);
        if (at >= 0) {
          long from = upd.offset() + (o * rows + i) * row;
          long to = out.offset() + (o * n + at) * row;
          MemorySegment.copy(upd.segment(), from, out.segment(), to, row);
        }
      }
    }
  }

  private void add(Tensor idx, Tensor upd, Tensor out) {
    long row = HostMovement.rowBytes(out, dim);
    long n = out.size(dim);
    long rows = idx.elements();
    long outer = HostMovement.outer(out, dim);
    for (long o = 0; o < outer; o++) {
      for (long i = 0; i < rows; i++) {
        long at = index(idx, i, n);
        if (at >= 0) {
          long from = upd.offset() + (o * rows + i) * row;
          addRow(upd, from, out, out.offset() + (o * n + at) * row, row);
        }
      }
    }
  }

  private static void addRow(Tensor upd, long from, Tensor out, long to, long bytes) {
    DType d = out.dtype();
    for (long k = 0; k < bytes; k += d.bytes()) {
      if (d == DType.F32) {
        float sum =
            Elements.getFloat(d, out.segment(), to + k)
                + Elements.getFloat(d, upd.segment(), from + k);
        Elements.setFloat(d, out.segment(), to + k, sum);
      } else {
        long sum =
            Elements.getLong(d, out.segment(), to + k)
                + Elements.getLong(d, upd.segment(), from + k);
        Elements.setLong(d, out.segment(), to + k, sum);
      }
    }
  }

  /** Narrow floats are summed in F32 and rounded once (R2). */
  private void addRounded(Tensor idx, Tensor upd, Tensor out) {
    DType d = out.dtype();
    int width = d.bytes();
    float[] sums = new float[Math.toIntExact(out.elements())];
    for (int i = 0; i < sums.length; i++) {
      sums[i] = Elements.getFloat(d, out.segment(), out.offset() + (long) i * width);
    }
    long row = HostMovement.rowBytes(out, dim) / width;
    long n = out.size(dim);
    long rows = idx.elements();
    long outer = HostMovement.outer(out, dim);
    for (long o = 0; o < outer; o++) {
      for (long i = 0; i < rows; i++) {
        long at = index(idx, i, n);
        for (long k = 0; at >= 0 && k < row; k++) {
          long from = upd.offset() + ((o * rows + i) * row + k) * width;
          sums[(int) ((o * n + at) * row + k)] += Elements.getFloat(d, upd.segment(), from);
        }
      }
    }
    for (int i = 0; i < sums.length; i++) {
      Elements.setFloat(d, out.segment(), out.offset() + (long) i * width, sums[i]);
    }
  }

  private static long index(Tensor idx, long i, long n) {
    long at = Elements.getLong(idx.dtype(), idx.segment(), idx.offset() + i * idx.dtype().bytes());
    HostMovement.checkIndex("scatter", at, n);
    return at;
  }

  private static void checkDistinct(Tensor idx) {
    BitSet seen = new BitSet();
    for (long i = 0; i < idx.elements(); i++) {
      long at =
          Elements.getLong(idx.dtype(), idx.segment(), idx.offset() + i * idx.dtype().bytes());
      if (at >= 0 && at < Integer.MAX_VALUE) {
        if (seen.get((int) at)) {
          throw new ProgramError(
              "scatter: expected distinct indices to set, got " + at + " twice; use add");
        }
        seen.set((int) at);
      }
    }
  }
}
