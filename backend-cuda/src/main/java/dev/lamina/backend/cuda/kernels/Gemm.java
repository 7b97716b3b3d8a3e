package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.Projection;
import dev.lamina.spi.ir.DType;
import org.jspecify.annotations.Nullable;

/**
 * Products of many rows on tensor cores: operands are taken apart into planes of BF16 in scratch
 * memory, as {@code gemm.cuh} says, unless they are BF16. Three planes are multiplied by kernels of
 * its own, a rounded one by {@link RoundedProducts}.
 */
final class Gemm {
  private static final int SMALL_ROWS = 64;

  /** Bytes of planes of weights at a time. */
  private static final long MAX_PLANES_BYTES = 256L << 20;

  /** The kernels for three planes of x. */
  private record Exact(GemmTile exactWeight, GemmTile exactWeightSmall, GemmTile anyWeight) {
    static Exact of(Gpu gpu) {
      return new Exact(
          GemmTile.square(gpu, "gemm_exact", "gemm_3_1", 4, 128, 3),
          GemmTile.square(gpu, "gemm", "gemm_3_1_small", 4, 64, 5),
          GemmTile.square(gpu, "gemm_exact", "gemm_3_3", 6, 128, 2));
    }
  }

  private final Gpu gpu;
  private final RoundedProducts products;
  private final RoundedOperand rounded;
  private final int planes;
  private final WeightPlanes weights;
  private final @Nullable Exact exact;

  /**
   * Loads the kernels.
   *
   * @param products of rounded operands; says whether any number of rows takes the same kernel
   * @param rounded the last operand of this device that was
   * @param weights takes operands apart
   * @param relaxed whether operands may be rounded to BF16
   */
  Gemm(
      Gpu gpu,
      RoundedProducts products,
      RoundedOperand rounded,
      WeightPlanes weights,
      boolean relaxed) {
    this.gpu = gpu;
    this.products = products;
    this.rounded = rounded;
    this.planes = relaxed ? 1 : 3;
    this.weights = weights;
    this.exact = relaxed ? null : Exact.of(gpu);
  }

  /**
   * Multiplies.
   *
   * @param p of which k is a multiple of 8
   */
  void run(Projection p) {
    boolean direct = p.w().dtype() == DType.BF16 && (Params.addressOf(p.w()) & 15) == 0;
    boolean own = p.x().dtype() == DType.BF16 && (p.xAt(0) & 15) == 0 && exact == null;
    long xBytes = own ? 0 : 2 * planes * p.m() * p.k();
    long chunk = direct ? p.n() : Math.clamp(MAX_PLANES_BYTES / (2 * planes * p.k()), 1, p.n());
    long weightBytes = direct ? 0 : 2 * planes * chunk * p.k();
    long scratch = gpu.scratch(Math.max(1, xBytes + weightBytes));
    if (exact != null) {
      weights.write(p.x(), 0, p.m() * p.k(), scratch, planes);
    } else if (!own) {
      rounded.put(p.xAt(0), p.x().dtype(), p.m() * p.k(), scratch);
    }
    long x = own ? p.xAt(0) : scratch;
    for (long from = 0; from < p.n(); from += chunk) {
      long now = Math.min(chunk, p.n() - from);
      long weight = Params.addressOf(p.w()) + 2 * from * p.k();
      if (!direct) {
        weight = scratch + xBytes;
        weights.write(p.w(), from * p.k(), now * p.k(), weight, planes);
      }
      long out = p.outAt(0) + from * p.out().dtype().bytes();
      multiply(p, x, weight, out, from, now, direct);
    }
    if (exact == null && !own) {
      rounded.keep(p.xAt(0), p.x().dtype(), p.m() * p.k(), scratch);
    }
  }

  private void multiply(
      Projection p, long x, long weight, long out, long from, long now, boolean direct) {
    long m = p.m();
    long k = p.k();
    Tensor b = p.bias();
    DType biasDtype = b == null ? DType.F32 : b.dtype();
    long bias = b == null ? 0 : Params.addressOf(b) + from * biasDtype.bytes();
    DType result = p.out().dtype();
    if (exact == null) {
      products.run(
          new RoundedProducts.Product(
              x, weight, bias, biasDtype, 0, out, result, m, now, k, p.n()));
      return;
    }
    Params params = gpu.params().i64(x).i64(weight).i64(bias).i64(0).i64(out);
    params.i64(m * k).i64(now * k).i64(m).i64(now).i64(k).i64(p.n());
    params.i32(biasDtype.ordinal()).i32(result.ordinal());
    boolean small = products.isInvariant() || m <= SMALL_ROWS;
    GemmTile tile = !direct ? exact.anyWeight : small ? exact.exactWeightSmall : exact.exactWeight;
    tile.launch(gpu, m, now);
  }
}
