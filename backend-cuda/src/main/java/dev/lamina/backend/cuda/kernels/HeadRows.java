package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.spi.ir.CompositeOp.Rope;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;

/** What is done to the heads of many tokens: {@code head_rows.cu}. */
final class HeadRows {
  private static final int THREADS = 256;
  private static final int TOKENS_A_BLOCK = 2;
  private static final int[] WIDTHS = {64, 128, 256};

  private final Gpu gpu;
  private final long[] kernels = new long[WIDTHS.length];

  HeadRows(Gpu gpu) {
    this.gpu = gpu;
    for (int i = 0; i < WIDTHS.length; i++) {
      kernels[i] = gpu.function("head_rows", "turn_rows_" + WIDTHS[i]);
    }
  }

  private static int form(long width) {
    for (int i = 0; i < WIDTHS.length; i++) {
      if (WIDTHS[i] == width) {
        return i;
      }
    }
    return -1;
  }

  /**
   * Whether there is a kernel for heads that turn so.
   *
   * @param width elements of a query's or key's head
   * @param valueWidth of a value's
   */
  boolean fit(Rope rope, long width, long valueWidth) {
    return form(width) >= 0
        && valueWidth == width
        && rope.rotaryDims() == width
        && rope.style() != RopeStyle.INTERLEAVED;
  }

  /** Launches it with the struct that {@link Gpu#params} gave. */
  void launch(long tokens, long width) {
    gpu.launch(kernels[form(width)], Math.ceilDiv(tokens, TOKENS_A_BLOCK), 1, 1, THREADS, 0);
  }
}
