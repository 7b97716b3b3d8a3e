package dev.lamina.backend.sdk;

import java.util.function.DoubleUnaryOperator;

/** Composites in doubles, straight from their formulas. */
final class Reference {
  private Reference() {}

  /** By a series of positive terms: Abramowitz and Stegun 7.1.6. */
  static double erf(double x) {
    if (Double.isNaN(x)) {
      return x;
    }
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

  static double[] rmsNorm(double[] x, double[] w, int d, double eps) {
    double[] out = new double[x.length];
    for (int row = 0; row < x.length / d; row++) {
      double sum = 0;
      for (int i = 0; i < d; i++) {
        sum += x[row * d + i] * x[row * d + i];
      }
      for (int i = 0; i < d; i++) {
        out[row * d + i] = x[row * d + i] / Math.sqrt(sum / d + eps) * w[i];
      }
    }
    return out;
  }

  static double[] layerNorm(double[] x, double[] w, double[] b, int d, double eps) {
    double[] out = new double[x.length];
    for (int row = 0; row < x.length / d; row++) {
      double mean = 0;
      for (int i = 0; i < d; i++) {
        mean += x[row * d + i] / d;
      }
      double variance = 0;
      for (int i = 0; i < d; i++) {
        variance += Math.pow(x[row * d + i] - mean, 2) / d;
      }
      for (int i = 0; i < d; i++) {
        out[row * d + i] = (x[row * d + i] - mean) / Math.sqrt(variance + eps) * w[i] + b[i];
      }
    }
    return out;
  }

  static double[] linear(double[] x, double[] w, double[] bias, int k) {
    int n = w.length / k;
    double[] out = new double[x.length / k * n];
    for (int i = 0; i < out.length; i++) {
      out[i] = bias.length == 0 ? 0 : bias[i % n];
      for (int j = 0; j < k; j++) {
        out[i] += x[i / n * k + j] * w[i % n * k + j];
      }
    }
    return out;
  }

  static double[] map(double[] x, DoubleUnaryOperator f) {
    double[] out = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      out[i] = f.applyAsDouble(x[i]);
    }
    return out;
  }

  /**
   * Rotates the pair (i, j) of each head.
   *
   * @param x {@code [T, H, D]}
   * @param angles {@code [T][pairs]}
   */
  static double[] rope(
      double[] x, int heads, int d, double[][] angles, double scale, boolean neox) {
    double[] out = x.clone();
    for (int t = 0; t < angles.length; t++) {
      int pairs = angles[t].length;
      for (int h = 0; h < heads; h++) {
        int base = (t * heads + h) * d;
        for (int p = 0; p < pairs; p++) {
          int i = base + (neox ? p : 2 * p);
          int j = base + (neox ? p + pairs : 2 * p + 1);
          double cos = Math.cos(angles[t][p]) * scale;
          double sin = Math.sin(angles[t][p]) * scale;
          out[i] = x[i] * cos - x[j] * sin;
          out[j] = x[j] * cos + x[i] * sin;
        }
      }
    }
    return out;
  }
}
