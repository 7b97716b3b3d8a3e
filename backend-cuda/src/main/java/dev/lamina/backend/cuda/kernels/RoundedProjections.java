package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.ProjectionJob;
import dev.lamina.spi.ir.CompositeOp.RmsNorm;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import org.jspecify.annotations.Nullable;

/**
 * Projections of many rows at relaxed numerics by weights of BF16: the norm before them is written
 * rounded and nothing else of it, a gate's result is rounded when it is made, and is nothing else
 * where the projection behind it alone reads it; a sum is added by the product itself.
 *
 * <p>Used by the thread that runs kernels.
 */
final class RoundedProjections {
  private final Gpu gpu;
  private final RoundedProducts products;
  private final RoundedOperand rounded;
  private final long normRound;
  private final long gateRound;

  RoundedProjections(Gpu gpu, RoundedProducts products, RoundedOperand rounded) {
    this.gpu = gpu;
    this.products = products;
    this.rounded = rounded;
    this.normRound = gpu.function("rows", "norm_round");
    this.gateRound = gpu.function("rows", "gate_round");
  }

  /**
   * Computes a job if it can be done so.
   *
   * @param job what to compute
   * @return whether it was
   */
  boolean run(ProjectionJob job) {
    if (!fits(job)) {
      return false;
    }
    for (long row = 0; row < job.rows(); row += RoundedOperand.MAX_ROWS) {
      runRows(job, row, Math.min(RoundedOperand.MAX_ROWS, job.rows() - row), true);
    }
    return true;
  }

  /**
   * Computes a job with a gate and the one that alone reads its result, which is then made rounded
   * only, if both can be done so.
   *
   * @param job with a gate
   * @param next whose rows are the result of {@code job}
   * @return whether they were
   */
  boolean run(ProjectionJob job, ProjectionJob next) {
    if (!fits(job) || !fits(next)) {
      return false;
    }
    for (long row = 0; row < job.rows(); row += RoundedOperand.MAX_ROWS) {
      long m = Math.min(RoundedOperand.MAX_ROWS, job.rows() - row);
      multiply(next, row, m, runRows(job, row, m, false));
    }
    return true;
  }

  private boolean fits(ProjectionJob job) {
    long weights = 0;
    boolean fits = job.k() % 8 == 0;
    fits &= isPlain(job.x()) && isPlain(job.residual()) && isPlain(job.gated());
    for (ProjectionJob.Part part : job.parts()) {
      Tensor w = part.weight();
      weights += w.size(0) * job.k();
      fits &= w.dtype() == DType.BF16 && w.layout() instanceof Layout.Dense && isAligned(w);
      fits &= w.size(0) > LinearKernels.MAX_EXACT_COLUMNS && w.size(0) % 8 == 0;
      fits &= isPlain(part.out()) && (job.gated() == null || part.bias() == null);
    }
    return fits && products.pays(job.rows(), weights);
  }

  private static boolean isAligned(Tensor t) {
    return (Params.addressOf(t) & 15) == 0;
  }

  private static boolean isPlain(@Nullable Tensor t) {
    return t == null || t.dtype() == DType.F32 && t.isContiguous() && isAligned(t);
  }

  /** Address of a row of F32. */
  private static long rowAt(@Nullable Tensor t, long row, long width) {
    return t == null ? 0 : Params.addressOf(t) + Float.BYTES * row * width;
  }

  /** Returns where the rounded rows lie, or what the gate made of them. */
  private long runRows(ProjectionJob job, long row, long m, boolean keepsGated) {
    long k = job.k();
    Tensor gated = job.gated();
    long inner = gated == null ? 0 : job.parts().getFirst().weight().size(0);
    // The rounded rows, in whose place what the gate makes of them comes.
    long scratch = gpu.scratch(2 * m * Math.max(k, inner));
    RmsNorm norm = job.norm();
    if (norm != null) {
      norm(job, norm, row, m, scratch);
    } else {
      rounded.put(rowAt(job.x(), row, k), DType.F32, m * k, scratch);
    }
    multiply(job, row, m, scratch);
    if (gated != null) {
      gate(job, keepsGated ? gated : null, row, m, scratch);
    } else if (norm == null) {
      rounded.keep(rowAt(job.x(), row, k), DType.F32, m * k, scratch);
    }
    return scratch;
  }

  private void multiply(ProjectionJob job, long row, long m, long x) {
    for (ProjectionJob.Part part : job.parts()) {
      long n = part.weight().size(0);
      long added = rowAt(job.residual(), row, n);
      long out = rowAt(part.out(), row, n);
      products.run(product(part, x, added, out, m, job.k()));
    }
  }

  private static RoundedProducts.Product product(
      ProjectionJob.Part part, long x, long added, long out, long m, long k) {
    Tensor bias = part.bias();
    long n = part.weight().size(0);
    return new RoundedProducts.Product(
        x,
        Params.addressOf(part.weight()),
        bias == null ? 0 : Params.addressOf(bias),
        bias == null ? DType.F32 : bias.dtype(),
        added,
        out,
        DType.F32,
        m,
        n,
        k,
        n);
  }

  private void norm(ProjectionJob job, RmsNorm norm, long row, long m, long to) {
    Tensor factors = job.factors();
    Params p = gpu.params().i64(rowAt(job.x(), row, job.k()));
    p.i64(factors == null ? 0 : Params.addressOf(factors)).i64(to).i64(m).i32(job.k());
    p.f32(norm.eps()).i32(norm.plusOne() ? 1 : 0);
    p.i32(factors == null ? 0 : factors.dtype().ordinal());
    gpu.launch(normRound, m, 1, 1, 256, 0);
  }

  /** Writes what the gate makes rounded, and as it is, too, unless gated is null. */
  private void gate(ProjectionJob job, @Nullable Tensor gated, long row, long m, long to) {
    long n = job.parts().getFirst().weight().size(0);
    long gate = rowAt(job.parts().get(0).out(), row, n);
    long up = rowAt(job.parts().get(1).out(), row, n);
    long out = rowAt(gated, row, n);
    gpu.params().i64(gate).i64(up).i64(out).i64(to).i64(m * n / 4).i32(job.gateOrdinal());
    gpu.launchOver(gateRound, m * n / 4, 256);
    if (gated != null) {
      rounded.keep(out, DType.F32, m * n, to);
    }
  }
}
