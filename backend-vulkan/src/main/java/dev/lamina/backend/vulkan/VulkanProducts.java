package dev.lamina.backend.vulkan;

import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.GeneralProducts;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.Projection;
import dev.lamina.backend.vulkan.CommandStream.Reach;
import dev.lamina.backend.vulkan.CommandStream.Span;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import java.util.ArrayList;
import java.util.List;

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
      gpu.launch(few[i], Math.ceilDiv(p.n(), rows), 1, 1, 0, reach(p));
    } else if (tile != 0
        && plain
        && aligned
        && p.k() % TILE_K == 0
        && w == DType.BF16
        && p.x().dtype() == DType.BF16) {
      GeneralProducts.params(gpu, p, 0, 0, p.m());
      long x = Math.ceilDiv(p.n(), TILE);
      gpu.launch(tile, x, Math.ceilDiv(p.m(), TILE), 1, 0, reach(p));
    } else {
      general.run(p);
    }
  }

  private static Reach reach(Projection p) {
    List<Span> reads = new ArrayList<>(3);
    reads.add(new Span(p.xAt(0), p.xAt(p.m())));
    reads.add(span(p.w()));
    if (p.bias() != null) {
      reads.add(span(p.bias()));
    }
    return new Reach(reads, new Span(p.outAt(0), p.outAt(p.m())));
  }

  private static Span span(Tensor t) {
    long from = Params.addressOf(t);
    return new Span(from, from + t.elements() * t.dtype().bytes());
  }
}
