package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CompositeOp;

/** Projections of any operands at any alignment: what no faster kernel takes. */
public final class GeneralProducts {
  private static final int TILE = 64;
  private static final int MAX_GRID_Y = 65535;

  /** Up to so many rows a warp makes each element by itself. */
  private static final int MAX_WARP_ROWS = 16;

  private final GridDevice grid;
  private final BlockTables blocks;
  private final long any;
  private final long tile;
  private final long anyExperts;

  /**
   * Loads the kernels.
   *
   * @param grid where they run
   * @param blocks describes formats
   */
  public GeneralProducts(GridDevice grid, BlockTables blocks) {
    this.grid = grid;
    this.blocks = blocks;
    any = grid.function("linear", "linear_any");
    tile = grid.function("linear", "linear_tile");
    anyExperts = grid.function("linear", "moe_linear_any");
  }

  /** Multiplies as a node says. */
  public void run(KernelArgs args, CompositeOp.Linear op) {
    run(Projection.of(args, op.biased()));
  }

  /** Multiplies as a node says. */
  public void run(KernelArgs args, CompositeOp.MoeLinear op) {
    run(ExpertProjection.of(args, op.biased()));
  }

  /** Multiplies. */
  public void run(Projection p) {
    if (p.m() <= MAX_WARP_ROWS) {
      runEach(p);
    } else {
      params(grid, p, blocks.of(p.w()));
      grid.launch(tile, Math.ceilDiv(p.n(), TILE), Math.ceilDiv(p.m(), TILE), 1, 256, 0);
    }
  }

  /** A warp for each element, however many there are. */
  public void runEach(Projection p) {
    params(grid, p, blocks.of(p.w()));
    grid.launch(any, Math.ceilDiv(p.m() * p.n(), 4), 1, 1, 128, 0);
  }

  /** Multiplies by experts: a warp for each element of the result. */
  public void run(ExpertProjection e) {
    Params p = grid.params().address(e.x()).address(e.w()).address(e.ids());
    p.address(e.biasAddress()).address(e.out()).address(blocks.of(e.w()));
    p.i64(e.tokens()).i64(e.experts()).i64(e.n()).i64(e.k());
    p.i32(e.choices()).i32(e.hasOwnRows() ? 1 : 0);
    p.i32(e.x().dtype().ordinal()).i32(e.w().dtype().ordinal());
    p.i32(e.biasDtype()).i32(e.out().dtype().ordinal());
    long y = Math.min(e.products(), MAX_GRID_Y);
    long z = Math.ceilDiv(e.products(), MAX_GRID_Y);
    grid.launch(anyExperts, Math.ceilDiv(e.n(), 4), y, z, 128, 0);
  }

  private static void params(GridDevice grid, Projection p, long format) {
    Params to = grid.params().address(p.x()).address(p.w()).address(p.biasAddress());
    to.address(p.out()).address(format).i64(p.m()).i64(p.n()).i64(p.k());
    to.i32(p.x().dtype().ordinal()).i32(p.w().dtype().ordinal());
    to.i32(p.biasDtype()).i32(p.out().dtype().ordinal());
  }
}
