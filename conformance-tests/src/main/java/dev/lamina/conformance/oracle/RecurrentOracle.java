package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.DType;
import org.jspecify.annotations.Nullable;

/**
 * Composites with a state a sequence, row by row in double.
 *
 * @param slots which slot each sequence reads and writes, and its rows
 * @param entry the pool's entry before the step, exact
 */
public record RecurrentOracle(Slots slots, RefTensor entry) {
  /**
   * The sequences.
   *
   * @param reads I32 {@code [S]}
   * @param writes I32 {@code [S]}
   * @param cuSeqlensQ I32 {@code [S + 1]}
   */
  public record Slots(RefTensor reads, RefTensor writes, RefTensor cuSeqlensQ) {
    int begin(int s) {
      return (int) cuSeqlensQ.integer(s);
    }
  }

  /**
   * What an op must give.
   *
   * @param out its rows
   * @param entry the entry after the step
   */
  public record Result(RefTensor out, RefTensor entry) {}

  /**
   * Operands of linear attention: {@code M = exp(decay) M + k u}, {@code o = scale q M}.
   *
   * @param q {@code [T, Hk, Dk]}
   * @param k {@code [T, Hk, Dk]}, of length at most 1 where there are betas
   * @param v {@code [T, Hv, Dv]}
   * @param decay {@code [T, Hv]} or {@code [T, Hv, Dk]}
   * @param rate {@code [Hv]}: decay is times it, and v times decay; null: neither
   * @param beta {@code [T, Hv]} from 0 to 1: u is {@code beta (v - k M)}; null: u is v
   * @param scale factor on q
   */
  public record Linear(
      RefTensor q,
      RefTensor k,
      RefTensor v,
      RefTensor decay,
      @Nullable RefTensor rate,
      @Nullable RefTensor beta,
      double scale) {}

  private RefTensor.Builder copied() {
    RefTensor.Builder next = new RefTensor.Builder(entry.dtype(), entry.sizes());
    for (int i = 0; i < entry.count(); i++) {
      next.copy(i, entry, i);
    }
    return next;
  }

  /** Linear attention. */
  public Result attend(Linear a) {
    RefTensor.Builder out =
        new RefTensor.Builder(a.v.dtype(), a.v.size(0), a.v.size(1), a.v.size(2));
    RefTensor.Builder next = copied();
    for (int s = 0; s < slots.reads.count(); s++) {
      for (int h = 0; h < a.v.size(1); h++) {
        for (int e = 0; e < a.v.size(2); e++) {
          column(a, s, h, e, out, next);
        }
      }
    }
    return new Result(out.build(), next.build());
  }

  /**
   * One column of a head's state. As a step of the rule never lengthens a column, neither does it
   * lengthen the error of one: errors of the rows add up, faded like the state.
   */
  private void column(
      Linear a, int s, int h, int e, RefTensor.Builder out, RefTensor.Builder next) {
    int heads = a.v.size(1);
    int width = a.v.size(2);
    int keyDim = a.k.size(2);
    double[] m = new double[keyDim];
    long read = slots.reads.integer(s);
    for (int d = 0; d < keyDim && read >= 0; d++) {
      m[d] = entry.real((int) ((read * heads + h) * keyDim + d) * width + e);
    }
    double error = 0;
    double unit = Tolerance.accumulated(keyDim + 64L, 1);
    for (int t = slots.begin(s); t < slots.begin(s + 1); t++) {
      int head = t * heads + h;
      int key = (t * a.k.size(1) + h / (heads / a.k.size(1))) * keyDim;
      double given = a.decay.real(a.decay.rank() == 3 ? head * keyDim : head);
      double step = a.rate == null ? 1 : given;
      double fade = 0;
      double known = 0;
      double before = norm(m);
      for (int d = 0; d < keyDim; d++) {
        double log =
            a.decay.rank() == 3
                ? a.decay.real(head * keyDim + d)
                : a.rate == null ? given : given * a.rate.real(h);
        // A log decay is rounded itself, and so are sums of them.
        m[d] *= Math.exp(log);
        fade = Math.max(fade, Math.exp(log) * (1 + Math.abs(log)));
        known += a.k.real(key + d) * m[d];
      }
      double value = a.v.real(head * width + e) * step;
      double u = a.beta == null ? value : a.beta.real(head) * (value - known);
      double length = 0;
      double query = 0;
      double sum = 0;
      double magnitude = 0;
      for (int d = 0; d < keyDim; d++) {
        double k = a.k.real(key + d);
        double q = a.q.real(key + d);
        m[d] += k * u;
        length += k * k;
        query += q * q;
        sum += q * m[d];
        magnitude += Math.abs(q * m[d]);
      }
      length = Math.sqrt(length);
      double written = length * (Math.abs(value) + before);
      error = Math.min(fade, 1) * error + 8 * unit * (before * Math.min(fade, 1) + written);
      double slack = Math.sqrt(query) * error + 8 * unit * magnitude;
      out.near(head * width + e, a.scale * sum, Math.abs(a.scale) * slack + 0x1p-126);
    }
    long write = slots.writes.integer(s);
    for (int d = 0; d < keyDim && write >= 0; d++) {
      next.near(
          (int) ((write * heads + h) * keyDim + d) * width + e,
          m[d],
          slots.begin(s) == slots.begin(s + 1) ? 0 : error + 0x1p-126);
    }
  }

