package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.grid.ExpertProjection;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.spi.ir.DType;

/**
 * Projections by experts of many rows, as {@code grouped.cu} says: choices are sorted by expert on
 * the device, and tensor cores multiply tiles of rows of one expert.
 */
final class GroupedProducts {
  private static final int MAX_EXPERTS = 1024;
  private static final int TILE_ROWS = 64;
  private static final int TILE_COLUMNS = 128;
  private static final int THREADS = 256;
  private static final int SORT_THREADS = 1024;

  /** Elements of k a stage, of 128 bytes. */
  private static final int ROW_BYTES = 128;

  /** Bytes of planes of weights at a time, unless one expert has more. */
  private static final long MAX_PLANES_BYTES = 256L << 20;

  /** One of the kernels. */
  private record Tile(long function, int sharedBytes) {}

  private final Gpu gpu;
  private final WeightPlanes weights;
  private final int planes;
  private final long sort;
  private final Tile plain;
  private final Tile any;

  /**
   * Loads the kernels.
   *
   * @param weights takes operands apart
   * @param relaxed whether operands may be rounded to BF16
   */
  GroupedProducts(Gpu gpu, WeightPlanes weights, boolean relaxed) {
    this.gpu = gpu;
    this.weights = weights;
    planes = relaxed ? 1 : 3;
    sort = gpu.function("grouped", "group_choices");
    plain = relaxed ? tile(1, 1, 4) : tile(3, 1, 3);
    any = relaxed ? plain : tile(3, 3, 2);
  }

  private Tile tile(int xPlanes, int weightPlanes, int stages) {
    int bytes = stages * (xPlanes * TILE_ROWS + weightPlanes * TILE_COLUMNS) * ROW_BYTES;
    String name = "grouped_" + xPlanes + "_" + weightPlanes;
    return new Tile(gpu.function("grouped", name, bytes), bytes);
  }

  /** Whether the kernels take these. */
  boolean takes(ExpertProjection p) {
    return p.k() > 0
        && p.k() % 8 == 0
        && p.n() > 0
        && p.experts() > 0
        && p.experts() <= MAX_EXPERTS
        && p.products() <= Integer.MAX_VALUE;
  }

  void run(ExpertProjection p) {
    boolean direct = p.w().dtype() == DType.BF16 && Params.isAligned(p.w(), 16);
    boolean own = p.x().dtype() == DType.BF16 && Params.isAligned(p.x(), 16) && planes == 1;
    long matrix = p.n() * p.k();
    int experts = (int) p.experts();
    long planesBytes = 2L * planes * matrix;
    int atOnce = direct ? experts : Math.clamp(MAX_PLANES_BYTES / planesBytes, 1, experts);
    long groupBytes = align(Integer.BYTES * (p.products() + 2L * (experts + 2)));
    long xBytes = own ? 0 : align(2L * planes * p.x().elements());
    long groups = gpu.scratch(groupBytes + xBytes + (direct ? 0 : atOnce * planesBytes));
    long x = own ? Params.addressOf(p.x()) : groups + groupBytes;
    group(groups, p, experts);
    if (!own) {
      weights.write(p.x(), 0, p.x().elements(), x, planes);
    }
    for (int from = 0; from < experts; from += atOnce) {
      int to = Math.min(experts, from + atOnce);
      long w = Params.addressOf(p.w());
      if (!direct) {
        w = groups + groupBytes + xBytes;
        weights.write(p.w(), from * matrix, (to - from) * matrix, w, planes);
      }
      multiply(p, x, w, groups, from, to, direct ? plain : any);
    }
  }

  private static long align(long bytes) {
    return Math.ceilDiv(bytes, 256) * 256;
  }

  private void group(long groups, ExpertProjection p, int experts) {
    place(gpu.params().address(p.ids()), groups, p).i32(p.products()).i32(experts);
    gpu.launch(sort, 1, 1, 1, SORT_THREADS, 0);
  }

  /** Where the order of choices lies, and of each group the first choice and the first tile. */
  private static Params place(Params to, long groups, ExpertProjection p) {
    long first = groups + Integer.BYTES * p.products();
    return to.i64(groups).i64(first).i64(first + Integer.BYTES * (p.experts() + 2));
  }

  /** Experts {@code from} to {@code to}; with the last one those that there are not. */
  private void multiply(
      ExpertProjection e, long x, long w, long groups, int from, int to, Tile tile) {
    int last = to == e.experts() ? to + 1 : to;
    Params p = gpu.params().i64(x).i64(w).i64(e.biasAddress()).i64(0).address(e.out());
    p.i64(e.x().elements()).i64((to - from) * e.n() * e.k());
    p.i64(e.products()).i64(e.n()).i64(e.k()).i64(e.n());
    p.i32(e.biasDtype()).i32(e.out().dtype().ordinal());
    place(p, groups, e).i32(from).i32(last).i32(e.experts()).i32(e.sharing());
    long tiles = Math.min(e.products(), e.products() / TILE_ROWS + last - from);
    long columns = Math.ceilDiv(e.n(), TILE_COLUMNS);
    gpu.launch(tile.function, tiles, columns, 1, THREADS, tile.sharedBytes);
  }
}
