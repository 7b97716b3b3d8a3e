package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.Params;
import dev.lamina.spi.ir.DType;

/** Few rows of F32 times weights in BF16 or F16, which are read once for up to eight rows. */
final class PlainRows implements FewRows {
  private static final int MAX_ROWS = 8;

  /** Rows of w from this length on are read by all warps of a block. */
  private static final int LONG_ROW = 2048;

  private static final int LONG_COLUMNS = 4;
  private static final int SHORT_COLUMNS = 2;

  private final Gpu gpu;
  private final long[] bf16;
  private final long[] bf16Short;
  private final long[] f16;
  private final long[] f16Short;

  PlainRows(Gpu gpu) {
    this.gpu = gpu;
    bf16 = kernels("bf16", "");
    bf16Short = kernels("bf16", "_short");
    f16 = kernels("f16", "");
    f16Short = kernels("f16", "_short");
  }

  private long[] kernels(String dtype, String form) {
    long[] all = new long[MAX_ROWS + 1];
    for (int rows = 1; rows <= MAX_ROWS; rows *= 2) {
      all[rows] = gpu.function("linear", "gemv_" + dtype + "_" + rows + form);
    }
    return all;
  }

  @Override
  public boolean takes(Projection p) {
    return p.m() <= 2 * MAX_ROWS
        && p.k() % 8 == 0
        && p.x().dtype() == DType.F32
        && (p.w().dtype() == DType.BF16 || p.w().dtype() == DType.F16)
        && Params.isAligned(p.x(), 16)
        && Params.isAligned(p.w(), 16);
  }

  @Override
  public void run(Projection p) {
    boolean isLong = p.k() >= LONG_ROW;
    boolean isBf16 = p.w().dtype() == DType.BF16;
    long[] kernels = isBf16 ? (isLong ? bf16 : bf16Short) : (isLong ? f16 : f16Short);
    long blocks = Math.ceilDiv(p.n(), isLong ? LONG_COLUMNS : SHORT_COLUMNS);
    for (long row = 0; row < p.m(); ) {
      int rows = (int) Math.min(MAX_ROWS, Long.highestOneBit(p.m() - row));
      GeneralProducts.params(gpu, p, 0, row, rows);
      gpu.launch(kernels[rows], blocks, 1, 1, isLong ? 256 : 128, 0);
      row += rows;
    }
  }
}
