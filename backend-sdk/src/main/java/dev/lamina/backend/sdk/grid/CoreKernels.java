package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.Movement;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.Support.Numerics;
import dev.lamina.spi.Support.Perf;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;

/** Core ops of any dtypes: concat, gather, scatter, reduce, scan and matmul. */
final class CoreKernels {
  private static final int FOLD_THREADS = 128;
  private static final int TILE = 32;
  private static final int ARGMAX_THREADS = 512;

  private final GridDevice grid;
  private final Movement movement;
  private final SamplingKernels sampling;

  CoreKernels(GridDevice grid, Movement movement, SamplingKernels sampling) {
    this.grid = grid;
    this.sampling = sampling;
    this.movement = movement;
  }

  KernelChoice choose(CoreOp op) {
    return switch (op) {
      case CoreOp.Concat o ->
          KernelChoice.strided("concat", Perf.OK, Numerics.EXACT, node -> args -> concat(o, args));
      case CoreOp.Gather o ->
          KernelChoice.dense("gather", Perf.OK, Numerics.EXACT, node -> gather(o));
      case CoreOp.Scatter o ->
          KernelChoice.dense(
              "scatter",
              Perf.OK,
              o.kind() == CoreOp.ScatterKind.SET ? Numerics.EXACT : Numerics.STRICT,
              node -> o.kind() == CoreOp.ScatterKind.SET ? set(o) : add(o));
      case CoreOp.Reduce o ->
          KernelChoice.dense("fold", Perf.OK, Numerics.STRICT, node -> reduce(o));
      case CoreOp.Argmax o ->
          KernelChoice.dense("argmax", Perf.OK, Numerics.EXACT, node -> argmax(o));
      case CoreOp.Topk o -> KernelChoice.dense("topk", Perf.OK, Numerics.EXACT, node -> topk(o));
      case CoreOp.Scan o -> KernelChoice.dense("scan", Perf.OK, Numerics.STRICT, node -> scan(o));
      case CoreOp.Matmul o ->
          KernelChoice.dense("matmul", Perf.OK, Numerics.STRICT, node -> matmul(o));
      default -> throw new IllegalArgumentException("cuda kernels: no kernel of " + op.mnemonic());
    };
  }

  private void concat(CoreOp.Concat op, KernelArgs args) {
    Tensor out = args.out(0);
    long[] sizes = new long[out.rank()];
    long[] strides = new long[out.rank()];
    long at = out.offset();
    for (int i = 0; i < args.numOperands(); i++) {
      Tensor x = args.in(i);
      for (int axis = 0; axis < sizes.length; axis++) {
        sizes[axis] = x.size(axis);
        strides[axis] = out.stride(axis);
      }
      Tensor part = new Tensor(out.dtype(), out.layout(), out.rank());
      part.shape(sizes, strides);
      part.bind(out.segment(), at);
      movement.copy(x, part);
      at += x.size(op.dim()) * out.stride(op.dim()) * out.dtype().bytes();
    }
  }

  private static long product(Tensor t, int from, int to) {
    long n = 1;
    for (int i = from; i < to; i++) {
      n *= t.size(i);
    }
    return n;
  }

  /** The widest unit that divides rows and addresses. */
  private static int unit(long rowBytes, long addresses) {
    long all = rowBytes | addresses;
    return (int) Math.min(16, Long.lowestOneBit(all));
  }

  private Kernel gather(CoreOp.Gather op) {
    long kernel = grid.function("move", "gather_rows");
    return args -> {
      Tensor x = args.in(0);
      Tensor out = args.out(0);
      rows(kernel, args, x, out, x, op.dim(), args.in(1), GridDevice.Checked.GATHER);
    };
  }

  /** Launches gather or scatter of whole rows; {@code indexed} has the axis that is indexed. */
  private void rows(
      long kernel,
      KernelArgs args,
      Tensor from,
      Tensor to,
      Tensor indexed,
      int dim,
      Tensor index,
      GridDevice.Checked op) {
    long rowBytes = product(indexed, dim + 1, indexed.rank()) * indexed.dtype().bytes();
    int unit = unit(rowBytes, Params.addressOf(from) | Params.addressOf(to));
    long outer = product(indexed, 0, dim);
    long row = rowBytes / unit;
    long count = index.elements();
    Params p = grid.params().address(from).address(index).address(to);
    p.i64(outer).i64(indexed.size(dim)).i64(count).i64(row);
    grid.fault(p, args.debug(), op).i32(index.dtype().ordinal()).i32(unit);
    grid.launchOver(kernel, outer * count * row, 256);
  }

  private Kernel set(CoreOp.Scatter op) {
    long kernel = grid.function("move", "scatter_rows");
    DistinctIndices distinct = new DistinctIndices(grid, GridDevice.Checked.SCATTER);
    return args -> {
      Tensor out = args.out(0);
      movement.copy(args.in(0), out);
      distinct.check(args, args.in(1), out.size(op.dim()));
      rows(kernel, args, args.in(2), out, out, op.dim(), args.in(1), GridDevice.Checked.SCATTER);
    };
  }

  private Kernel add(CoreOp.Scatter op) {
    long kernel = grid.function("move", "scatter_add");
    return args -> {
      Tensor out = args.out(0);
      Tensor index = args.in(1);
      movement.copy(args.in(0), out);
      DType d = out.dtype();
      boolean narrow = d.isFloat() && d != DType.F32;
      long sums = narrow && out.elements() > 0 ? grid.scratch(4 * out.elements()) : 0;
      long outer = product(out, 0, op.dim());
      long row = product(out, op.dim() + 1, out.rank());
      Params p = grid.params().address(args.in(2)).address(index).address(out).address(sums);
      p.i64(outer).i64(out.size(op.dim())).i64(index.elements()).i64(row);
      grid.fault(p, args.debug(), GridDevice.Checked.SCATTER);
      p.i32(index.dtype().ordinal()).i32(d.ordinal());
      grid.launchOver(kernel, outer * row, 128);
    };
  }

