package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CompositeOp;

/** Rotary embedding and gated activations; bugs override a method. */
final class PlainLayers {
  private PlainLayers() {}

  /** Rotary embedding of {@code [T, H, D]}. */
  static class Rope implements Kernel {
    final CompositeOp.Rope op;
    int numTokens;
    int numHeads;
    int headDim;

    Rope(CompositeOp.Rope op) {
      this.op = op;
    }

    @Override
    public void run(KernelArgs args) {
      Cells x = Cells.in(args, 0);
      Cells positions = Cells.in(args, 1);
      Cells freqs = Cells.in(args, 2);
      Cells out = Cells.out(args, 0);
      numTokens = x.size(0);
      numHeads = x.size(1);
      headDim = x.size(2);
      for (int i = 0; i < x.count(); i++) {
        out.set(i, x.get(i));
      }
      int pairs = rotaryDims() / 2;
      for (int head = 0; head < numTokens * numHeads; head++) {
        for (int p = 0; p < Math.min(pairs, freqs.count()); p++) {
          int token = head / numHeads;
          long position = positions.integer((long) section(p) * numTokens + token);
          double angle = angle(position, freqs.get(p), head % numHeads);
          int i = head * headDim + (isNeox() ? p : 2 * p);
          int j = head * headDim + (isNeox() ? p + pairs : 2 * p + 1);
          double cos = Math.cos(angle) * scale(p);
          double sin = Math.sin(angle) * sinScale(p);
          out.set(i, x.get(i) * cos - x.get(j) * sin);
          out.set(j, x.get(j) * cos + x.get(i) * sin);
        }
      }
    }

    int rotaryDims() {
      return op.rotaryDims();
    }

    boolean isNeox() {
      return op.style() == CompositeOp.RopeStyle.NEOX;
    }

    double angle(long position, double freq, int head) {
      return (float) position * (float) freq;
    }

    double scale(int pair) {
      return op.scale();
    }

    double sinScale(int pair) {
      return scale(pair);
    }

    int section(int pair) {
      int end = 0;
      for (int s = 0; s < op.sections().size(); s++) {
        end += op.sections().get(s);
        if (pair < end) {
          return s;
        }
      }
      return 0;
    }
  }

  /** A gate times up. */
  static class Gated implements Kernel {
    final CompositeOp.GatedActivation op;

    Gated(CompositeOp.GatedActivation op) {
      this.op = op;
    }

    @Override
    public void run(KernelArgs args) {
      Cells gate = Cells.in(args, 0);
      Cells up = Cells.in(args, 1);
      Cells out = Cells.out(args, 0);
      for (int i = 0; i < out.count(); i++) {
        out.set(i, product(gate.get(i), up.get(i)));
      }
    }

    double product(double g, double u) {
      return gate(g) * u;
    }

    double gate(double g) {
      return switch (op.gate()) {
        case SWIGLU -> g / (1 + Math.exp(-g));
        case GEGLU_TANH -> geluTanh(g);
        case GEGLU_ERF -> geluErf(g);
        case REGLU -> Math.max(g, 0);
      };
    }

    static double geluTanh(double g) {
      return g / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (g + 0.044715 * g * g * g)));
    }

    static double geluErf(double g) {
      return g / 2 * (1 + erf(g / Math.sqrt(2)));
    }

    /** By a series of positive terms. */
    private static double erf(double x) {
      if (Math.abs(x) > 6) {
        return Math.signum(x);
      }
      double sum = 0;
      double term = x;
      for (int n = 0; n < 200; n++) {
        sum += term;
        term *= 2 * x * x / (2 * n + 3);
      }
      return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
    }
  }
}
