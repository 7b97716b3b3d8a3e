package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.sdk.grid.Projection;
import dev.lamina.backend.sdk.grid.ProjectionJob;

/** Few rows of F32 times weights in blocks. */
final class BlockRows implements FewRows {
  /** Up to so many passes over the weights cost less than writing them as BF16. */
  private static final int MAX_PASSES = 2;

  private final BlockGemv gemv;
  private final BlockProducts products;
  private final boolean relaxed;

  /**
   * Of one format.
   *
   * @param gemv multiplies fewer rows than {@code products} does
   * @param relaxed whether x may be rounded to BF16
   */
  BlockRows(BlockGemv gemv, BlockProducts products, boolean relaxed) {
    this.gemv = gemv;
    this.products = products;
    this.relaxed = relaxed;
  }

  @Override
  public boolean takes(Projection p) {
    return p.m() <= (long) MAX_PASSES * BlockProducts.maxRows(relaxed)
        && products.takes(p.x(), p.w(), p.out());
  }

  @Override
  public void run(Projection p) {
    if (gemv.run(new ProjectionJob(p.x(), false).part(p.w(), p.bias(), p.out()))) {
      return;
    }
    int rows;
    for (long row = 0; row < p.m(); row += rows) {
      rows = (int) Math.min(p.m() - row, BlockProducts.maxRows(relaxed));
      products.run(p, row, rows, relaxed);
    }
  }
}
