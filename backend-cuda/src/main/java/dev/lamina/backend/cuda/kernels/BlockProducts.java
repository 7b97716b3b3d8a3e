package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.Params;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import java.util.EnumSet;
import java.util.Set;

/**
 * Products of few rows with weights in blocks of one format, plain or by experts, as {@code
 * block_product.cuh} says: how much of x a launch takes, and the shared memory it gets.
 */
final class BlockProducts {
  private static final Set<QuantFormat> FORMATS =
      EnumSet.of(
          QuantFormat.Q8_0,
          QuantFormat.Q4_0,
          QuantFormat.Q4_K,
          QuantFormat.Q6_K,
          QuantFormat.MXFP4,
          QuantFormat.F8E4M3_128);

  private static final int WARP = 32;

  /** Rows of w that a warp multiplies at once. */
  private static final int TILE_ROWS = 16;

  /** Columns of x's planes that tensor cores take at once. */
  private static final int TILE_COLUMNS = 8;

  private static final int MANY_TILES = 3;

  /** Planes of x that hold an F32 exactly. */
  private static final int EXACT_PLANES = 3;

  /** Up to so many rows are multiplied exactly, since that costs nothing. */
  private static final int MAX_EXACT_ROWS = TILE_COLUMNS / EXACT_PLANES;

  /** Elements of k that a launch takes are a multiple of this, unless they are all. */
  private static final int STEP = 256;

  private static final int MOST_WARPS = 16;
  private static final int FEWEST_WARPS = 8;

  /** Shared memory that a block has besides what it asks for. */
  private static final int RESERVED_BYTES = 1024;

  private final Gpu gpu;
  private final QuantFormat format;
  private final long table;
  private final long few;
  private final long many;
  private final int alignment;

  /** Bytes of a warp's weights that are under way or in use. */
  private final int stagesBytes;

  BlockProducts(Gpu gpu, BlockTables blocks, QuantFormat format) {
    this.gpu = gpu;
    this.format = format;
    table = blocks.of(format);
    String name = "block_product_" + format.text();
    few = gpu.function("block_product", name, gpu.maxSharedBytes());
    many = gpu.function("block_product", name + "_" + MANY_TILES, gpu.maxSharedBytes());
    alignment = Math.min(4, Integer.lowestOneBit(format.bytes()));
    int elements = format.bytes() > format.elements() ? 128 : 256;
    int bytes = elements / format.elements() * format.bytes();
    int stride = (Math.ceilDiv(bytes, 16) + 1 | 1) * 16;
    stagesBytes = (bytes > 192 ? 2 : 3) * TILE_ROWS * stride;
  }

  /** Whether there are kernels for a format. */
  static boolean has(QuantFormat format) {
    return FORMATS.contains(format);
  }

  /** Whether the kernels take these. */
  boolean takes(Tensor x, Tensor w, Tensor out) {
    return x.dtype() == DType.F32
        && out.dtype() == DType.F32
        && x.size(x.rank() - 1) > 0
        && Params.isAligned(x, 16)
        && Params.isAligned(w, alignment);
  }

  /** Most rows of x that one pass over the weights multiplies. */
  static int maxRows(boolean relaxed) {
    return MANY_TILES * TILE_COLUMNS / (relaxed ? 1 : EXACT_PLANES);
  }

  /**
   * Multiplies up to {@link #maxRows} rows.
   *
   * @param relaxed whether x may be rounded to BF16
   */
  void run(Projection p, long row, int rows, boolean relaxed) {
    Addresses at =
        new Addresses(p.xAt(row), Params.addressOf(p.w()), 0, p.biasAddress(), p.outAt(row));
    int planes = relaxed && rows > MAX_EXACT_ROWS ? 1 : EXACT_PLANES;
    run(at, 1, 1, p.n(), p.k(), 1, rows, planes, p.biasDtype(), p.out().dtype());
  }

  /** Multiplies each choice's row of x with the weights of its expert. */
  void run(ExpertProjection p) {
    Addresses at =
        new Addresses(
            Params.addressOf(p.x()),
            Params.addressOf(p.w()),
            Params.addressOf(p.ids()),
            p.biasAddress(),
            Params.addressOf(p.out()));
    run(
        at,
        p.products(),
        p.experts(),
        p.n(),
        p.k(),
        p.sharing(),
        1,
        EXACT_PLANES,
        p.biasDtype(),
        p.out().dtype());
  }

  private record Addresses(long x, long w, long ids, long bias, long out) {}

  private void run(
      Addresses at,
      long products,
      long experts,
      long n,
      long k,
      int sharing,
      int rows,
      int planes,
      int biasDtype,
      DType outDtype) {
    int columns = rows * planes;
    int tiles = columns <= TILE_COLUMNS ? 1 : MANY_TILES;
    // Of a step: x in planes, and their sums where there are minima.
    BlockSpec.Factor min = format.spec().min();
    int stepBytes = columns * (2 * STEP + (min == null ? 0 : 2 * min.groups()));
    int warps = tiles == 1 ? MOST_WARPS : FEWEST_WARPS;
    if (roomBytes(warps, tiles) < stepBytes) {
      warps = FEWEST_WARPS;
    }
    long steps = Math.ceilDiv(k, STEP);
    long launches = Math.ceilDiv(steps, Math.max(1, roomBytes(warps, tiles) / stepBytes));
    long length = Math.ceilDiv(steps, launches) * STEP;
    long blocks = Math.min(products * Math.ceilDiv(n, TILE_ROWS), gpu.multiprocessors());
    for (long from = 0; from < k; from += length) {
      long now = Math.min(length, k - from);
      Params p = gpu.params().i64(at.x).i64(at.w).i64(at.ids).i64(at.bias).i64(at.out).i64(table);
      p.i64(products).i64(experts).i64(n).i64(k);
      p.i32(from).i32(now).i32(sharing).i32(rows).i32(planes);
      p.i32(biasDtype).i32(outDtype.ordinal());
      int shared = fixedBytes(warps, tiles) + Math.toIntExact(Math.ceilDiv(now, STEP) * stepBytes);
      gpu.launch(tiles == 1 ? few : many, blocks, 1, 1, warps * WARP, shared);
    }
  }

  private int roomBytes(int warps, int tiles) {
    return gpu.maxSharedBytes() - RESERVED_BYTES - fixedBytes(warps, tiles);
  }

  /** Weights under way, and the parts of two tiles' results. */
  private int fixedBytes(int warps, int tiles) {
    return warps * (stagesBytes + 2 * tiles * TILE_COLUMNS * TILE_ROWS * Float.BYTES);
  }
}
