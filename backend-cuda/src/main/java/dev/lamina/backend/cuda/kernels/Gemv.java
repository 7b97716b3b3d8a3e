package dev.lamina.backend.cuda.kernels;

import dev.lamina.backend.cuda.gpu.Gpu;
import dev.lamina.backend.sdk.grid.ProjectionJob;
import dev.lamina.spi.ir.DType;

/**
 * Projections of a few rows by weights of BF16 and F16, which are read once at full width: several
 * of the same x in one launch, with the norm before them and the gate or the sum after them.
 */
final class Gemv {
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
    Form of(ProjectionJob job, int rows) {
      Form wide = rows == 1 && job.norm() != null && job.k() < LONG_ROW ? deep : four;
      int columns = wide.columns * WARPS / split(wide, job, rows);
      return job.blocks(columns) < 2L * gpu.multiprocessors() ? two : wide;
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
  private static int split(Form form, ProjectionJob job, int rows) {
    int split = 1;
    while (split < WARPS && (long) split * form.inFlight[rows] * 32 * UNIT < job.k()) {
      split *= 2;
    }
    return split;
  }

  /** Whether {@link #run} can compute a job. */
  static boolean fits(ProjectionJob job) {
    return job.isPlain() && job.rows() <= MAX_ROWS;
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
    long rows = job.rows();
    for (long row = 0; row < rows; ) {
      int now = (int) Math.min(ROWS_A_LAUNCH, Long.highestOneBit(rows - row));
      launch(job, row, now);
      row += now;
    }
    return true;
  }

  private void launch(ProjectionJob job, long row, int rows) {
    Form form = (job.parts().getFirst().weight().dtype() == DType.BF16 ? bf16 : f16).of(job, rows);
    int split = split(form, job, rows);
    int columns = form.columns * WARPS / split;
    job.params(gpu.params(), row, split, columns);
    long kernel = (job.norm() == null ? form.plain : form.normed)[rows];
    gpu.launch(kernel, job.blocks(columns), 1, 1, THREADS, 0);
  }
}
