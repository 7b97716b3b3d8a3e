package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;

/** Norms, activations, rotary embedding, projections and lookup from their formulas. */
public final class LayerOracle {
  private static final double U = Tolerance.ACCUMULATOR;

  private LayerOracle() {}

  private static double folded(int d) {
    return (2 * Math.sqrt(d) + 16) * U;
  }

  /** Root mean square norm; an empty w means no weight. */
  public static RefTensor rmsNorm(CompositeOp.RmsNorm op, RefTensor x, RefTensor w) {
    RefTensor.Builder out = new RefTensor.Builder(x.dtype(), x.sizes());
    int d = x.size(x.rank() - 1);
    for (int row = 0; row < x.count(); row += d) {
      double squares = 0;
      for (int i = 0; i < d; i++) {
        squares += x.real(row + i) * x.real(row + i);
      }
      double root = Math.sqrt(squares / d + op.eps());
      for (int i = 0; i < d; i++) {
        double factor = op.weighted() ? w.real(i) + (op.plusOne() ? 1 : 0) : 1;
        double y = x.real(row + i) / root * factor;
        out.near(row + i, y, folded(d) * Math.abs(y));
      }
    }
    return out.build();
  }

  /** Layer norm; an empty b means no bias. */
  public static RefTensor layerNorm(
      CompositeOp.LayerNorm op, RefTensor x, RefTensor w, RefTensor b) {
    RefTensor.Builder out = new RefTensor.Builder(x.dtype(), x.sizes());
    int d = x.size(x.rank() - 1);
    for (int row = 0; row < x.count(); row += d) {
      double sum = 0;
      double magnitude = 0;
      for (int i = 0; i < d; i++) {
        sum += x.real(row + i);
        magnitude += Math.abs(x.real(row + i));
      }
      double mean = sum / d;
      double squares = 0;
      for (int i = 0; i < d; i++) {
        squares += Math.pow(x.real(row + i) - mean, 2);
      }
      double inverse = 1 / Math.sqrt(squares / d + op.eps());
      double shift = Tolerance.accumulated(d, magnitude) / d + U * Math.abs(mean);
      for (int i = 0; i < d; i++) {
        double bias = op.biased() ? b.real(i) : 0;
        double scaled = (x.real(row + i) - mean) * inverse * w.real(i);
        double slack =
            2 * shift * inverse * (Math.abs(w.real(i)) + Math.abs(scaled))
                + folded(d) * Math.abs(scaled)
                + 2 * U * Math.abs(bias);
        out.near(row + i, scaled + bias, slack);
      }
    }
    return out.build();
  }

  /** Gated activation. */
  public static RefTensor gated(CompositeOp.Gate gate, RefTensor g, RefTensor up) {
    RefTensor.Builder out = new RefTensor.Builder(g.dtype(), g.sizes());
    for (int i = 0; i < g.count(); i++) {
      double x = g.real(i);
      double cubic = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
      double y =
          switch (gate) {
            case SWIGLU -> x / (1 + Math.exp(-x));
            case GEGLU_TANH -> x / 2 * (1 + Math.tanh(cubic));
            case GEGLU_ERF -> x / 2 * (1 + erf(x / Math.sqrt(2)));
            case REGLU -> Math.max(x, 0);
          };
      double slack =
          switch (gate) {
            // The sigmoid alone may leave the normal range.
            case SWIGLU -> 20 * U * Math.abs(y) + 0x1p-126 * Math.abs(x);
            case GEGLU_TANH, GEGLU_ERF -> Math.abs(x) * (16 + 4 * Math.abs(x)) * U;
            case REGLU -> U * Math.abs(y);
          };
      double u = up.real(i);
      out.near(i, y * u, slack * Math.abs(u) + 2 * U * Math.abs(y * u));
    }
    return out.build();
  }

