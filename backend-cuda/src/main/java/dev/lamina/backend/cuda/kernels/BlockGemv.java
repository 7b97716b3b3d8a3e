package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.BlockTables;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.backend.sdk.grid.ProjectionJob;
import dev.lamina.spi.ir.CompositeOp.RmsNorm;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.QuantFormat;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Projections of one or two rows by weights in blocks, read once at full width: several of the same
 * x in one launch a format, with the norm before them and the gate or the sum after them. {@code
 * block_gemv.cuh} says how.
 *
 * <p>Used by the thread that runs kernels.
 */
final class BlockGemv {
  /** Most rows whose planes fill the columns that tensor cores take at once. */
  static final int MAX_ROWS = 2;

  private static final int WARPS = 8;
  private static final int WARP = 32;

  /** Columns of a tile. */
  private static final int TILE = 16;

  /** Elements of x that share a scale. */
  private static final int X_BLOCK = 256;

  /** Results of a row of x that a block keeps before it adds them up, one a thread. */
  private static final int MOST_KEPT = WARPS * WARP / TILE;

  /**
   * How kernels read a format.
   *
   * @param format of the blocks
   * @param chunk elements of a row that a warp takes at once
   * @param xBytes of 256 elements of x in planes
   * @param zeroBytes before them
   * @param stages chunks of a warp that are on their way or in use
   */
  private record Form(QuantFormat format, int chunk, int xBytes, int zeroBytes, int stages) {
    /** Of a row's chunk. */
    int bytes() {
      return chunk / format.elements() * format.bytes();
    }

    /** Of 16 rows; those of chunks that are no multiple of 16 bytes begin before them. */
    int stageBytes() {
      int before = 16 - Math.min(16, Integer.lowestOneBit(bytes()));
      return TILE * Math.ceilDiv(bytes() + before, 16) * 16;
    }
  }

  private static final int ZEROS = 384;
  private static final int INTEGER_X = 4 * X_BLOCK + Float.BYTES;
  private static final int INTEGER_X_AND_SUMS = INTEGER_X + 32;
  private static final int HALF_X = 3 * X_BLOCK * Short.BYTES + Float.BYTES;

  private static final List<Form> OF_ONE_ROW =
      List.of(
          new Form(QuantFormat.Q4_K, 512, INTEGER_X_AND_SUMS, ZEROS, 3),
          new Form(QuantFormat.Q6_K, 256, INTEGER_X, ZEROS, 3),
          new Form(QuantFormat.Q8_0, 512, INTEGER_X, ZEROS, 2),
          new Form(QuantFormat.Q4_0, 512, INTEGER_X, ZEROS, 3),
          new Form(QuantFormat.MXFP4, 512, INTEGER_X, ZEROS, 3),
          new Form(QuantFormat.F8E4M3_128, 512, HALF_X, 0, 2));

  /** Two rows of x leave less room. */
  private static final List<Form> OF_TWO_ROWS =
      List.of(
          new Form(QuantFormat.Q4_K, 512, INTEGER_X_AND_SUMS, ZEROS, 3),
          new Form(QuantFormat.Q6_K, 256, INTEGER_X, ZEROS, 3),
          new Form(QuantFormat.Q8_0, 256, INTEGER_X, ZEROS, 2),
          new Form(QuantFormat.Q4_0, 512, INTEGER_X, ZEROS, 3),
          new Form(QuantFormat.MXFP4, 512, INTEGER_X, ZEROS, 3),
          new Form(QuantFormat.F8E4M3_128, 256, HALF_X, 0, 2));

  private final Gpu gpu;
  private final BlockTables blocks;

  BlockGemv(Gpu gpu, BlockTables blocks) {
    this.gpu = gpu;
    this.blocks = blocks;
  }

  private static List<Form> forms(ProjectionJob job) {
    return job.rows() == 1 ? OF_ONE_ROW : OF_TWO_ROWS;
  }

  /** The form of a weight if there are kernels for it. */
  private static @Nullable Form formOf(ProjectionJob job, Tensor weight) {
    for (Form form : forms(job)) {
      if (weight.layout() instanceof Layout.Blocked(var format) && format == form.format) {
        return form;
      }
    }
    return null;
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
    for (Form form : forms(job)) {
      List<ProjectionJob.Part> own = new ArrayList<>();
      for (ProjectionJob.Part part : job.parts()) {
        if (form.equals(formOf(job, part.weight()))) {
          own.add(part);
        }
      }
      if (!own.isEmpty()) {
        launch(job, form, own);
      }
    }
    return true;
  }

  private boolean fits(ProjectionJob job) {
    if (job.rows() == 0 || job.rows() > MAX_ROWS) {
      return false;
    }
    Tensor x = job.x();
    boolean fits = x.dtype() == DType.F32 && Params.isAligned(x, 16);
    fits &= isFactors(job.factors()) && isPlain(job.residual()) && isPlain(job.gated());
    for (ProjectionJob.Part part : job.parts()) {
      Tensor w = part.weight();
      Form form = formOf(job, w);
      fits &= form != null && hasRoom(form, job);
      fits &= w.size(0) >= TILE && Params.isAligned(w, 16) && isPlain(part.out());
    }
    return fits && (job.gated() == null || arePair(job.parts().get(0), job.parts().get(1)));
  }

