package dev.lamina.backend.vulkan;

import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.grid.GeneralAttention;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.StateKernels.Entry;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.ValueType;

/**
 * Attention whose loads are of 16 bytes, where widths are multiples of 8 elements and at most 256;
 * by the general kernel elsewhere. A row's sums are added in an order that hangs on its positions
 * alone.
 */
final class VulkanAttention extends GeneralAttention {
  private static final int MAX_WIDTH = 256;
  private static final int THREADS = 256;
  private static final int MAX_GRID_Y = 65535;

  private final VulkanGpu gpu;
  private final long eights;

  VulkanAttention(VulkanGpu gpu, CompositeOp.PagedAttention op, ValueType pool) {
    super(gpu, op, pool);
    this.gpu = gpu;
    eights = gpu.function("attention", "paged_attention_eights");
  }

  @Override
  protected void run(KernelArgs args, Entry keys, Entry values) {
    if (!hasEights(args, keys, values)) {
      super.run(args, keys, values);
      return;
    }
    append(gpu.params(), args, keys, values);
    long z = Math.ceilDiv(tokens, MAX_GRID_Y);
    gpu.launch(eights, heads, Math.min(tokens, MAX_GRID_Y), z, THREADS, 0);
  }

  private boolean hasEights(KernelArgs args, Entry keys, Entry values) {
    long addresses = Params.addressOf(args.in(0)) | keys.address() | values.address();
    long widths = keyWidth | valueWidth | keys.width() | values.width();
    return (addresses & 15) == 0
        && (widths & 7) == 0
        && keyWidth <= MAX_WIDTH
        && valueWidth <= MAX_WIDTH;
  }
}
