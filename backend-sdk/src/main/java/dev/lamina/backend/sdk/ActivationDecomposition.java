package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.f32;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.max;
import static dev.lamina.backend.sdk.Elementwise.plus;
import static dev.lamina.backend.sdk.Elementwise.times;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;

/** Gated activations, in F32 with one rounding at the end. */
final class ActivationDecomposition {
  private ActivationDecomposition() {}

  static Value gated(Ops g, CompositeOp.GatedActivation op, Value gate, Value up) {
    Value x = f32(g, gate);
    Value activated =
        switch (op.gate()) {
          case SWIGLU -> g.mul(x, g.unary(UnaryKind.SIGMOID, x));
          case GEGLU_TANH -> geluTanh(g, x);
          case GEGLU_ERF -> halved(g, x, g.unary(UnaryKind.ERF, times(g, x, Math.sqrt(0.5))));
          case REGLU -> max(g, x, like(g, x, 0.0));
        };
    return g.cast(g.mul(activated, f32(g, up)), up.dtype());
  }

  /** {@code tanh(sqrt(2 / pi) (x + 0.044715 x^3))} in place of erf; source: arXiv:1606.08415. */
  private static Value geluTanh(Ops g, Value x) {
    Value cube = g.mul(g.mul(x, x), x);
    Value inner = times(g, g.add(x, times(g, cube, 0.044715)), Math.sqrt(2 / Math.PI));
    return halved(g, x, g.unary(UnaryKind.TANH, inner));
  }

  private static Value halved(Ops g, Value x, Value s) {
    return g.mul(times(g, x, 0.5), plus(g, s, 1.0));
  }
}
