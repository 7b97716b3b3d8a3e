package dev.lamina.backend.sdk;

import dev.lamina.spi.OpSpec;
import dev.lamina.spi.Support;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Op;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Kernels that only move elements, over plain host memory; a {@link KernelProvider} may answer with
 * {@link #choose}. Rows that are contiguous on both sides are copied in bulk.
 */
public final class HostMovement {
  private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED;

  private HostMovement() {}

  /** Whether {@link #choose} has a kernel for an op: concat, gather and scatter. */
  public static boolean handles(Op op) {
    return op instanceof CoreOp.Concat
        || op instanceof CoreOp.Gather
        || op instanceof CoreOp.Scatter;
  }

  /**
   * The kernel of an op that {@link #handles} names.
   *
   * @param spec the op
   * @return an exact native kernel
   */
  public static KernelChoice choose(OpSpec spec) {
    Support.Perf perf = Support.Perf.OK;
    Support.Numerics exact = Support.Numerics.EXACT;
    return switch (spec.op()) {
      case CoreOp.Concat o ->
          KernelChoice.strided("concat", perf, exact, node -> args -> concat(args, o.dim()));
      case CoreOp.Gather o ->
          KernelChoice.dense("gather", perf, exact, node -> args -> gather(args, o.dim()));
      case CoreOp.Scatter o ->
          KernelChoice.dense(
              "scatter",
              perf,
              o.kind() == CoreOp.ScatterKind.SET ? exact : Support.Numerics.STRICT,
              node -> new ScatterKernel(o));
      default ->
          throw new IllegalArgumentException(
              "movement: expected concat, gather or scatter, got " + spec);
    };
  }

  /** Copies operand 0 to result 0. */
  static void copy(KernelArgs args) {
    copy(args.in(0), args.out(0));
  }

  /**
   * Copies a tensor to another of equal dtype and sizes; nothing if both lie in one place.
   *
   * @param src any strides
   * @param dst any strides but 0
   */
  public static void copy(Tensor src, Tensor dst) {
    if (!inOnePlace(src, dst)) {
      copyBox(src, src.offset(), dst, dst.offset(), dst);
    }
  }

  /** Whether two contiguous tensors of equal sizes start at one address. */
  static boolean inOnePlace(Tensor a, Tensor b) {
    return a.isContiguous()
        && b.isContiguous()
        && a.segment().address() + a.offset() == b.segment().address() + b.offset();
  }

  /** Copies the box of {@code sizes} that starts at these byte offsets on both sides. */
  static void copyBox(Tensor src, long srcAt, Tensor dst, long dstAt, Tensor sizes) {
    if (sizes.elements() == 0) {
      return;
    }
    long run = 1;
    int axis = sizes.rank();
    while (axis > 0 && isNext(src, dst, axis - 1, run, sizes)) {
      run *= sizes.size(--axis);
    }
    copyAxes(src, srcAt, dst, dstAt, sizes, 0, axis, run * src.dtype().bytes());
  }

  private static boolean isNext(Tensor src, Tensor dst, int axis, long run, Tensor sizes) {
    return sizes.size(axis) == 1 || src.stride(axis) == run && dst.stride(axis) == run;
  }

  private static void copyAxes(
      Tensor src, long srcAt, Tensor dst, long dstAt, Tensor sizes, int axis, int end, long run) {
    if (axis == end) {
      MemorySegment.copy(src.segment(), srcAt, dst.segment(), dstAt, run);
      return;
    }
    int width = src.dtype().bytes();
    long srcStep = src.stride(axis) * width;
    long dstStep = dst.stride(axis) * width;
    long n = sizes.size(axis);
    if (axis + 1 == end && run == width) {
      copyElements(src.segment(), srcAt, srcStep, dst.segment(), dstAt, dstStep, n, width);
      return;
    }
    for (long i = 0; i < n; i++) {
      copyAxes(src, srcAt + i * srcStep, dst, dstAt + i * dstStep, sizes, axis + 1, end, run);
    }
  }

  private static void copyElements(
      MemorySegment src,
      long s,
      long srcStep,
      MemorySegment dst,
      long d,
      long dstStep,
      long n,
      int width) {
    switch (width) {
      case 1 -> {
        for (long i = 0; i < n; i++) {
          dst.set(
              ValueLayout.JAVA_BYTE,
              d + i * dstStep,
              src.get(ValueLayout.JAVA_BYTE, s + i * srcStep));
        }
      }
      case 2 -> {
        for (long i = 0; i < n; i++) {
          dst.set(I16, d + i * dstStep, src.get(I16, s + i * srcStep));
        }
      }
      case 4 -> {
        for (long i = 0; i < n; i++) {
          dst.set(I32, d + i * dstStep, src.get(I32, s + i * srcStep));
        }
      }
      default -> {
        for (long i = 0; i < n; i++) {
          dst.set(I64, d + i * dstStep, src.get(I64, s + i * srcStep));
        }
      }
    }
  }

  /** Writes the index along an axis. */
  static void iota(Tensor out, int axis) {
    long inner = 1;
    for (int i = axis + 1; i < out.rank(); i++) {
      inner *= out.size(i);
    }
    DType d = out.dtype();
    for (long i = 0; i < out.elements(); i++) {
      long index = i / inner % out.size(axis);
      long at = out.offset() + i * d.bytes();
      if (d.isFloat()) {
        Elements.setFloat(d, out.segment(), at, (float) index);
      } else {
        Elements.setLong(d, out.segment(), at, index);
      }
    }
  }

  private static void concat(KernelArgs args, int dim) {
    Tensor out = args.out(0);
    long at = out.offset();
    for (int i = 0; i < args.numOperands(); i++) {
      Tensor x = args.in(i);
      copyBox(x, x.offset(), out, at, x);
      at += x.size(dim) * out.stride(dim) * out.dtype().bytes();
    }
  }

  private static void gather(KernelArgs args, int dim) {
    Tensor x = args.in(0);
    Tensor idx = args.in(1);
    Tensor out = args.out(0);
    long row = rowBytes(x, dim);
    long n = x.size(dim);
    long rows = idx.elements();
    long outer = outer(x, dim);
    for (long o = 0; o < outer; o++) {
      for (long i = 0; i < rows; i++) {
        long at =
            Elements.getLong(idx.dtype(), idx.segment(), idx.offset() + i * idx.dtype().bytes());
        long to = out.offset() + (o * rows + i) * row;
        if (at < 0) {
          zero(out.segment(), to, row);
        } else {
          checkIndex("gather", at, n);
          MemorySegment.copy(x.segment(), x.offset() + (o * n + at) * row, out.segment(), to, row);
        }
      }
    }
  }

  private static void zero(MemorySegment s, long at, long bytes) {
    long i = 0;
    for (; i + 8 <= bytes; i += 8) {
      s.set(I64, at + i, 0);
    }
    for (; i < bytes; i++) {
      s.set(ValueLayout.JAVA_BYTE, at + i, (byte) 0);
    }
  }

  /** Bytes of the axes after {@code dim}. */
  static long rowBytes(Tensor x, int dim) {
    long n = x.dtype().bytes();
    for (int i = dim + 1; i < x.rank(); i++) {
      n *= x.size(i);
    }
    return n;
  }

  static long outer(Tensor x, int dim) {
    long n = 1;
    for (int i = 0; i < dim; i++) {
      n *= x.size(i);
    }
    return n;
  }

  static void checkIndex(String op, long index, long n) {
    if (index >= n) {
      throw new ProgramError(
          op + ": expected indices below " + n + ", got " + index + "; check the index tensor");
    }
  }
}
