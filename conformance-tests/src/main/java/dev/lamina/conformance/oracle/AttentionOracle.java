package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.CompositeOp;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Paged attention as one softmax over all allowed keys.
 *
 * <p>Its conditioning magnitude is the sum of p|v|, once for the sums and once more for what the
 * error of a logit does to its exponential.
 *
 * @param op the attributes
 * @param page slots of a page
 * @param q {@code [T, Hq, Dk]}
 * @param k {@code [slots, Hkv, Dk]}
 * @param v {@code [slots, Hkv, Dv]}
 * @param cuSeqlensQ {@code [S + 1]}
 * @param kvLens {@code [S]}
 * @param blockTable {@code [S, P]}
 * @param sinks {@code [Hq]}, read if the op has sinks
 * @param alibi {@code [Hq]}, read if the op has slopes
 * @param select {@code [T, k]}, the positions that count, or null for all
 */
public record AttentionOracle(
    CompositeOp.PagedAttention op,
    int page,
    RefTensor q,
    RefTensor k,
    RefTensor v,
    RefTensor cuSeqlensQ,
    RefTensor kvLens,
    RefTensor blockTable,
    RefTensor sinks,
    RefTensor alibi,
    @Nullable RefTensor select) {
  /** Over all allowed positions. */
  public AttentionOracle(
      CompositeOp.PagedAttention op,
      int page,
      RefTensor q,
      RefTensor k,
      RefTensor v,
      RefTensor cuSeqlensQ,
      RefTensor kvLens,
      RefTensor blockTable,
      RefTensor sinks,
      RefTensor alibi) {
    this(op, page, q, k, v, cuSeqlensQ, kvLens, blockTable, sinks, alibi, null);
  }

  /** Attention over latents {@code [slots, 1, D]}. */
  public static RefTensor latents(
      CompositeOp.MlaAttention op,
      int page,
      RefTensor q,
      RefTensor latents,
      RefTensor cuSeqlensQ,
      RefTensor kvLens,
      RefTensor blockTable,
      @Nullable RefTensor select) {
    int width = latents.size(2);
    long[] sizes = {latents.size(0), 1, op.rank()};
    int[] beginnings =
        IntStream.range(0, latents.size(0) * op.rank())
            .map(i -> i / op.rank() * width + i % op.rank())
            .toArray();
    CompositeOp.PagedAttention plain =
        new CompositeOp.PagedAttention(op.layer(), op.scale(), true, 0, 0, 0, false, false);
    RefTensor values = latents.pick(sizes, beginnings);
    return new AttentionOracle(
            plain, page, q, latents, values, cuSeqlensQ, kvLens, blockTable, q, q, select)
        .attend();
  }

  /** The result {@code [T, Hq, Dv]} of q's dtype. */
  public RefTensor attend() {
    int heads = q.size(1);
    RefTensor.Builder out = new RefTensor.Builder(q.dtype(), q.size(0), heads, v.size(2));
    for (int s = 0; s < kvLens.count(); s++) {
      long end = cuSeqlensQ.integer(s + 1);
      for (long t = cuSeqlensQ.integer(s); t < end; t++) {
        long position = kvLens.integer(s) - end + t;
        for (int h = 0; h < heads; h++) {
          row(out, s, (int) t, h, position);
        }
      }
    }
    return out.build();
  }

  private void row(RefTensor.Builder out, int s, int t, int h, long position) {
    int length = (int) kvLens.integer(s);
    double[] logits = new double[length];
    double[] errors = new double[length];
    double largest = op.sinks() ? sinks.real(h) : Double.NEGATIVE_INFINITY;
    for (int j = 0; j < length; j++) {
      logits[j] = Double.NEGATIVE_INFINITY;
      if (allowed(position, j) && isSelected(t, j)) {
        logit(s, t, h, j, position, logits, errors);
        largest = Math.max(largest, logits[j]);
      }
    }
    int width = v.size(2);
    double[] sums = new double[width];
    double[] magnitudes = new double[width];
    double[] carried = new double[width];
    double total = op.sinks() ? Math.exp(sinks.real(h) - largest) : 0;
    double totalError = 0;
    for (int j = 0; j < length; j++) {
      if (logits[j] == Double.NEGATIVE_INFINITY) {
        continue;
      }
      double p = Math.exp(logits[j] - largest);
      double error = p * (errors[j] + Tolerance.ACCUMULATOR * Math.abs(logits[j] - largest));
      total += p;
      totalError += error;
      for (int d = 0; d < width; d++) {
        double x = v.real((slot(s, j) * v.size(1) + kvHead(h)) * width + d);
        sums[d] += p * x;
        magnitudes[d] += p * Math.abs(x);
        carried[d] += error * Math.abs(x);
      }
    }
    // Nothing allowed leaves zeros; a total that is NaN is no such row.
    for (int d = 0; d < width && total != 0; d++) {
      double y = sums[d] / total;
      double slack =
          Tolerance.accumulated(length + 8L, magnitudes[d]) * 2
              + carried[d]
              + Math.abs(y) * totalError;
      out.near((t * q.size(1) + h) * width + d, y, slack / total + 0x1p-126);
    }
  }

  private int kvHead(int h) {
    return h / (q.size(1) / k.size(1));
  }

  private int slot(int s, int j) {
    long table = blockTable.integer(s * blockTable.size(1) + j / page);
    return (int) table * page + j % page;
  }

  private boolean isSelected(int t, int j) {
    RefTensor s = select;
    if (s == null) {
      return true;
    }
    int k = s.size(1);
    return IntStream.range(t * k, (t + 1) * k).anyMatch(i -> s.integer(i) == j);
  }

  private boolean allowed(long p, long j) {
    return (!op.causal() || j <= p)
        && (op.window() == 0 || j > p - op.window())
        && (op.chunk() == 0 || j / op.chunk() == p / op.chunk());
  }

  private void logit(int s, int t, int h, int j, long position, double[] logits, double[] errors) {
    int width = k.size(2);
    double dot = 0;
    double magnitude = 0;
    for (int d = 0; d < width; d++) {
      double product =
          q.real((t * q.size(1) + h) * width + d)
              * k.real((slot(s, j) * k.size(1) + kvHead(h)) * width + d);
      dot += product;
      magnitude += Math.abs(product);
    }
    double logit = dot * op.scale();
    double error = Tolerance.accumulated(width, magnitude) * Math.abs(op.scale());
    error += 2 * Tolerance.ACCUMULATOR * Math.abs(logit);
    if (op.softcap() > 0) {
      logit = op.softcap() * Math.tanh(logit / op.softcap());
      error += 8 * Tolerance.ACCUMULATOR * Math.abs(logit);
    }
    if (op.alibi()) {
      double bias = alibi.real(h) * (j - position);
      logit += bias;
      error += 2 * Tolerance.ACCUMULATOR * (Math.abs(bias) + Math.abs(logit));
    }
    logits[j] = logit;
    errors[j] = error;
  }
}
