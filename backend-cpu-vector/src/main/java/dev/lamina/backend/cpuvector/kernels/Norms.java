package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Norms over rows, in F32 with one rounding at the end; rows are spread over the pool.
 *
 * <p>Sources: arXiv:1910.07467 (root mean square), arXiv:1607.06450 (layer). Not thread-safe.
 */
public final class Norms implements WorkerPool.Task {
  private static final int CHUNK_ELEMENTS = 8192;

  private final WorkerPool pool;
  private final float[][] buffers;
  private final float[][] lanes;
  private float[] weight = new float[0];
  private float[] bias = new float[0];
  private boolean centred;
  private boolean biased;
  private double eps;
  private int rows;
  private int dim;
  private int chunk;
  private Linear.@Nullable Rows x;
  private Linear.@Nullable Rows out;

  /**
   * Makes the kernel.
   *
   * @param pool threads to use
   */
  public Norms(WorkerPool pool) {
    this.pool = pool;
    buffers = new float[pool.size()][0];
    lanes = new float[pool.size()][VL];
  }

  /**
   * Factors and summands of the columns.
   *
   * @param weight {@code [dim]}, or null for ones
   * @param plusOne whether the factor is {@code 1 + weight}
   * @param bias {@code [dim]}, or null for zeros
   */
  public record Affine(Linear.@Nullable Rows weight, boolean plusOne, Linear.@Nullable Rows bias) {}

  /** {@code out = x / sqrt(mean(x^2) + eps) * weight}. */
  public void rms(Linear.Rows x, Linear.Rows out, int rows, int dim, Affine affine, double eps) {
    centred = false;
    run(x, out, rows, dim, affine, eps);
  }

  /** {@code out = (x - mean) / sqrt(var + eps) * weight + bias}. */
  public void layer(Linear.Rows x, Linear.Rows out, int rows, int dim, Affine affine, double eps) {
    centred = true;
    run(x, out, rows, dim, affine, eps);
  }

  private void run(Linear.Rows x, Linear.Rows out, int rows, int dim, Affine affine, double eps) {
    this.x = x;
    this.out = out;
    this.rows = rows;
    this.dim = dim;
    this.eps = eps;
    load(affine);
    int width = Lanes.roundUp(dim, VL);
    for (int i = 0; i < buffers.length; i++) {
      if (buffers[i].length < width) {
        buffers[i] = new float[width];
      }
    }
    chunk = Math.max(1, CHUNK_ELEMENTS / Math.max(1, dim));
    pool.forEach((rows + chunk - 1) / chunk, this);
  }

  private void load(Affine affine) {
    if (weight.length < dim) {
      weight = new float[dim];
      bias = new float[dim];
    }
    Linear.Rows w = affine.weight;
    if (w == null) {
      Arrays.fill(weight, 0, dim, 1);
    } else {
      Elements.load(w.type(), w.data(), w.offset(), weight, 0, dim);
      for (int i = 0; i < dim && affine.plusOne; i++) {
        weight[i] += 1;
      }
    }
    Linear.Rows b = affine.bias;
    biased = b != null;
    if (b != null) {
      Elements.load(b.type(), b.data(), b.offset(), bias, 0, dim);
    }
  }

  @Override
  public void run(int index, int worker) {
    Linear.Rows from = AttentionArgs.given(x);
    Linear.Rows to = AttentionArgs.given(out);
    float[] row = buffers[worker];
    int end = Math.min(rows, (index + 1) * chunk);
    for (int r = index * chunk; r < end; r++) {
      long at = (long) r * dim;
      Elements.load(
          from.type(), from.data(), from.offset() + at * from.type().bytes(), row, 0, dim);
      normalise(row, lanes[worker]);
      Elements.store(to.type(), to.data(), to.offset() + at * to.type().bytes(), row, 0, dim);
    }
  }

  private void normalise(float[] row, float[] sums) {
    int width = Lanes.roundUp(dim, VL);
    Arrays.fill(row, dim, width, 0);
    if (centred) {
      float mean = Rows.sum(row, 0, width, sums) / dim;
      for (int i = 0; i < dim; i++) {
        row[i] -= mean;
      }
    }
    double meanSquare = (double) Rows.sumOfSquares(row, 0, width, sums) / dim;
    float factor = (float) (1 / Math.sqrt(meanSquare + eps));
    for (int i = 0; i < dim; i++) {
      row[i] = row[i] * factor * weight[i];
    }
    for (int i = 0; i < dim && biased; i++) {
      row[i] += bias[i];
    }
  }
}
