package dev.lamina.backend.vulkan;

import dev.lamina.backend.sdk.grid.GeneralProducts;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.Projection;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;

/**
 * Projections: few rows by weights of 16 bits that are read once, many in BF16 by cooperative
 * matrices where the device has them, and all others by the general kernels.
 */
final class VulkanProducts {
  /** Rows up to which weights are read once for all of them. */
  private static final int FEW_ROWS = 8;

  /**
   * Threads of a workgroup, and weight rows of a subgroup, of the kernels for 1, 2, 4 and 8 rows.
   */
  private static final int THREADS = 256;

  private static final int[] WEIGHT_ROWS = {2, 2, 2, 1};

  /** Elements of a side of a workgroup's tile, and of the part of k that it takes at a time. */
  private static final int TILE = 128;

  private static final int TILE_K = 32;

  private final VulkanGpu gpu;
  private final GeneralProducts general;
  private final long[] few = new long[4];
  private final long tile;

  /**
   * Loads the kernels.
   *
   * @param gpu where they run
   * @param general takes what is left
   */
  VulkanProducts(VulkanGpu gpu, GeneralProducts general) {
    this.gpu = gpu;
    this.general = general;
    for (int i = 0; i < few.length; i++) {
      few[i] = gpu.function("products", "rows_" + (1 << i));
    }
    tile = gpu.facts().hasBf16Tiles() ? gpu.function("products", "tile_bf16") : 0;
  }

  /** Multiplies. */
  void run(Projection p) {
    DType w = p.w().dtype();
    boolean plain = p.w().layout() instanceof Layout.Dense && p.k() % 8 == 0;
    boolean aligned = Params.isAligned(p.x(), 16) && Params.isAligned(p.w(), 16);
    if (plain && aligned && p.m() <= FEW_ROWS && (w == DType.BF16 || w == DType.F16)) {
      int i = p.m() <= 1 ? 0 : Long.SIZE - Long.numberOfLeadingZeros(p.m() - 1);
      GeneralProducts.params(gpu, p, 0, 0, p.m());
      long rows = (long) WEIGHT_ROWS[i] * (THREADS / gpu.facts().subgroupSize());
      gpu.launch(few[i], Math.ceilDiv(p.n(), rows), 1, 1, THREADS, 0);
    } else if (tile != 0
        && plain
        && aligned
        && p.k() % TILE_K == 0
        && w == DType.BF16
        && p.x().dtype() == DType.BF16) {
      GeneralProducts.params(gpu, p, 0, 0, p.m());
      gpu.launch(tile, Math.ceilDiv(p.n(), TILE), Math.ceilDiv(p.m(), TILE), 1, THREADS, 0);
    } else {
      general.run(p);
    }
  }
}
