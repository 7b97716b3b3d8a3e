package dev.lamina.backend.vulkan;

import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.grid.GeneralAttention;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.StateKernels.Entry;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.ValueType;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Attention whose loads are of 16 bytes, where keys and values are both F32, F16 or BF16 and widths
 * are multiples of 8 elements and at most 256; by the general kernel elsewhere. A row's sums are
 * added in an order that hangs on its positions alone.
 */
final class VulkanAttention extends GeneralAttention {
  private static final int THREADS = 256;
  private static final int MAX_GRID_Y = 65535;

  /** Widths up to which kernels are named eights, and up to which wide. */
  private static final int EIGHTS_WIDTH = 128;

  private static final int WIDE_WIDTH = 256;

  /** Most heads of a block. */
  static final int MAX_HEADS = 4;

  /** Blocks that a device is busy with: heads share a block only where so many are left. */
  private static final long BUSY_BLOCKS = 512;

  /** What keys and values may be stored as. */
  private static final Set<DType> STORED = EnumSet.of(DType.F32, DType.F16, DType.BF16);

  private final VulkanGpu gpu;
  private final int maxHeads;

  /** Kernels by the heads of a block; none where these keys and values have none. */
  private final Map<Integer, Long> eights = new HashMap<>();

  /**
   * Loads the kernels.
   *
   * @param gpu where they run
   * @param op what
   * @param pool the pool's type
   * @param maxHeads most heads of a block, a power of two up to {@link #MAX_HEADS}: more than one
   *     hang on the number of rows
   */
  VulkanAttention(VulkanGpu gpu, CompositeOp.PagedAttention op, ValueType pool, int maxHeads) {
    super(gpu, op, pool);
    this.gpu = gpu;
    DType stored = specOf(pool).entry("k", op.layer()).dtype();
    boolean isWide = Math.max(keyWidth, valueWidth) > EIGHTS_WIDTH;
    this.maxHeads = isWide ? 1 : maxHeads;
    if (!STORED.contains(stored) || specOf(pool).entry("v", op.layer()).dtype() != stored) {
      return;
    }
    String name = (isWide ? "wide_" : "eights_") + stored.name().toLowerCase(Locale.ROOT);
    for (int together = 1; together <= this.maxHeads; together *= 2) {
      String kernel = together == 1 ? name : name + "_" + together;
      eights.put(together, gpu.function("attention", kernel));
    }
  }

  @Override
  protected void run(KernelArgs args, Entry keys, Entry values) {
    int together = headsTogether();
    Long kernel = eights.get(together);
    if (kernel == null || !hasEights(args, keys, values)) {
      super.run(args, keys, values);
      return;
    }
    append(gpu.params(), args, keys, values);
    long z = Math.ceilDiv(tokens, MAX_GRID_Y);
    gpu.launch(kernel, heads / together, Math.min(tokens, MAX_GRID_Y), z, THREADS, 0);
  }

  /** Heads of a block, which share keys and values. */
  private int headsTogether() {
    int together = maxHeads;
    while (together > 1
        && (heads / kvHeads % together != 0 || tokens * heads / together < BUSY_BLOCKS)) {
      together /= 2;
    }
    return together;
  }

  private boolean hasEights(KernelArgs args, Entry keys, Entry values) {
    long addresses = Params.addressOf(args.in(0)) | keys.address() | values.address();
    long widths = keyWidth | valueWidth | keys.width() | values.width();
    return (addresses & 15) == 0
        && (widths & 7) == 0
        && keyWidth <= WIDE_WIDTH
        && valueWidth <= WIDE_WIDTH;
  }
}
