package dev.lamina.backend.vulkan;

import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.grid.GeneralAttention;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.StateKernels.Entry;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.ValueType;
import java.util.EnumSet;
import java.util.Locale;
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
  private static final int MAX_HEADS = 4;

  /** Blocks that a device is busy with: with fewer a block takes one head. */
  private static final long BUSY_BLOCKS = 512;

  /** What keys and values may be stored as. */
  private static final Set<DType> STORED = EnumSet.of(DType.F32, DType.F16, DType.BF16);

  private final VulkanGpu gpu;

  VulkanAttention(VulkanGpu gpu, CompositeOp.PagedAttention op, ValueType pool) {
    super(gpu, op, pool);
    this.gpu = gpu;
  }

  @Override
  protected void run(KernelArgs args, Entry keys, Entry values) {
    if (!hasEights(args, keys, values)) {
      super.run(args, keys, values);
      return;
    }
    String stored = DType.values()[keys.dtype()].name().toLowerCase(Locale.ROOT);
    boolean isWide = Math.max(keyWidth, valueWidth) > EIGHTS_WIDTH;
    int together = isWide ? 1 : headsTogether();
    String name = (isWide ? "wide_" : "eights_") + stored + (together > 1 ? "_" + together : "");
    append(gpu.params(), args, keys, values);
    long z = Math.ceilDiv(tokens, MAX_GRID_Y);
    long kernel = gpu.function("attention", name);
    gpu.launch(kernel, heads / together, Math.min(tokens, MAX_GRID_Y), z, THREADS, 0);
  }

  /** Heads of a block, which share keys and values. */
  private int headsTogether() {
    int together = MAX_HEADS;
    while (together > 1
        && (heads / kvHeads % together != 0 || tokens * heads / together < BUSY_BLOCKS)) {
      together /= 2;
    }
    return together;
  }

  private boolean hasEights(KernelArgs args, Entry keys, Entry values) {
    long addresses = Params.addressOf(args.in(0)) | keys.address() | values.address();
    long widths = keyWidth | valueWidth | keys.width() | values.width();
    return keys.dtype() == values.dtype()
        && STORED.contains(DType.values()[keys.dtype()])
        && (addresses & 15) == 0
        && (widths & 7) == 0
        && keyWidth <= WIDE_WIDTH
        && valueWidth <= WIDE_WIDTH;
  }
}
