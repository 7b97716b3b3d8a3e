package dev.lamina.backend.opencl;

import dev.lamina.backend.sdk.grid.GeneralProducts;
import dev.lamina.backend.sdk.grid.Projection;
import dev.lamina.backend.sdk.grid.ProjectionGroups;
import dev.lamina.backend.sdk.grid.ProjectionJob;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;

/**
 * Projections: few rows by weights of 16 bits that are read once, with what comes before and after
 * them; all others by the general kernels.
 */
final class OpenClProducts implements ProjectionGroups.Runner {
  /** Rows up to which weights are read row by row. */
  private static final int FEW_ROWS = 16;

  /** Rows of a launch, a power of two. */
  private static final int ROWS_A_LAUNCH = 8;

  /**
   * Columns that a group makes at least, of which a gate has half: as many as products.cl takes at
   * once in groups of many work-items.
   */
  private static final int COLUMNS = 4;

  private static final int GATED_COLUMNS = 2 * COLUMNS;

  private final OpenClGrid grid;
  private final GeneralProducts general;
  private final long[] bf16 = new long[ROWS_A_LAUNCH + 1];
  private final long[] f16 = new long[ROWS_A_LAUNCH + 1];

  /**
   * Loads the kernels.
   *
   * @param grid where they run
   * @param general takes what is left
   */
  OpenClProducts(OpenClGrid grid, GeneralProducts general) {
    this.grid = grid;
    this.general = general;
    for (int rows = 1; rows <= ROWS_A_LAUNCH; rows *= 2) {
      bf16[rows] = grid.function("products", "group_bf16_" + rows);
      f16[rows] = grid.function("products", "group_f16_" + rows);
    }
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
    int most = rowsALaunch(job.k());
    if (most == 0) {
      return false;
    }
    job.launchRows(most, (row, rows) -> launch(job, row, rows));
    return true;
  }

  /**
   * Rows of a launch at most: on a host's thread they lie in local memory, which other uses share.
   */
  private int rowsALaunch(long k) {
    long room = grid.hasSingles() ? grid.localBytes() / 2 / (Float.BYTES * k) : ROWS_A_LAUNCH;
    return (int) Math.min(ROWS_A_LAUNCH, Long.highestOneBit(room));
  }

  private void launch(ProjectionJob job, long row, int rows) {
    int columns = grid.share(job.blocks(1), job.gated() == null ? COLUMNS : GATED_COLUMNS);
    job.params(grid.params(), row, columns, columns);
    boolean isBf16 = job.parts().getFirst().weight().dtype() == DType.BF16;
    int shared = grid.hasSingles() ? Math.toIntExact(Float.BYTES * rows * job.k()) : 0;
    grid.launch((isBf16 ? bf16 : f16)[rows], job.blocks(columns), 1, 1, 1, shared);
  }

  /** Multiplies. */
  void run(Projection p) {
    if (!run(new ProjectionJob(p.x(), true).part(p.w(), p.bias(), p.out()), false)) {
      general.run(p);
    }
  }
}
