package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;

/** A kernel of {@code gemm.cuh} or {@code gemm_groups.cu}, and what its blocks make and ask for. */
final class GemmTile {
  /** Elements of k a stage, of 128 bytes. */
  private static final int ROW_BYTES = 128;

  private static final int THREADS = 256;

  /** Rows and columns of a block of two warpgroups. */
  private static final int GROUP_SIDE = 128;

  private final long function;
  private final int rows;
  private final int columns;
  private final boolean flat;
  private final int sharedBytes;

  private GemmTile(
      Gpu gpu, String file, String name, int rows, int columns, boolean flat, int sharedBytes) {
    this.rows = rows;
    this.columns = columns;
    this.flat = flat;
    this.sharedBytes = sharedBytes;
    this.function = gpu.function(file, name, sharedBytes);
  }

  /** A square of results, whose operands have so many planes together. */
  static GemmTile square(Gpu gpu, String file, String name, int planes, int side, int stages) {
    return new GemmTile(gpu, file, name, side, side, false, stages * planes * side * ROW_BYTES);
  }

  /** Of two warpgroups, which find their place in the grid themselves. */
  static GemmTile ofWarpgroups(Gpu gpu, String name, int stages) {
    int shared = stages * 2 * GROUP_SIDE * ROW_BYTES;
    return new GemmTile(gpu, "gemm_groups", name, GROUP_SIDE, GROUP_SIDE, true, shared);
  }

  /** Blocks for m times n results. */
  long blocks(long m, long n) {
    return Math.ceilDiv(m, rows) * Math.ceilDiv(n, columns);
  }

  /** Launches the kernel with the struct that {@link Gpu#params} gave. */
  void launch(Gpu gpu, long m, long n) {
    long x = flat ? blocks(m, n) : Math.ceilDiv(m, rows);
    gpu.launch(function, x, flat ? 1 : Math.ceilDiv(n, columns), 1, THREADS, sharedBytes);
  }
}