  private static double norm(double[] m) {
    double sum = 0;
    for (double x : m) {
      sum += x * x;
    }
    return Math.sqrt(sum);
  }

  /**
   * Causal convolution.
   *
   * @param x {@code [T, C]}
   * @param w {@code [C, K]}
   * @param bias {@code [C]}, or null
   * @param silu whether the sum goes through silu
   */
  public Result convolve(RefTensor x, RefTensor w, @Nullable RefTensor bias, boolean silu) {
    int channels = x.size(1);
    int taps = w.size(1);
    RefTensor.Builder out = new RefTensor.Builder(x.dtype(), x.size(0), channels);
    RefTensor.Builder next = copied();
    for (int s = 0; s < slots.reads.count(); s++) {
      int begin = slots.begin(s);
      int end = slots.begin(s + 1);
      for (int c = 0; c < channels; c++) {
        for (int t = begin; t < end; t++) {
          double sum = bias == null ? 0 : bias.real(c);
          double magnitude = Math.abs(sum);
          for (int j = 0; j < taps; j++) {
            double product = w.real(c * taps + j) * row(x, s, t - (taps - 1) + j, c, taps);
            sum += product;
            magnitude += Math.abs(product);
          }
          double slack = Tolerance.accumulated(taps + 1L, magnitude);
          double y = silu ? sum / (1 + Math.exp(-sum)) : sum;
          double rounding = silu ? Tolerance.ulps(16, y) + 0x1p-126 : 0;
          out.near(t * channels + c, y, (silu ? 1.1 : 1) * slack + rounding);
        }
        long write = slots.writes.integer(s);
        for (int r = 0; r < taps - 1 && write >= 0; r++) {
          double kept = row(x, s, end - (taps - 1) + r, c, taps);
          next.near((int) (write * (taps - 1) + r) * channels + c, kept, 0);
        }
      }
    }
    return new Result(out.build(), next.build());
  }

  /** Row t of a sequence, which may lie before the step. */
  private double row(RefTensor x, int s, int t, int c, int taps) {
    int before = t - slots.begin(s);
    if (before >= 0) {
      return x.real(t * x.size(1) + c);
    }
    long read = slots.reads.integer(s);
    int kept = (int) (read * (taps - 1)) + taps - 1 + before;
    return read < 0 ? 0 : entry.real(kept * x.size(1) + c);
  }

  /** Slots of this many sequences, as tensors. */
  public static Slots slots(long[] reads, long[] writes, long[] cuSeqlensQ) {
    return new Slots(ints(reads), ints(writes), ints(cuSeqlensQ));
  }

  private static RefTensor ints(long[] values) {
    return RefTensor.exact(DType.I32, new long[] {values.length}, values);
  }
}
