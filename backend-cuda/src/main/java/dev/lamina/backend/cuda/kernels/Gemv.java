package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.Tensor;
import dev.lamina.backend.sdk.grid.Params;
import dev.lamina.spi.ir.CompositeOp.Gate;
import dev.lamina.spi.ir.CompositeOp.RmsNorm;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Projections of a few rows by weights of BF16 and F16, which are read once at full width: several
 * of the same x in one launch, with the norm before them and the gate or the sum after them.
 */
final class Gemv {
  /** Most projections of one launch. */
  static final int MAX_PARTS = 3;

  /** Most rows whose weights are read row group by row group rather than by tiles. */
  static final int MAX_ROWS = 16;

  private static final int ROWS_A_LAUNCH = 8;

  /** From so many columns of x on a norm's rows keep the memory busy with one load a lane. */
  private static final int LONG_ROW = 4096;

  private static final int WARPS = 8;
  private static final int THREADS = 256;

  /** Elements of a weight that a lane loads at once. */
  private static final int UNIT = 8;

  private final Gpu gpu;
  private final Forms bf16;
  private final Forms f16;

  /**
   * Kernels of a form by rows of x, plain and with a norm before them.
   *
   * @param columns that a group of warps multiplies at once
   * @param inFlight loads of a row of w that a lane has on their way, by rows of x
   */
  private record Form(long[] plain, long[] normed, int columns, int[] inFlight) {}

  /** The forms of a weight's dtype. */
  private final class Forms {
    private final Form four;
    private final Form deep;
    private final Form two;

    Forms(String dtype) {
      four = form(dtype, "four", ROWS_A_LAUNCH, 4, 1);
      deep = form(dtype, "deep", 1, 4, 2);
      two = form(dtype, "two", ROWS_A_LAUNCH, 2, 2);
    }

    /** The form for a product: short rows need more loads on their way, few columns all warps. */
    Form of(Job job, int rows) {
      Form wide = rows == 1 && job.norm != null && job.k() < LONG_ROW ? deep : four;
      int columns = wide.columns * WARPS / split(wide, job, rows);
      return blocks(job, columns) < 2L * gpu.multiprocessors() ? two : wide;
    }
  }

  Gemv(Gpu gpu) {
    this.gpu = gpu;
    this.bf16 = new Forms("bf16");
    this.f16 = new Forms("f16");
  }

  private Form form(String dtype, String name, int maxRows, int columns, int inFlightOfOneRow) {
    Form form =
        new Form(new long[maxRows + 1], new long[maxRows + 1], columns, new int[maxRows + 1]);
    for (int rows = 1; rows <= maxRows; rows *= 2) {
      String kernel = "gemv_%s_%d_%s".formatted(dtype, rows, name);
      form.plain[rows] = gpu.function("gemv", kernel);
      form.normed[rows] = gpu.function("gemv", kernel + "_normed");
      form.inFlight[rows] = rows == 1 ? inFlightOfOneRow : 1;
    }
    return form;
  }

  /** Warps that share a row of w, so that one turn of theirs reads as much of it as it can. */
  private static int split(Form form, Job job, int rows) {
    int split = 1;
    while (split < WARPS && (long) split * form.inFlight[rows] * 32 * UNIT < job.k()) {
      split *= 2;
    }
    return split;
  }

  /**
   * One projection: its matrix {@code [N, K]}, its bias if it has one, its result {@code [.., N]}.
   */
  record Part(Tensor weight, @Nullable Tensor bias, Tensor out) {}

  /** What a launch computes, put together by whoever launches it. */
  static final class Job {
    private final Tensor x;
    private final boolean computed;
    private final List<Part> parts = new ArrayList<>();
    private @Nullable RmsNorm norm;
    private @Nullable Tensor factors;
    private @Nullable Gate gate;
    private @Nullable Tensor residual;
    private @Nullable Tensor gated;

    /**
     * Begins with the rows.
     *
     * @param x {@code [.., K]}
     * @param computed whether kernels may write the weights, which are then not read ahead
     */
    Job(Tensor x, boolean computed) {
      this.x = x;
      this.computed = computed;
    }

    /** Norms the rows first, by factors {@code [K]} if it is weighted. */
    Job norm(RmsNorm op, @Nullable Tensor weight) {
      norm = op;
      factors = weight;
      return this;
    }

    /** Adds a projection; all have weights of one dtype. */
    Job part(Tensor weight, @Nullable Tensor bias, Tensor out) {
      parts.add(new Part(weight, bias, out));
      return this;
    }

    /** Gates the second projection by the first; that is the only result. */
    Job gate(Gate kind, Tensor out) {
      gate = kind;
      gated = out;
      return this;
    }

    /** Adds to the only projection; {@code out} is where the sum goes. */
    Job residual(Tensor added, Tensor out) {
      residual = added;
      Part only = parts.removeFirst();
      return part(only.weight, only.bias, out);
    }

    /** The rows, {@code [.., K]}. */
    Tensor x() {
      return x;
    }

    /** The projections, of which a gate has two and a sum one. */
    List<Part> parts() {
      return parts;
    }

    /** The norm before them, null for none. */
    @Nullable RmsNorm norm() {
      return norm;
    }

