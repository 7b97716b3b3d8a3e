package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Tensor;
import dev.lamina.spi.ir.CompositeOp.Gate;
import dev.lamina.spi.ir.CompositeOp.RmsNorm;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Layout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Projections of the same rows, with what comes before and after them: {@code out = gate(norm(x)
 * w^T + bias) + residual}. Put together by {@link ProjectionGroups} for one run, and used by the
 * thread that runs kernels.
 */
public final class ProjectionJob {
  /** Most projections of one job. */
  public static final int MAX_PARTS = 3;

  /** Elements of a weight of 16 bits that a thread loads at once. */
  private static final int UNIT = 8;

  private final Tensor x;
  private final boolean computed;
  private final List<Part> parts = new ArrayList<>();
  private @Nullable RmsNorm norm;
  private @Nullable Tensor factors;
  private @Nullable Gate gate;
  private @Nullable Tensor residual;
  private @Nullable Tensor gated;

  /**
   * One projection.
   *
   * @param weight its matrix {@code [N, K]}
   * @param bias its bias {@code [N]}, if it has one
   * @param out its result {@code [.., N]}
   */
  public record Part(Tensor weight, @Nullable Tensor bias, Tensor out) {}

  /**
   * Begins with the rows.
   *
   * @param x {@code [.., K]}
   * @param computed whether kernels may write the weights, which are then not read ahead
   */
  public ProjectionJob(Tensor x, boolean computed) {
    this.x = x;
    this.computed = computed;
  }

  /**
   * Norms the rows first.
   *
   * @param op the norm
   * @param weight its factors {@code [K]}, null if it is not weighted
   * @return this
   */
  public ProjectionJob norm(RmsNorm op, @Nullable Tensor weight) {
    norm = op;
    factors = weight;
    return this;
  }

  /**
   * Adds a projection.
   *
   * @param weight {@code [N, K]}; those of a job have one dtype
   * @param bias {@code [N]}, null for none
   * @param out {@code [.., N]}
   * @return this
   */
  public ProjectionJob part(Tensor weight, @Nullable Tensor bias, Tensor out) {
    parts.add(new Part(weight, bias, out));
    return this;
  }

  /**
   * Gates the second projection by the first; that is the only result.
   *
   * @param kind of gate
   * @param out where it goes
   * @return this
   */
  public ProjectionJob gate(Gate kind, Tensor out) {
    gate = kind;
    gated = out;
    return this;
  }

  /**
   * Adds to the only projection.
   *
   * @param added {@code [.., N]}
   * @param out where the sum goes
   * @return this
   */
  public ProjectionJob residual(Tensor added, Tensor out) {
    residual = added;
    Part only = parts.removeFirst();
    return part(only.weight, only.bias, out);
  }

  /** The rows, {@code [.., K]}. */
  public Tensor x() {
    return x;
  }

  /** The projections, of which a gate has two and a sum one. */
  public List<Part> parts() {
    return parts;
  }

  /** The norm before them, null for none. */
  public @Nullable RmsNorm norm() {
    return norm;
  }

  /** The norm's factors, null for none. */
  public @Nullable Tensor factors() {
    return factors;
  }

  /** What is added to the only projection, null for nothing. */
  public @Nullable Tensor residual() {
    return residual;
  }

  /** What the gate writes, null for no gate. */
  public @Nullable Tensor gated() {
    return gated;
  }

  /** Number of the gate's function. */
  public int gateOrdinal() {
    return gate == null ? 0 : gate.ordinal();
  }

  /** Columns of the rows. */
  public long k() {
    return x.size(x.rank() - 1);
  }

  /** Rows. */
  public long rows() {
    return k() == 0 ? 0 : x.elements() / k();
  }

  private static boolean isAligned(@Nullable Tensor t) {
    return t == null || Params.isAligned(t, 16);
  }

