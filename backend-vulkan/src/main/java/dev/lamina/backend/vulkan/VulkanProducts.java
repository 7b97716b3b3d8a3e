package dev.lamina.backend.vulkan;

import dev.lamina.backend.sdk.grid.GeneralProducts;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.Projection;
import dev.lamina.backend.sdk.grid.ProjectionGroups;
import dev.lamina.backend.sdk.grid.ProjectionJob;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.TensorType;

/**
 * Projections: few rows by weights of 16 bits that are read once, with what comes before and after
 * them; many in BF16 by cooperative matrices where the device has them and operands may be rounded;
 * all others by the general kernels.
 */
final class VulkanProducts implements ProjectionGroups.Runner {
  /** Rows up to which weights are read row group by row group. */
  private static final int FEW_ROWS = 16;

  /** Rows of a launch, a power of two. */
  private static final int ROWS_A_LAUNCH = 8;

  /** As in products.comp: warps of a workgroup, and columns that a group of them multiplies. */
  private static final int WARPS = 8;

  private static final int THREADS = 256;
  private static final int COLUMNS_OF_ONE_ROW = 8;
  private static final int COLUMNS = 4;

  /** Elements of a weight that a thread loads at once. */
  private static final int UNIT = 8;

  /** Elements of a side of a workgroup's tile, and of the part of k that it takes at a time. */
  private static final int TILE = 128;

  private static final int TILE_K = 32;
  private static final int TILE_THREADS = 128;

  /** Rows whose rounded operand lies in scratch memory at a time. */
  private static final int ROUNDED_ROWS = 8192;

  /** Bytes of results that tiles spill at a time, unless one row of tiles has more. */
  private static final long SPILLED_BYTES = 256 << 20;

  /** Routers are not rounded. */
  private static final int MAX_EXACT_COLUMNS = 512;

  private final VulkanGpu gpu;
  private final GeneralProducts general;
  private final long[] bf16 = new long[ROWS_A_LAUNCH + 1];
  private final long[] f16 = new long[ROWS_A_LAUNCH + 1];
  private final long round;
  private final long tile;
  private final long settle;

  /**
   * Loads the kernels.
   *
   * @param gpu where they run
   * @param general takes what is left
   */
  VulkanProducts(VulkanGpu gpu, GeneralProducts general) {
    this.gpu = gpu;
    this.general = general;
    for (int rows = 1; rows <= ROWS_A_LAUNCH; rows *= 2) {
      bf16[rows] = gpu.function("products", "group_bf16_" + rows);
      f16[rows] = gpu.function("products", "group_f16_" + rows);
    }
    round = gpu.function("products", "round_rows");
    settle = gpu.function("products", "settle_tiles");
    tile = gpu.facts().hasBf16Tiles() ? gpu.function("products", "tile_bf16") : 0;
  }

  @Override
  public boolean takes(TensorType w) {
    return w.isDense() && (w.dtype() == DType.BF16 || w.dtype() == DType.F16);
  }

  @Override
  public boolean run(ProjectionJob job, boolean relaxed) {
    if (!job.isPlain() || job.rows() > FEW_ROWS) {
      return false;
    }
    job.launchRows(ROWS_A_LAUNCH, (row, rows) -> launch(job, row, rows));
    return true;
  }

  private void launch(ProjectionJob job, long row, int rows) {
    int split = 1;
    while (split < WARPS && split * 32L * UNIT < job.k()) {
      split *= 2;
    }
    int columns = (rows == 1 ? COLUMNS_OF_ONE_ROW : COLUMNS) * WARPS / split;
    job.params(gpu.params(), row, split, columns);
    boolean isBf16 = job.parts().getFirst().weight().dtype() == DType.BF16;
    gpu.launch((isBf16 ? bf16 : f16)[rows], job.blocks(columns), 1, 1, THREADS, 0);
  }

  /**
   * Multiplies.
   *
   * @param relaxed whether operands may be rounded
   */
  void run(Projection p, boolean relaxed) {
    if (relaxed && fitsTiles(p)) {
      long rows = rowsAtOnce(p);
      for (long m = 0; m < p.m(); m += rows) {
        tiles(p, m, Math.min(rows, p.m() - m));
      }
    } else if (!run(new ProjectionJob(p.x(), true).part(p.w(), p.bias(), p.out()), relaxed)) {
      general.run(p);
    }
  }

  private boolean fitsTiles(Projection p) {
    return tile != 0
        && p.w().layout() instanceof Layout.Dense
        && p.w().dtype() == DType.BF16
        && p.m() > FEW_ROWS
        && p.n() > MAX_EXACT_COLUMNS
        && p.k() % TILE_K == 0
        && Params.isAligned(p.x(), 16)
        && Params.isAligned(p.w(), 16);
  }

  /** Whether whole tiles are what is wanted; matrices are written to multiples of 16 bytes. */
  private static boolean isPlain(Projection p) {
    return p.biasAddress() == 0
        && p.out().dtype() == DType.F32
        && Params.isAligned(p.out(), 16)
        && p.n() % TILE == 0;
  }

  private static long rowsAtOnce(Projection p) {
    long whole = SPILLED_BYTES / (Float.BYTES * padded(p.n())) / TILE * TILE;
    return isPlain(p) ? ROUNDED_ROWS : Math.clamp(whole, TILE, ROUNDED_ROWS);
  }

  private static long padded(long size) {
    return Math.ceilDiv(size, TILE) * TILE;
  }

  private void tiles(Projection p, long from, long m) {
    boolean rounds = p.x().dtype() != DType.BF16;
    long roundedBytes = rounds ? 2 * padded(m) * p.k() : 0;
    long spillFrom = isPlain(p) ? m / TILE * TILE : 0;
    long width = padded(p.n());
    long scratch = gpu.scratch(roundedBytes + Float.BYTES * (padded(m) - spillFrom) * width);
    long x = rounds ? scratch : p.xAt(from);
    if (rounds) {
      long units = m * p.k() / UNIT;
      gpu.params().address(p.xAt(from)).address(x).i64(units).i32(p.x().dtype().ordinal());
      gpu.launchOver(round, units, THREADS);
    }
    long spill = scratch + roundedBytes;
    Params to = gpu.params().address(x).address(p.w()).address(p.outAt(from)).address(spill);
    to.i64(m).i64(p.n()).i64(p.k()).i64(spillFrom).i64(width);
    gpu.launch(tile, width / TILE, Math.ceilDiv(m, TILE), 1, TILE_THREADS, 0);
    if (spillFrom < m) {
      settle(p, from + spillFrom, m - spillFrom, spill);
    }
  }

  private void settle(Projection p, long from, long rows, long spill) {
    Params to = gpu.params().address(spill).address(p.biasAddress()).address(p.outAt(from));
    to.i64(rows).i64(p.n()).i64(padded(p.n())).i32(p.biasDtype()).i32(p.out().dtype().ordinal());
    gpu.launchOver(settle, rows * p.n(), THREADS);
  }
}
