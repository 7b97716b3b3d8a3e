package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.BlockTables;
import dev.lamina.backend.sdk.grid.ExpertProjection;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.Projection;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;

/**
 * Products of few rows with weights in blocks of one format, also those of experts, as {@code
 * block_product.cuh} says: how much of x a launch takes, and the shared memory it gets.
 */
final class BlockProducts {
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

  /** Elements of plain weights that count as a block. */
  private static final int BF16_BLOCK = 64;

  /** Tiles whose parts are added up at once. */
  private static final int BATCH = 3;

  /** Shared memory that a block takes besides what it asks for. */
  private static final int RESERVED_BYTES = 1024;

  private static final int MOST_WARPS = 16;

  /** Two of them take turns to write results. */
  private static final int FEWEST_WARPS = 2;

  private final Gpu gpu;
  private final long table;
  private final long few;
  private final long many;

  /** Whether sums of x over the groups are needed too. */
  private final boolean hasMinima;

  /** Of a block. */
  private final int elements;

  private final int alignment;

  /** Bytes of a warp's weights that are under way or in use. */
  private final int stagesBytes;

  private BlockProducts(
      Gpu gpu, long table, long few, long many, int elements, int bytes, boolean hasMinima) {
    this.gpu = gpu;
    this.table = table;
    this.few = few;
    this.many = many;
    this.elements = elements;
    this.hasMinima = hasMinima;
    alignment = FastFormats.alignment(bytes);
    // What a lane group reads in a turn, as Turn in block_product.cuh.
    int turn = (bytes > elements ? STEP / 2 : STEP) / elements * bytes;
    int stride = (Math.ceilDiv(turn, 16) + 1 | 1) * 16;
    stagesBytes = (turn > 192 ? 2 : 3) * TILE_ROWS * stride;
  }

  /** Of weights in blocks of a fast format. */
  static BlockProducts of(Gpu gpu, BlockTables blocks, QuantFormat format) {
    String name = "block_product_" + format.text();
    long few = gpu.function("block_product", name, gpu.maxSharedBytes());
    long many = gpu.function("block_product", name + "_" + MANY_TILES, gpu.maxSharedBytes());
    boolean hasMinima = format.spec().min() != null;
    int elements = format.elements();
    return new BlockProducts(
        gpu, blocks.of(format), few, many, elements, format.bytes(), hasMinima);
  }

  /** Of experts' weights in BF16. */
  static BlockProducts ofBf16(Gpu gpu) {
    long few = gpu.function("block_product", "block_product_bf16", gpu.maxSharedBytes());
    return new BlockProducts(gpu, 0, few, few, BF16_BLOCK, BF16_BLOCK * Short.BYTES, false);
  }

  /** Whether the kernels take these, of k elements a row. */
  boolean takes(Tensor x, Tensor w, Tensor out) {
    long k = x.size(x.rank() - 1);
    return x.dtype() == DType.F32
        && out.dtype() == DType.F32
        && k > 0
        && k % elements == 0
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
    int planes = relaxed && rows > MAX_EXACT_ROWS ? 1 : EXACT_PLANES;
    long bias = p.biasAddress();
    Addresses at =
        new Addresses(p.xAt(row), p.w(), 0, bias, p.biasDtype(), p.outAt(row), p.out().dtype());
    run(at, new Sizes(1, 1, p.n(), p.k(), 1, rows), planes);
  }

  /** Multiplies each choice's row of x with the weights of its expert. */
  void run(ExpertProjection p) {
    long x = Params.addressOf(p.x());
    long ids = Params.addressOf(p.ids());
    long out = Params.addressOf(p.out());
    Addresses at =
        new Addresses(x, p.w(), ids, p.biasAddress(), p.biasDtype(), out, p.out().dtype());
    run(at, new Sizes(p.products(), p.experts(), p.n(), p.k(), p.sharing(), 1), EXACT_PLANES);
  }

  /** Operands; ids and bias may be 0. */
  private record Addresses(
      long x, Tensor w, long ids, long bias, int biasDtype, long out, DType outDtype) {}

  /** As many products of some rows, each sharing x with the next ones. */
  private record Sizes(long products, long experts, long n, long k, int sharing, int rows) {}

  private void run(Addresses at, Sizes size, int planes) {
    int columns = size.rows * planes;
    boolean isFew = columns <= TILE_COLUMNS;
    int warps = isFew ? MOST_WARPS : MOST_WARPS / 2;
    long least = Math.min(size.k, STEP);
    while (warps > FEWEST_WARPS && sharedBytes(warps, size.rows, columns, least) > room()) {
      warps /= 2;
    }
    long tiles = size.products * Math.ceilDiv(size.n, TILE_ROWS);
    long blocks = Math.min(tiles, gpu.multiprocessors());
    if (isFew
        && tiles > blocks
        && sharedBytes(MOST_WARPS / 2, size.rows, columns, size.k) <= room() / 2 - RESERVED_BYTES) {
      // Two blocks on a multiprocessor do not wait for each other where a tile ends.
      warps = MOST_WARPS / 2;
      blocks = Math.min(tiles, 2L * gpu.multiprocessors());
    }
    long launches = 1;
    while (sharedBytes(warps, size.rows, columns, length(size.k, launches)) > room()) {
      launches++;
    }
    long length = length(size.k, launches);
    for (long from = 0; from < size.k; from += length) {
      long now = Math.min(length, size.k - from);
      Params p = gpu.params().i64(at.x).address(at.w).i64(at.ids).i64(at.bias).i64(at.out);
      p.i64(table).i64(size.products).i64(size.experts).i64(size.n).i64(size.k);
      p.i32(from).i32(now).i32(size.sharing).i32(size.rows).i32(planes);
      p.i32(at.biasDtype).i32(at.outDtype.ordinal());
      int shared = Math.toIntExact(sharedBytes(warps, size.rows, columns, now));
      gpu.launch(isFew ? few : many, blocks, 1, 1, warps * WARP, shared);
    }
  }

  /** Elements that a launch takes if there are so many. */
  private static long length(long k, long launches) {
    return launches == 1 ? k : Math.ceilDiv(Math.ceilDiv(k, STEP), launches) * STEP;
  }

  private int room() {
    return gpu.maxSharedBytes();
  }

  /** Weights under way, x in planes, planes of its sums, and two batches of parts. */
  private long sharedBytes(int warps, int rows, int columns, long length) {
    long x = 2 * length + (length % 64 == 0 ? 64 : 0);
    long sums = hasMinima ? length / STEP * 16 + 16 : 0;
    long parts = 2L * BATCH * warps * TILE_ROWS * Float.BYTES;
    return (long) warps * stagesBytes + columns * (x + parts) + EXACT_PLANES * rows * sums;
  }
}