  /** By a series of positive terms: Abramowitz and Stegun 7.1.6. */
  private static double erf(double x) {
    if (Math.abs(x) > 6) {
      return Math.signum(x);
    }
    double term = x;
    double sum = 0;
    for (int n = 0; Math.abs(term) > 1e-20 * Math.abs(sum); n++) {
      sum += term;
      term *= 2 * x * x / (2 * n + 3);
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }

  /** Rotary embedding of x {@code [T, H, D]}. */
  public static RefTensor rope(
      CompositeOp.Rope op, RefTensor x, RefTensor positions, RefTensor freqs) {
    RefTensor.Builder out = new RefTensor.Builder(x.dtype(), x.sizes());
    int d = x.size(2);
    int pairs = op.rotaryDims() / 2;
    boolean neox = op.style() == CompositeOp.RopeStyle.NEOX;
    for (int i = 0; i < x.count(); i++) {
      out.copy(i, x, i);
    }
    for (int head = 0; head < x.size(0) * x.size(1); head++) {
      int token = head / x.size(1);
      for (int p = 0; p < pairs; p++) {
        double position = positions.real(section(op, p) * x.size(0) + token);
        double angle = (float) (position * freqs.real(p));
        double cos = Math.cos(angle) * op.scale();
        double sin = Math.sin(angle) * op.scale();
        int i = head * d + (neox ? p : 2 * p);
        int j = head * d + (neox ? p + pairs : 2 * p + 1);
        double a = x.real(i);
        double b = x.real(j);
        double slack = (Math.abs(a) + Math.abs(b)) * op.scale() * (0x1p-21 + 4 * U);
        out.near(i, a * cos - b * sin, slack);
        out.near(j, b * cos + a * sin, slack);
      }
    }
    return out.build();
  }

  private static int section(CompositeOp.Rope op, int pair) {
    int end = 0;
    for (int s = 0; s < op.sections().size(); s++) {
      end += op.sections().get(s);
      if (pair < end) {
        return s;
      }
    }
    return 0;
  }

  /** Projection of x {@code [.., K]} by w {@code [N, K]}; an empty bias means none. */
  public static RefTensor linear(DType dtype, RefTensor x, RefTensor w, RefTensor bias) {
    int n = w.size(0);
    int k = w.size(1);
    long[] sizes = x.sizes();
    sizes[sizes.length - 1] = n;
    RefTensor.Builder out = new RefTensor.Builder(dtype, sizes);
    for (int i = 0; i < out.count(); i++) {
      double sum = bias.count() == 0 ? 0 : bias.real(i % n);
      double magnitude = Math.abs(sum);
      for (int j = 0; j < k; j++) {
        double product = x.real(i / n * k + j) * w.real(i % n * k + j);
        sum += product;
        magnitude += Math.abs(product);
      }
      out.near(i, sum, Tolerance.accumulated(k + 1L, magnitude));
    }
    return out.build();
  }

  /** Rows of a table; zeros for an id below 0. */
  public static RefTensor embedding(DType dtype, RefTensor ids, RefTensor table) {
    int width = table.size(1);
    RefTensor.Builder out = new RefTensor.Builder(dtype, ids.count(), width);
    for (int i = 0; i < out.count(); i++) {
      long id = ids.integer(i / width);
      if (id >= 0) {
        out.near(i, table.real((int) id * width + i % width), 0);
      }
    }
    return out.build();
  }

  /** Decoded elements {@code [n, k]} of blocks given as bytes {@code [n, k / elements * bytes]}. */
  public static RefTensor decode(QuantFormat format, RefTensor bytes, long n, long k) {
    RefTensor.Builder out = new RefTensor.Builder(DType.F32, n, k);
    int elements = format.elements();
    for (int i = 0; i < out.count(); i++) {
      int block = i / elements * format.bytes();
      double v = BlockOracle.element(format.spec(), b -> (int) bytes.bits(block + b), i % elements);
      out.near(i, v, 0);
    }
    return out.build();
  }
}