  private Kernel reduce(CoreOp.Reduce op) {
    long block = grid.function("fold", "fold_block");
    long thread = grid.function("fold", "fold_thread");
    return args -> {
      Tensor x = args.in(0);
      long n = 1;
      long folded = 1;
      int kept = 0;
      for (int i = 0; i < x.rank(); i++) {
        if (op.dims().contains(i)) {
          folded *= x.size(i);
        } else {
          n *= x.size(i);
          kept++;
        }
      }
      Params p = grid.params().address(x).address(args.out(0)).i64(n).i64(folded);
      axes(p, op, x, false, false);
      axes(p, op, x, false, true);
      axes(p, op, x, true, false);
      axes(p, op, x, true, true);
      p.i32(kept).i32(x.rank() - kept).i32(op.kind().ordinal()).i32(x.dtype().ordinal());
      if (folded >= FOLD_THREADS / 2) {
        grid.launch(block, Math.min(n, 1 << 20), 1, 1, FOLD_THREADS, 0);
      } else {
        grid.launchOver(thread, n, 128);
      }
    };
  }

  /** Appends sizes or strides of the axes that are folded, or of the others. */
  private static void axes(Params p, CoreOp.Reduce op, Tensor x, boolean folded, boolean strides) {
    int written = 0;
    for (int i = 0; i < x.rank(); i++) {
      if (op.dims().contains(i) == folded) {
        p.i64(strides ? x.stride(i) : x.size(i));
        written++;
      }
    }
    for (; written < Params.MAX_RANK; written++) {
      p.i64(strides ? 0 : 1);
    }
  }

  private Kernel scan(CoreOp.Scan op) {
    long kernel = grid.function("fold", "scan");
    return args -> {
      Tensor x = args.in(0);
      long outer = product(x, 0, op.dim());
      long inner = product(x, op.dim() + 1, x.rank());
      Params p = grid.params().address(x).address(args.out(0));
      p.i64(outer).i64(x.size(op.dim())).i64(inner);
      p.i32(op.kind().ordinal()).i32(op.exclusive() ? 1 : 0).i32(x.dtype().ordinal());
      grid.launch(kernel, Math.min(outer * inner, 1 << 20), 1, 1, 128, 0);
    };
  }

  private Kernel argmax(CoreOp.Argmax op) {
    long kernel = grid.function("fold", "pick");
    long ofRows = grid.function("fold", "argmax_rows");
    return args -> {
      Tensor x = args.in(0);
      boolean isLast = op.dim() == x.rank() - 1;
      long length = x.size(op.dim());
      if (isLast && x.dtype() == DType.F32 && length > 0 && length <= Integer.MAX_VALUE) {
        boolean quads = length % 4 == 0 && (Params.addressOf(x) & 15) == 0;
        grid.params().address(x).address(args.out(0)).i64(length).i32(quads ? 1 : 0);
        grid.launch(ofRows, product(x, 0, op.dim()), 1, 1, ARGMAX_THREADS, 0);
      } else {
        pick(kernel, x, op.dim(), 1, 0, args.out(0));
      }
    };
  }

  private Kernel topk(CoreOp.Topk op) {
    long kernel = grid.function("fold", "pick");
    Kernel rows = sampling.topRows(op.k());
    return args -> {
      Tensor x = args.in(0);
      if (op.dim() == x.rank() - 1 && x.dtype().isFloat()) {
        rows.run(args);
      } else {
        pick(kernel, x, op.dim(), op.k(), Params.addressOf(args.out(0)), args.out(1));
      }
    };
  }

  private void pick(long kernel, Tensor x, int dim, long k, long values, Tensor indices) {
    long outer = product(x, 0, dim);
    long inner = product(x, dim + 1, x.rank());
    Params p = grid.params().address(x).address(values).address(indices);
    p.i64(outer).i64(x.size(dim)).i64(inner).i64(k).i32(x.dtype().ordinal());
    grid.launch(kernel, k == 0 ? 0 : Math.min(outer * inner, 1 << 20), 1, 1, 256, 0);
  }

  private Kernel matmul(CoreOp.Matmul op) {
    long kernel = grid.function("fold", "matmul");
    return args -> {
      Tensor a = args.in(0);
      Tensor b = args.in(1);
      Tensor out = args.out(0);
      int rank = out.rank();
      long m = out.size(rank - 2);
      long n = out.size(rank - 1);
      long batch = product(out, 0, rank - 2);
      // The grid's third axis holds 65535 at most.
      for (long from = 0; from < batch; from += 32768) {
        long k = a.size(rank - 1);
        long now = Math.min(32768, batch - from);
        Params p = grid.params();
        p.address(Params.addressOf(a) + from * m * k * a.dtype().bytes());
        p.address(Params.addressOf(b) + from * n * k * b.dtype().bytes());
        p.address(Params.addressOf(out) + from * m * n * out.dtype().bytes());
        p.i64(m).i64(n).i64(k).i32(a.dtype().ordinal()).i32(b.dtype().ordinal());
        p.i32(out.dtype().ordinal()).i32(op.transposeB() ? 1 : 0);
        grid.launch(kernel, (n + TILE - 1) / TILE, (m + TILE - 1) / TILE, now, 256, 0);
      }
    };
  }
}
