package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.Params;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;

/** Projections, plain and by experts. */
final class LinearKernels {
  private static final int TILE = 64;
  private static final int MAX_GRID_Y = 65535;

  private final Gpu gpu;
  private final BlockTables blocks;
  private final BlasProducts blas;
  private final RoundedOperand rounded;

  LinearKernels(Gpu gpu, BlockTables blocks, BlasProducts blas) {
    this.gpu = gpu;
    this.blocks = blocks;
    this.blas = blas;
    this.rounded = new RoundedOperand(gpu);
  }

  private static boolean isAligned(Tensor t) {
    return (Params.addressOf(t) & 15) == 0;
  }

  Kernel linear(CompositeOp.Linear op, boolean relaxed) {
    return new Linear(op.biased(), relaxed);
  }

  private final class Linear implements Kernel {
    private static final int MAX_GEMV_ROWS = 8;

    /** Rows of w from this length on are read by all warps of a block. */
    private static final int LONG_ROW = 2048;

    private static final int LONG_COLUMNS = 4;
    private static final int SHORT_COLUMNS = 2;

    /** A router's choice hangs on small differences, and so few columns cost nothing. */
    private static final int MAX_EXACT_COLUMNS = 512;

    private final boolean biased;
    private final long any = gpu.function("linear", "linear_any");
    private final long tile = gpu.function("linear", "linear_tile");
    private final long[] bf16 = gemvs("bf16", "");
    private final long[] bf16Short = gemvs("bf16", "_short");
    private final long[] f16 = gemvs("f16", "");
    private final long[] f16Short = gemvs("f16", "_short");

    private final Gemm exact;
    private final Gemm gemm;

    Linear(boolean biased, boolean relaxed) {
      this.biased = biased;
      this.exact = new Gemm(gpu, blas, rounded, false);
      this.gemm = relaxed ? new Gemm(gpu, blas, rounded, true) : exact;
    }

    private static long[] none() {
      return new long[MAX_GEMV_ROWS + 1];
    }

    private long[] gemvs(String dtype, String form) {
      long[] all = none();
      for (int rows = 1; rows <= MAX_GEMV_ROWS; rows *= 2) {
        all[rows] = gpu.function("linear", "gemv_" + dtype + "_" + rows + form);
      }
      return all;
    }

    @Override
    public void run(dev.lamina.backend.sdk.KernelArgs args) {
      Tensor x = args.in(0);
      Tensor w = args.in(1);
      Tensor out = args.out(0);
      long n = w.size(0);
      long k = x.size(x.rank() - 1);
      long m = n == 0 ? 0 : out.elements() / n;
      boolean narrow = w.dtype() == DType.BF16 || w.dtype() == DType.F16;
      boolean streams =
          narrow
              && x.dtype() == DType.F32
              && k % 8 == 0
              && m <= 2 * MAX_GEMV_ROWS
              && isAligned(x)
              && isAligned(w);
      if (streams) {
        boolean isLong = k >= LONG_ROW;
        long[] kernels =
            w.dtype() == DType.BF16 ? (isLong ? bf16 : bf16Short) : (isLong ? f16 : f16Short);
        long blocks = Math.ceilDiv(n, isLong ? LONG_COLUMNS : SHORT_COLUMNS);
        for (long row = 0; row < m; ) {
          int rows = (int) Math.min(MAX_GEMV_ROWS, Long.highestOneBit(m - row));
          params(args, x, w, out, row, rows, n, k);
          gpu.launch(kernels[rows], blocks, 1, 1, isLong ? 256 : 128, 0);
          row += rows;
        }
        return;
      }
      if (m > 2 * MAX_GEMV_ROWS && k % 8 == 0) {
        Gemm by = n <= MAX_EXACT_COLUMNS ? exact : gemm;
        by.run(x, w, blocks.of(w), biased ? args.in(2) : null, out, m, n, k);
        return;
      }
      params(args, x, w, out, 0, m, n, k);
      if (m <= 2 * MAX_GEMV_ROWS) {
        gpu.launch(any, Math.ceilDiv(m * n, 4), 1, 1, 128, 0);
      } else {
        gpu.launch(tile, Math.ceilDiv(n, TILE), Math.ceilDiv(m, TILE), 1, 256, 0);
      }
    }

    private void params(
        dev.lamina.backend.sdk.KernelArgs args,
        Tensor x,
        Tensor w,
        Tensor out,
        long row,
        long rows,
        long n,
        long k) {
      Params p = gpu.params();
      p.i64(Params.addressOf(x) + row * k * x.dtype().bytes()).address(w);
      p.i64(biased ? Params.addressOf(args.in(2)) : 0);
      p.i64(Params.addressOf(out) + row * n * out.dtype().bytes());
      p.i64(blocks.of(w)).i64(rows).i64(n).i64(k);
      p.i32(x.dtype().ordinal()).i32(w.dtype().ordinal());
      p.i32(biased ? args.in(2).dtype().ordinal() : 0).i32(out.dtype().ordinal());
    }
  }

  Kernel experts(CompositeOp.MoeLinear op) {
    long kernel = gpu.function("linear", "moe_linear_any");
    return args -> {
      Tensor x = args.in(0);
      Tensor w = args.in(1);
      Tensor ids = args.in(2);
      Tensor out = args.out(0);
      long choices = ids.size(0) * ids.size(1);
      long n = w.size(1);
      Params p = gpu.params().address(x).address(w).address(ids);
      p.i64(op.biased() ? Params.addressOf(args.in(3)) : 0).address(out).i64(blocks.of(w));
      p.i64(ids.size(0)).i64(w.size(0)).i64(n).i64(x.size(x.rank() - 1));
      p.i32(ids.size(1)).i32(x.rank() == 3 ? 1 : 0);
      p.i32(x.dtype().ordinal()).i32(w.dtype().ordinal());
      p.i32(op.biased() ? args.in(3).dtype().ordinal() : 0).i32(out.dtype().ordinal());
      long y = Math.min(choices, MAX_GRID_Y);
      gpu.launch(kernel, Math.ceilDiv(n, 4), y, Math.ceilDiv(choices, MAX_GRID_Y), 128, 0);
    };
  }
}
