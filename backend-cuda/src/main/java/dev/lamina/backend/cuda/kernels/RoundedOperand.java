package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.spi.ir.DType;

/**
 * An operand rounded to BF16 in scratch memory. Projections that follow each other often share
 * theirs (queries, keys and values; gate and up), so the last one is not rounded again while
 * nothing but its products was launched since.
 *
 * <p>Used by the thread that runs kernels.
 */
final class RoundedOperand {
  /** Rows that are rounded at a time: what lies in scratch memory meanwhile stays small. */
  static final long MAX_ROWS = 2048;

  private final Gpu gpu;
  private final long round;
  private final long roundAny;
  private long from;
  private long elements;
  private DType dtype = DType.F32;
  private long to;
  private long submissions = -1;

  RoundedOperand(Gpu gpu) {
    this.gpu = gpu;
    this.round = gpu.function("rounded", "round_f32");
    this.roundAny = gpu.function("rounded", "to_planes");
  }

  /**
   * Sees to it that the scratch memory at {@code to} holds so many elements in BF16.
   *
   * @param from their device address
   * @param to a multiple of 16
   */
  void put(long from, DType dtype, long n, long to) {
    if (gpu.submissions() == submissions
        && this.from == from
        && this.dtype == dtype
        && elements == n
        && this.to == to) {
      return;
    }
    if (dtype == DType.F32 && n % 8 == 0 && (from & 15) == 0) {
      gpu.params().i64(from).i64(to).i64(n / 8);
      gpu.launchOver(round, n / 8, 256);
    } else {
      Params p = gpu.params().i64(from).i64(to).i64(0).i64(0).i64(n).i64(n);
      p.i32(1).i32(dtype.ordinal());
      gpu.launchOver(roundAny, n, 256);
    }
  }

  /** Says that at {@code to} they lie now: nothing that was launched so far wrote over them. */
  void keep(long from, DType dtype, long n, long to) {
    this.from = from;
    this.dtype = dtype;
    this.elements = n;
    this.to = to;
    submissions = gpu.submissions();
  }
}
