package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.cuda.gpu.Params;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.DType;
import org.jspecify.annotations.Nullable;

/**
 * Products of many rows on tensor cores, as {@code gemm.cu} says: operands are taken apart into
 * planes of BF16 in scratch memory, unless they are BF16. Where one rounded plane is enough,
 * cuBLASLt multiplies them if it is there.
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
  private final @Nullable BlasProducts blas;
  private final RoundedOperand rounded;
  private final int planes;
  private final WeightPlanes weights;
  private final long spreadBias;
  private final Tile exactWeight;
  private final Tile exactWeightSmall;
  private final Tile anyWeight;

  /**
   * Loads the kernels.
   *
   * @param blas multiplies rounded operands, where it can; null for kernels of our own alone, and
   *     the same one for any number of rows
   * @param rounded the last one of this device
   * @param weights takes operands apart
   * @param relaxed whether operands may be rounded to BF16
   */
  Gemm(
      Gpu gpu,
      @Nullable BlasProducts blas,
      RoundedOperand rounded,
      WeightPlanes weights,
      boolean relaxed) {
    this.gpu = gpu;
    this.blas = blas;
    this.rounded = rounded;
    this.planes = relaxed ? 1 : 3;
    this.weights = weights;
    spreadBias = gpu.function("gemm", "spread_bias");
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
   * @param k a multiple of 8
   */
  void run(Tensor x, Tensor w, @Nullable Tensor bias, Tensor out, long m, long n, long k) {
    boolean direct = w.dtype() == DType.BF16 && (Params.addressOf(w) & 15) == 0;
    boolean own = x.dtype() == DType.BF16 && (Params.addressOf(x) & 15) == 0 && planes == 1;
    long xBytes = own ? 0 : 2 * planes * m * k;
    long chunk = direct ? n : Math.clamp(MAX_PLANES_BYTES / (2 * planes * k), 1, n);
    long scratch = gpu.scratch(Math.max(1, xBytes + (direct ? 0 : 2 * planes * chunk * k)));
    if (!own && planes == 1) {
      rounded.put(x, m * k, scratch);
    } else if (!own) {
      weights.write(x, 0, m * k, scratch, planes);
    }
    Operands o = new Operands(own ? Params.addressOf(x) : scratch, bias, out, m, k, n);
    for (long from = 0; from < n; from += chunk) {
      long now = Math.min(chunk, n - from);
      long weight = Params.addressOf(w) + 2 * from * k;
      if (!direct) {
        weight = scratch + xBytes;
        weights.write(w, from * k, now * k, weight, planes);
      }
      if (planes > 1 || !byBlas(o, weight, from, now)) {
        byTiles(o, weight, from, now, direct);
      }
    }
    if (!own && planes == 1) {
      rounded.keep();
    }
  }

  /** What all chunks of a product share; x is an address of planes. */
  private record Operands(long x, @Nullable Tensor bias, Tensor out, long m, long k, long n) {
    long outAt(long column) {
      return Params.addressOf(out) + column * out.dtype().bytes();
    }

    long biasAt(long column) {
      return bias == null ? 0 : Params.addressOf(bias) + column * bias.dtype().bytes();
    }

    long biasDtype() {
      return bias == null ? 0 : bias.dtype().ordinal();
    }
  }

  /** Columns {@code from} on by cuBLASLt; false if it cannot. */
  private boolean byBlas(Operands o, long weight, long from, long now) {
    if (blas == null) {
      return false;
    }
    boolean biased = o.bias != null;
    if (biased) {
      if (o.out.dtype() != DType.F32) {
        return false;
      }
      Params p = gpu.params().i64(o.biasAt(from)).i64(o.outAt(from)).i64(o.m).i64(now).i64(o.n);
      p.i32(o.biasDtype());
      gpu.launchOver(spreadBias, o.m * now, 256);
    }
    return blas.run(o.x, weight, o.outAt(from), o.out.dtype(), o.m, now, o.k, o.n, biased);
  }

  private void byTiles(Operands o, long weight, long from, long now, boolean direct) {
    Tile tile =
        !direct ? anyWeight : blas == null || o.m <= SMALL_ROWS ? exactWeightSmall : exactWeight;
    Params p = gpu.params().i64(o.x).i64(weight).i64(o.biasAt(from)).i64(o.outAt(from));
    p.i64(o.m * o.k).i64(now * o.k).i64(o.m).i64(now).i64(o.k).i64(o.n);
    p.i32(o.biasDtype()).i32(o.out.dtype().ordinal());
    gpu.launch(
        tile.function,
        Math.ceilDiv(o.m, tile.rows),
        Math.ceilDiv(now, tile.columns),
        1,
        tile.threads,
        tile.sharedBytes);
  }
}
