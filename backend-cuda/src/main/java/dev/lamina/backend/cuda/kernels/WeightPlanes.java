package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.BlockTables;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.spi.ir.QuantFormat;
import java.util.Optional;

/** Takes tensors apart into planes of BF16, as {@code gemm.cuh} multiplies them. */
final class WeightPlanes {
  private static final int THREADS = 256;

  /** Elements that a thread takes apart at once where the format is fast. */
  private static final int AT_ONCE = 4;

  private final Gpu gpu;
  private final BlockTables blocks;
  private final long any;

  WeightPlanes(Gpu gpu, BlockTables blocks) {
    this.gpu = gpu;
    this.blocks = blocks;
    any = gpu.function("rounded", "to_planes");
  }

  /**
   * Writes planes.
   *
   * @param w plain or in blocks
   * @param first element, the first of a row
   * @param n elements, whole rows
   * @param to device address of the first plane; the others follow, {@code n} elements apart
   * @param planes one, rounded to nearest, or three, which hold an F32 exactly
   */
  void write(Tensor w, long first, long n, long to, int planes) {
    Optional<QuantFormat> fast = FastFormats.of(w.layout());
    if (fast.isPresent() && FastFormats.isAligned(w, fast.get())) {
      QuantFormat format = fast.get();
      long from = Params.addressOf(w) + first / format.elements() * format.bytes();
      gpu.params().i64(from).i64(to).i64(n).i64(n).i32(planes).i32(0);
      long kernel = gpu.function("block_planes", "block_planes_" + format.text());
      gpu.launchOver(kernel, Math.ceilDiv(n, AT_ONCE), THREADS);
      return;
    }
    Params p = gpu.params().address(w).i64(to).i64(blocks.of(w)).i64(first).i64(n).i64(n);
    p.i32(planes).i32(w.dtype().ordinal());
    gpu.launchOver(any, n, THREADS);
  }
}
