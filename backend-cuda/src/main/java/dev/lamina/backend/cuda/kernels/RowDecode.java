package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.grid.GeneralAttention;
import dev.lamina.spi.ir.DType;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The kernel for a decode step of one row that norms and turns heads, appends and attends at once.
 * A block has one query head, so keys and values are read once a query head, mostly from the L2
 * cache: where positions are many, {@link AttentionTiles} read less.
 *
 * @param kernel its handle
 * @param sharedBytes dynamic shared memory of a block
 * @param positions that a block takes in one turn
 * @param arrived device address of the counters of blocks that are done
 */
record RowDecode(long kernel, int sharedBytes, int positions, long arrived) {
  static final int THREADS = 256;

  /** Positions up to which it is used. */
  static final int MAX_POSITIONS = 8192;

  /** Turns that one block takes before others share them, as ROW_TURNS of the kernel. */
  static final int TURNS = 4;

  private static final int[] WIDTHS = {64, 128, 256};
  private static final int WARPS = THREADS / 32;

  /** Elements of all rows that a block reads at once, eight a thread, eight times. */
  private static final int TURN_ELEMENTS = THREADS * 8 * 8;

  /**
   * The kernel for a pool.
   *
   * @param dtype of keys and values, BF16 or F16
   * @param keyWidth elements of a head's key
   * @param valueWidth elements of a head's value
   * @return the kernel, or null if this GPU has no room for its blocks
   */
  static @Nullable RowDecode of(Gpu gpu, DType dtype, long keyWidth, long valueWidth) {
    long most = Math.max(keyWidth, valueWidth);
    for (int width : WIDTHS) {
      int shared = sharedBytes(width);
      if (most <= width && shared <= gpu.maxSharedBytes()) {
        String name = "row_decode_" + dtype.name().toLowerCase(Locale.ROOT) + "_" + width;
        long kernel = gpu.function("attention_row", name, shared);
        return new RowDecode(kernel, shared, TURN_ELEMENTS / width, gpu.counters());
      }
    }
    return null;
  }

  /**
   * The query, factors of two norms, the warps' sums, peaks and totals, and the row's own key and
   * value; or what plain loops over a row take, who come after them.
   */
  private static int sharedBytes(int width) {
    int floats = width + 2 * width + WARPS * (width + 2);
    int own = Float.BYTES * floats + 2 * Short.BYTES * width;
    return Math.max(own, GeneralAttention.plainBytes(width, THREADS));
  }
}