  /**
   * Whether rows are F32, weights plain ones of BF16 or F16, and all of it such that it may be
   * loaded 16 bytes at a time.
   */
  public boolean isPlain() {
    DType dtype = parts.getFirst().weight.dtype();
    boolean whole = x.dtype() == DType.F32 && k() % UNIT == 0 && isAligned(x);
    whole &= rows() > 0 && isAligned(factors);
    whole &= factors == null || factors.dtype() == DType.F32 || factors.dtype() == dtype;
    whole &= residual == null || residual.isContiguous();
    for (Part part : parts) {
      Tensor w = part.weight;
      whole &= w.dtype() == dtype && w.layout() instanceof Layout.Dense;
      whole &= isAligned(w) && w.size(0) > 0;
    }
    return whole && (dtype == DType.BF16 || dtype == DType.F16);
  }

  /** Launches a kernel of so many rows. */
  public interface RowsKernel {
    /**
     * Launches.
     *
     * @param row the first of the job's
     * @param rows a power of two
     */
    void launch(long row, int rows);
  }

  /**
   * Goes through the rows by kernels that take a power of two of them.
   *
   * @param most rows of a launch, a power of two
   * @param kernel launched for each part
   */
  public void launchRows(int most, RowsKernel kernel) {
    for (long row = 0; row < rows(); ) {
      int now = (int) Math.min(most, Long.highestOneBit(rows() - row));
      kernel.launch(row, now);
      row += now;
    }
  }

  /**
   * Blocks of a launch.
   *
   * @param columns results of a row that a block makes; a gate takes two for each
   */
  public long blocks(int columns) {
    if (gate != null) {
      return Math.ceilDiv(2 * parts.getFirst().weight.size(0), columns);
    }
    long blocks = 0;
    for (Part part : parts) {
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

  private @Nullable Tensor out(int part) {
    if (part >= parts.size()) {
      return null;
    }
    return gated != null ? gated : parts.get(part).out;
  }

  /**
   * Writes the struct of kernels for rows from one on: addresses of x, factors, residual, and of
   * each part's weight, bias and result; columns of each part; k; each part's first block and
   * dtypes; then numbers.
   *
   * @param p empty
   * @param row the first
   * @param split a number that is the kernels' own, such as warps that share a row of a weight
   * @param columns as {@link #blocks} has them
   */
  public void params(Params p, long row, int split, int columns) {
    p.address(rowOf(x, row, k()));
    p.address(rowOf(factors, 0, 0));
    p.address(rowOf(residual, row, parts.getFirst().weight.size(0)));
    int n = parts.size();
    for (int i = 0; i < MAX_PARTS; i++) {
      p.address(i < n ? Params.addressOf(parts.get(i).weight) : 0);
    }
    for (int i = 0; i < MAX_PARTS; i++) {
      p.address(i < n ? rowOf(parts.get(i).bias, 0, 0) : 0);
    }
    for (int i = 0; i < MAX_PARTS; i++) {
      p.address(i < n ? rowOf(out(i), row, parts.get(i).weight.size(0)) : 0);
    }
    for (int i = 0; i < MAX_PARTS; i++) {
      p.i64(i < n ? parts.get(i).weight.size(0) : 0);
    }
    p.i64(k());
    long first = 0;
    for (int i = 0; i < MAX_PARTS; i++) {
      p.i32(first);
      first += i < n ? Math.ceilDiv(parts.get(i).weight.size(0), columns) : 0;
    }
    for (int i = 0; i < MAX_PARTS; i++) {
      p.i32(i < n ? dtype(parts.get(i).bias) : 0);
    }
    for (int i = 0; i < MAX_PARTS; i++) {
      p.i32(dtype(out(i)));
    }
    p.i32(gate == null ? n : 1).i32(split);
    p.i32(dtype(factors)).i32(norm != null && norm.plusOne() ? 1 : 0);
    p.f32(norm == null ? 0 : norm.eps()).i32(gate == null ? 0 : 1);
    p.i32(gateOrdinal()).i32(dtype(residual));
    p.i32(computed ? 1 : 0).i32(norm == null ? 0 : 1);
  }
}