  /** Whether rows are whole chunks, so that each begins at a multiple of 16, and x fits. */
  private boolean hasRoom(Form form, ProjectionJob job) {
    int kept = MOST_KEPT / (int) job.rows();
    return job.k() > 0
        && job.k() % form.chunk == 0
        && job.k() / form.chunk * form.bytes() % 16 == 0
        && sharedBytes(form, job, WARPS, kept) <= gpu.maxSharedBytes();
  }

  private static boolean arePair(ProjectionJob.Part gate, ProjectionJob.Part up) {
    return gate.weight().layout().equals(up.weight().layout())
        && gate.weight().size(0) == up.weight().size(0);
  }

  private static boolean isFactors(@Nullable Tensor t) {
    return t == null
        || (t.dtype() == DType.F32 || t.dtype() == DType.BF16 || t.dtype() == DType.F16)
            && Params.isAligned(t, 16);
  }

  private static boolean isPlain(@Nullable Tensor t) {
    return t == null || t.dtype() == DType.F32 && t.isContiguous();
  }

  /** Of x, of the warps' parts of some tiles, and of chunks, behind which a word is read. */
  private static long sharedBytes(Form form, ProjectionJob job, int split, int kept) {
    long rows = job.rows();
    long x = form.zeroBytes + rows * (job.k() / X_BLOCK) * form.xBytes;
    long parts = rows * Float.BYTES * (WARPS + (long) kept * split * TILE);
    long chunks = (long) WARPS * form.stages * form.stageBytes();
    return Math.ceilDiv(x, 16) * 16 + parts + chunks + Integer.BYTES;
  }

  private void launch(ProjectionJob job, Form form, List<ProjectionJob.Part> parts) {
    String name = "block_gemv_" + form.format.text() + "_" + job.rows();
    long kernel = gpu.function("block_gemv", name, gpu.maxSharedBytes());
    int perUnit = job.gated() == null ? 1 : 2;
    long tiles = 0;
    for (ProjectionJob.Part part : parts) {
      tiles += Math.ceilDiv(part.weight().size(0), TILE);
    }
    long units = tiles / perUnit;
    int split = 1;
    while (split < WARPS && split < job.k() / form.chunk) {
      split *= 2;
    }
    long grid = Math.min(units, gpu.multiprocessors());
    int kept = (int) Math.min(MOST_KEPT / job.rows(), Math.ceilDiv(units, grid) * perUnit);
    params(job, form.format, parts, units, split);
    int shared = Math.toIntExact(sharedBytes(form, job, split, kept));
    gpu.launch(kernel, grid, 1, 1, WARPS * WARP, shared);
  }

  private static long address(@Nullable Tensor t) {
    return t == null ? 0 : Params.addressOf(t);
  }

  private void params(
      ProjectionJob job,
      QuantFormat format,
      List<ProjectionJob.Part> parts,
      long units,
      int split) {
    Params p = gpu.params().i64(address(job.x())).i64(address(job.factors()));
    p.i64(address(job.residual()));
    int count = parts.size();
    for (int i = 0; i < ProjectionJob.MAX_PARTS; i++) {
      p.i64(i < count ? address(parts.get(i).weight()) : 0);
    }
    for (int i = 0; i < ProjectionJob.MAX_PARTS; i++) {
      p.i64(i < count ? address(parts.get(i).bias()) : 0);
    }
    for (int i = 0; i < ProjectionJob.MAX_PARTS; i++) {
      Tensor out = i < count ? parts.get(i).out() : null;
      p.i64(address(job.gated() == null ? out : job.gated()));
    }
    p.i64(blocks.of(format));
    for (int i = 0; i < ProjectionJob.MAX_PARTS; i++) {
      p.i64(i < count ? parts.get(i).weight().size(0) : 0);
    }
    p.i64(job.k());
    long first = 0;
    for (int i = 0; i < ProjectionJob.MAX_PARTS; i++) {
      p.i32(first);
      first += i < count ? Math.ceilDiv(parts.get(i).weight().size(0), TILE) : 0;
    }
    for (int i = 0; i < ProjectionJob.MAX_PARTS; i++) {
      Tensor bias = i < count ? parts.get(i).bias() : null;
      p.i32(bias == null ? 0 : bias.dtype().ordinal());
    }
    RmsNorm norm = job.norm();
    Tensor factors = job.factors();
    p.i32(count).i32(units).i32(split).i32(norm == null ? 0 : 1);
    p.i32(factors == null ? 0 : factors.dtype().ordinal());
    p.i32(norm != null && norm.plusOne() ? 1 : 0).f32(norm == null ? 0 : norm.eps());
    p.i32(job.gated() == null ? 0 : 1).i32(job.gateOrdinal()).i32(0);
  }
}
