package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.WeightSpec.Use;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;

/**
 * xIELU, an activation with two trained numbers a layer (arXiv:2411.13010): above 0 {@code ap * x^2
 * + b * x}, else {@code an * (e^min(x, eps) - 1 - x) + b * x}, with {@code ap = softplus(alpha_p)},
 * {@code an = b + softplus(alpha_n)}, b = 0.5 and eps = -1e-6.
 */
final class Xielu {
  private static final double BETA = 0.5;
  private static final double EPS = -1e-6;

  private Xielu() {}

  /**
   * @param x {@code [.., I]}
   * @param module its tensors {@code alpha_p [1]} and {@code alpha_n [1]}
   */
  static Value of(Ops g, WeightTable weights, Value x, String module) throws ModelException {
    Value ap = softplus(g, weights.get(module + ".alpha_p", Use.PLAIN, 1));
    Value an = softplus(g, weights.get(module + ".alpha_n", Use.PLAIN, 1));
    an = g.add(an, g.fillLike(an, BETA));
    Value linear = g.mul(x, g.fillLike(x, BETA));
    Value above = g.mul(like(g, ap, x), g.mul(x, x));
    Value low = g.unary(UnaryKind.EXP, g.binary(BinaryKind.MIN, x, g.fillLike(x, EPS)));
    Value below = g.mul(like(g, an, x), g.sub(g.sub(low, g.fillLike(x, 1)), x));
    Value positive = g.compare(CompareKind.LT, g.fillLike(x, 0), x);
    return g.add(linear, g.select(positive, above, below));
  }

  private static Value softplus(Ops g, Value trained) {
    Value w = trained.dtype() == DType.F32 ? trained : g.cast(trained, DType.F32);
    Value e = g.unary(UnaryKind.EXP, w);
    return g.unary(UnaryKind.LOG, g.add(e, g.fillLike(e, 1)));
  }

  private static Value like(Ops g, Value number, Value x) {
    Value n = x.dtype() == DType.F32 ? number : g.cast(number, x.dtype());
    return g.broadcast(n, x.shape(), x.shape().rank() - 1);
  }
}