    /** The norm's factors, null for none. */
    @Nullable Tensor factors() {
      return factors;
    }

    /** What is added to the only projection, null for nothing. */
    @Nullable Tensor residual() {
      return residual;
    }

    /** What the gate writes, null for no gate. */
    @Nullable Tensor gated() {
      return gated;
    }

    /** Number of the gate's function. */
    int gateOrdinal() {
      return gate == null ? 0 : gate.ordinal();
    }

    long k() {
      return x.size(x.rank() - 1);
    }

    long rows() {
      return k() == 0 ? 0 : x.elements() / k();
    }

    private static boolean isAligned(@Nullable Tensor t) {
      return t == null || Params.isAligned(t, 16);
    }

    /** Whether {@link Gemv#run} can compute it: dtypes, layouts, alignment, rows. */
    boolean fits() {
      DType dtype = parts.getFirst().weight.dtype();
      boolean whole = x.dtype() == DType.F32 && k() % UNIT == 0 && isAligned(x);
      whole &= rows() > 0 && rows() <= MAX_ROWS && isAligned(factors);
      whole &= factors == null || factors.dtype() == DType.F32 || factors.dtype() == dtype;
      whole &= residual == null || residual.isContiguous();
      for (Part part : parts) {
        Tensor w = part.weight;
        whole &= w.dtype() == dtype && w.layout() instanceof Layout.Dense;
        whole &= isAligned(w) && w.size(0) > 0;
      }
      return whole && (dtype == DType.BF16 || dtype == DType.F16);
    }
  }

  /**
   * Computes a job if it can be done so.
   *
   * @param job what to compute
   * @return whether it was
   */
  boolean run(Job job) {
    if (!job.fits()) {
      return false;
    }
    long rows = job.rows();
    for (long row = 0; row < rows; ) {
      int now = (int) Math.min(ROWS_A_LAUNCH, Long.highestOneBit(rows - row));
      launch(job, row, now);
      row += now;
    }
    return true;
  }

  private void launch(Job job, long row, int rows) {
    Form form = (job.parts.getFirst().weight.dtype() == DType.BF16 ? bf16 : f16).of(job, rows);
    int split = split(form, job, rows);
    int columns = form.columns * WARPS / split;
    params(job, row, split, columns);
    long kernel = (job.norm == null ? form.plain : form.normed)[rows];
    gpu.launch(kernel, blocks(job, columns), 1, 1, THREADS, 0);
  }

  /** Blocks for so many columns each. */
  private static long blocks(Job job, int columns) {
    if (job.gate != null) {
      return Math.ceilDiv(2 * job.parts.getFirst().weight.size(0), columns);
    }
    long blocks = 0;
    for (Part part : job.parts) {
      blocks += Math.ceilDiv(part.weight.size(0), columns);
    }
    return blocks;
  }

  private static long rowOf(@Nullable Tensor t, long row, long width) {
    return t == null ? 0 : Params.addressOf(t) + row * width * t.dtype().bytes();
  }

  private static int dtype(@Nullable Tensor t) {
    return t == null ? 0 : t.dtype().ordinal();
  }

  private @Nullable Tensor out(Job job, int part) {
    if (part >= job.parts.size()) {
      return null;
    }
    return job.gated != null ? job.gated : job.parts.get(part).out;
  }

  private void params(Job job, long row, int split, int columns) {
    Params p = gpu.params().i64(rowOf(job.x, row, job.k()));
    p.i64(rowOf(job.factors, 0, 0));
    p.i64(rowOf(job.residual, row, job.parts.getFirst().weight.size(0)));
    int parts = job.parts.size();
    for (int i = 0; i < MAX_PARTS; i++) {
      p.i64(i < parts ? Params.addressOf(job.parts.get(i).weight) : 0);
    }
    for (int i = 0; i < MAX_PARTS; i++) {
      p.i64(i < parts ? rowOf(job.parts.get(i).bias, 0, 0) : 0);
    }
    for (int i = 0; i < MAX_PARTS; i++) {
      p.i64(i < parts ? rowOf(out(job, i), row, job.parts.get(i).weight.size(0)) : 0);
    }
    for (int i = 0; i < MAX_PARTS; i++) {
      p.i64(i < parts ? job.parts.get(i).weight.size(0) : 0);
    }
    p.i64(job.k());
    long first = 0;
    for (int i = 0; i < MAX_PARTS; i++) {
      p.i32(first);
      first += i < parts ? Math.ceilDiv(job.parts.get(i).weight.size(0), columns) : 0;
    }
    for (int i = 0; i < MAX_PARTS; i++) {
      p.i32(i < parts ? dtype(job.parts.get(i).bias) : 0);
    }
    for (int i = 0; i < MAX_PARTS; i++) {
      p.i32(dtype(out(job, i)));
    }
    RmsNorm norm = job.norm;
    p.i32(job.gate == null ? parts : 1).i32(split);
    p.i32(dtype(job.factors)).i32(norm != null && norm.plusOne() ? 1 : 0);
    p.f32(norm == null ? 0 : norm.eps()).i32(job.gate == null ? 0 : 1);
    p.i32(job.gateOrdinal()).i32(dtype(job.residual));
    p.i32(job.computed ? 1 : 0);
  }
}
