package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.spi.ir.DType;
import org.jspecify.annotations.Nullable;

/**
 * Products of BF16 operands, of many rows: by cuBLASLt where it is installed and has an algorithm,
 * else by Lamina's own kernels, on Hopper those of warpgroups.
 *
 * <p>Used by the thread that runs kernels.
 */
final class RoundedProducts {
  /** From so many rows on Lamina's own tiles take less time than its kernels for few rows. */
  private static final int MIN_TILE_ROWS = 17;

  /**
   * The same of cuBLASLt, whose products take as long for one row as for 128. Measured on an H200:
   * it begins to be ahead at five rows of small weights, and at three of large ones.
   */
  private static final int MIN_LIBRARY_ROWS = 5;

  private static final int MIN_LIBRARY_ROWS_OF_LARGE = 3;
  private static final long LARGE = 1 << 24;

  /** Up to so many rows a tile of 64 wastes least. */
  private static final int SMALL_ROWS = 64;

  private final Gpu gpu;
  private final @Nullable BlasProducts blas;
  private final long spreadBias;
  private final GemmTile square;
  private final GemmTile small;
  private final @Nullable GemmTile twoBlocks;
  private final @Nullable GemmTile oneBlock;

  /**
   * Loads the kernels.
   *
   * @param blas cuBLASLt's; null for one kernel of Lamina's own, whatever the rows
   */
  RoundedProducts(Gpu gpu, @Nullable BlasProducts blas) {
    this.gpu = gpu;
    this.blas = blas;
    this.spreadBias = gpu.function("rounded", "spread_bias");
    this.square = GemmTile.square(gpu, "gemm", "gemm_1_1", 2, 128, 3);
    this.small = GemmTile.square(gpu, "gemm", "gemm_1_1_small", 2, 64, 6);
    boolean groups = gpu.hasWarpgroups();
    this.twoBlocks = groups ? GemmTile.ofWarpgroups(gpu, "gemm_groups_two", 3) : null;
    this.oneBlock = groups ? GemmTile.ofWarpgroups(gpu, "gemm_groups_one", 6) : null;
  }

  /**
   * {@code out[m, n] = x[m, k] w[n, k]^T + bias[n] + added[m, n]}, all but the bias row-major.
   *
   * @param x device address of BF16, a multiple of 16
   * @param w device address of BF16, a multiple of 16
   * @param bias device address, 0 for none
   * @param biasDtype of the bias
   * @param added device address of what lies as {@code out} does, which it may be; 0 for none, and
   *     only where out is F32
   * @param out device address
   * @param result dtype of out
   * @param k a multiple of 8
   * @param stride elements from one row of out to the next
   */
  record Product(
      long x,
      long w,
      long bias,
      DType biasDtype,
      long added,
      long out,
      DType result,
      long m,
      long n,
      long k,
      long stride) {}

  /**
   * Whether products of so many rows take less time here than where each row is multiplied alone.
   *
   * @param weights elements of the weights
   */
  boolean pays(long m, long weights) {
    if (m >= MIN_TILE_ROWS) {
      return true;
    }
    long least = weights >= LARGE ? MIN_LIBRARY_ROWS_OF_LARGE : MIN_LIBRARY_ROWS;
    return m >= least && blas != null && blas.isThere();
  }

  void run(Product p) {
    if (!byBlas(p)) {
      byTiles(p);
    }
  }

  /** Whether a row's sums are the same whatever rows are beside it. */
  boolean isInvariant() {
    return blas == null;
  }

  private boolean byBlas(Product p) {
    if (blas == null) {
      return false;
    }
    if (p.bias == 0) {
      return blas.run(p, p.added);
    }
    // The library's own bias has the result's dtype.
    if (p.added != 0 || p.result != DType.F32 || !blas.takes(p, p.out)) {
      return false;
    }
    gpu.params().i64(p.bias).i64(p.out).i64(p.m).i64(p.n).i64(p.stride).i32(p.biasDtype.ordinal());
    gpu.launchOver(spreadBias, p.m * p.n, 256);
    return blas.run(p, p.out);
  }

  private void byTiles(Product p) {
    Params params = gpu.params().i64(p.x).i64(p.w).i64(p.bias).i64(p.added).i64(p.out);
    params.i64(p.m * p.k).i64(p.n * p.k).i64(p.m).i64(p.n).i64(p.k).i64(p.stride);
    params.i32(p.biasDtype.ordinal()).i32(p.result.ordinal());
    tile(p.m, p.n).launch(gpu, p.m, p.n);
  }

  private GemmTile tile(long m, long n) {
    if (isInvariant() || m <= SMALL_ROWS) {
      return small;
    }
    if (twoBlocks == null || oneBlock == null) {
      return square;
    }
    return twoBlocks.blocks(m, n) > gpu.multiprocessors() ? twoBlocks : oneBlock;
  }
}
