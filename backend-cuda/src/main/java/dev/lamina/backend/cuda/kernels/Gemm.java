package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.Params;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.DType;
import org.jspecify.annotations.Nullable;

/**
 * Products of many rows on tensor cores, as {@code gemm.cu} says: operands are taken apart into
 * planes of BF16 in scratch memory, unless they are BF16.
 */
final class Gemm {
  /** Elements of k a stage, of 128 bytes. */
  private static final int ROW_BYTES = 128;

  private static final int SMALL_ROWS = 64;

  /** Bytes of planes of weights at a time. */
  private static final long MAX_PLANES_BYTES = 256L << 20;

  /** One of the kernels. */
  private static final class Tile {
    private final long function;
    private final int rows;
    private final int columns;
    private final int threads;
    private final int sharedBytes;

    Tile(Gpu gpu, String file, String name, int planes, int side, int threads, int stages) {
      this.rows = side;
      this.columns = side;
      this.threads = threads;
      this.sharedBytes = stages * planes * side * ROW_BYTES;
      this.function = gpu.function(file, name, sharedBytes);
    }
  }

  private final Gpu gpu;
  private final int planes;
  private final long toPlanes;
  private final Tile exactWeight;
  private final Tile exactWeightSmall;
  private final Tile anyWeight;

  /**
   * Loads the kernels.
   *
   * @param relaxed whether operands may be rounded to BF16
   */
  Gemm(Gpu gpu, boolean relaxed) {
    this.gpu = gpu;
    this.planes = relaxed ? 1 : 3;
    toPlanes = gpu.function("gemm", "to_planes");
    Tile one = new Tile(gpu, "gemm", "gemm_1_1", 2, 128, 256, 4);
    exactWeight = relaxed ? one : new Tile(gpu, "gemm_exact", "gemm_3_1", 4, 128, 256, 3);
    exactWeightSmall =
        relaxed
            ? new Tile(gpu, "gemm", "gemm_1_1_small", 2, 64, 256, 6)
            : new Tile(gpu, "gemm", "gemm_3_1_small", 4, 64, 256, 5);
    anyWeight = relaxed ? one : new Tile(gpu, "gemm_exact", "gemm_3_3", 6, 128, 256, 2);
  }

  /**
   * Multiplies.
   *
   * @param format of w's blocks on the device, 0 if it is plain
   * @param k a multiple of 8
   */
  void run(
      Tensor x, Tensor w, long format, @Nullable Tensor bias, Tensor out, long m, long n, long k) {
    boolean direct = w.dtype() == DType.BF16 && (Params.addressOf(w) & 15) == 0;
    boolean own = x.dtype() == DType.BF16 && (Params.addressOf(x) & 15) == 0 && planes == 1;
    long xBytes = own ? 0 : 2 * planes * m * k;
    long chunk = direct ? n : Math.clamp(MAX_PLANES_BYTES / (2 * planes * k), 1, n);
    long scratch = gpu.scratch(Math.max(1, xBytes + (direct ? 0 : 2 * planes * chunk * k)));
    if (!own) {
      planes(Params.addressOf(x), 0, scratch, 0, m * k, x.dtype());
    }
    Tile tile = !direct ? anyWeight : m <= SMALL_ROWS ? exactWeightSmall : exactWeight;
    for (long from = 0; from < n; from += chunk) {
      long now = Math.min(chunk, n - from);
      long weight = Params.addressOf(w) + 2 * from * k;
      if (!direct) {
        weight = scratch + xBytes;
        planes(Params.addressOf(w), format, weight, from * k, now * k, w.dtype());
      }
      Params p = gpu.params().i64(own ? Params.addressOf(x) : scratch).i64(weight);
      int biasBytes = bias == null ? 0 : bias.dtype().bytes();
      p.i64(bias == null ? 0 : Params.addressOf(bias) + from * biasBytes);
      p.i64(Params.addressOf(out) + from * out.dtype().bytes());
      p.i64(m * k).i64(now * k).i64(m).i64(now).i64(k).i64(n);
      p.i32(bias == null ? 0 : bias.dtype().ordinal()).i32(out.dtype().ordinal());
      gpu.launch(
          tile.function,
          Math.ceilDiv(m, tile.rows),
          Math.ceilDiv(now, tile.columns),
          1,
          tile.threads,
          tile.sharedBytes);
    }
  }

  private void planes(long from, long format, long to, long first, long n, DType dtype) {
    Params p = gpu.params().i64(from).i64(to).i64(format).i64(first).i64(n).i64(n);
    p.i32(planes).i32(dtype.ordinal());
    gpu.launchOver(toPlanes, n, 256);
  }
}
