package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.Params;

/** Projections of any operands at any alignment: what no faster kernel takes. */
final class GeneralProducts {
  private static final int TILE = 64;

  /** Up to so many rows a warp makes each element by itself. */
  private static final int MAX_WARP_ROWS = 16;

  private final Gpu gpu;
  private final BlockTables blocks;
  private final long any;
  private final long tile;

  GeneralProducts(Gpu gpu, BlockTables blocks) {
    this.gpu = gpu;
    this.blocks = blocks;
    any = gpu.function("linear", "linear_any");
    tile = gpu.function("linear", "linear_tile");
  }

  void run(Projection p) {
    if (p.m() <= MAX_WARP_ROWS) {
      runEach(p);
    } else {
      params(gpu, p, blocks.of(p.w()), 0, p.m());
      gpu.launch(tile, Math.ceilDiv(p.n(), TILE), Math.ceilDiv(p.m(), TILE), 1, 256, 0);
    }
  }

  /** A warp for each element, however many there are. */
  void runEach(Projection p) {
    params(gpu, p, blocks.of(p.w()), 0, p.m());
    gpu.launch(any, Math.ceilDiv(p.m() * p.n(), 4), 1, 1, 128, 0);
  }

  /** Writes the struct of {@code linear.cu} for some rows of x. */
  static void params(Gpu gpu, Projection p, long format, long row, long rows) {
    Params to = gpu.params().i64(p.xAt(row)).address(p.w()).i64(p.biasAddress()).i64(p.outAt(row));
    to.i64(format).i64(rows).i64(p.n()).i64(p.k());
    to.i32(p.x().dtype().ordinal()).i32(p.w().dtype().ordinal());
    to.i32(p.biasDtype()).i32(p.out().dtype().ordinal());
  }
}
