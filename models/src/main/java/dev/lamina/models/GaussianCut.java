package dev.lamina.models;

import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;

/**
 * Leaves of each row what would be its largest share if it were normally distributed: {@code max(x
 * - (mean + z * deviation), 0)}, with the z that so many of a normal distribution stay below.
 * Source: arXiv:2506.06644 (Spark Transformer), section 3.2.
 */
final class GaussianCut {
  private GaussianCut() {}

  /** Cuts a share of {@code x[R, I]}, above 0 and below 1. */
  static Value of(Layers l, Value x, double share) {
    Ops g = l.graph;
    Value mean = mean(l, x);
    Value apart = g.sub(x, g.broadcast(mean, x.shape(), 0));
    Value deviation = g.unary(UnaryKind.SQRT, mean(l, g.mul(apart, apart)));
    Value cut = g.add(mean, l.scale(deviation, quantile(share)));
    Value above = g.sub(x, g.broadcast(cut, x.shape(), 0));
    return g.binary(BinaryKind.MAX, above, g.fillLike(above, 0));
  }

  private static Value mean(Layers l, Value x) {
    Value sum = l.graph.reduce(ReduceKind.SUM, x, 1);
    return l.scale(sum, 1.0 / x.shape().dim(1).upperBound());
  }

  /** What a share of the normal distribution stays below, by halving an interval. */
  static double quantile(double share) {
    double low = -9;
    double high = 9;
    for (int i = 0; i < 60; i++) {
      double middle = (low + high) / 2;
      if (below(middle) < share) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return (low + high) / 2;
  }

  /** The share of the normal distribution below z: {@code 1/2 + phi(z) (z + z^3/3 + z^5/15 ..)}. */
  private static double below(double z) {
    double term = z;
    double sum = z;
    for (int i = 3; i < 400; i += 2) {
      term *= z * z / i;
      sum += term;
    }
    return 0.5 + Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI) * sum;
  }
}
