package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CompositeOp;

/** Norms of rows; bugs override a method. */
final class PlainNorms {
  private PlainNorms() {}

  /** Root mean square norm. */
  static class Rms implements Kernel {
    final CompositeOp.RmsNorm op;
    int width;

    Rms(CompositeOp.RmsNorm op) {
      this.op = op;
    }

    @Override
    public void run(KernelArgs args) {
      Cells x = Cells.in(args, 0);
      Cells out = Cells.out(args, 0);
      width = x.width();
      for (int row = 0; row < x.height(); row++) {
        double squares = 0;
        for (int i = 0; i < counted(); i++) {
          squares += square(x.get((long) row * width + i));
        }
        double inverse = inverse(squares / divisor());
        for (int i = 0; i < width; i++) {
          double v = x.get((long) row * width + i) * inverse;
          out.set((long) row * width + i, v * factor(op.weighted() ? weight(args, i) : 1));
        }
      }
    }

    private static double weight(KernelArgs args, int i) {
      return Cells.in(args, 1).get(i);
    }

    int counted() {
      return width;
    }

    double square(double v) {
      return v * v;
    }

    double divisor() {
      return width;
    }

    double inverse(double mean) {
      return 1 / Math.sqrt(mean + op.eps());
    }

    double factor(double w) {
      return op.weighted() && op.plusOne() ? w + 1 : w;
    }
  }

  /** Layer norm. */
  static class Layer implements Kernel {
    final CompositeOp.LayerNorm op;
    int width;

    Layer(CompositeOp.LayerNorm op) {
      this.op = op;
    }

    @Override
    public void run(KernelArgs args) {
      Cells x = Cells.in(args, 0);
      Cells out = Cells.out(args, 0);
      width = x.width();
      for (int row = 0; row < x.height(); row++) {
        double[] v = new double[width];
        double sum = 0;
        for (int i = 0; i < width; i++) {
          v[i] = x.get((long) row * width + i);
          sum += v[i];
        }
        double mean = sum / width;
        double inverse = inverse(variance(v, mean));
        for (int i = 0; i < width; i++) {
          double bias = op.biased() ? Cells.in(args, 2).get(i) : 0;
          double scaled = (v[i] - shift(mean)) * inverse * Cells.in(args, 1).get(i);
          out.set((long) row * width + i, scaled + bias(bias));
        }
      }
    }

    double variance(double[] v, double mean) {
      double squares = 0;
      for (double one : v) {
        squares += (one - mean) * (one - mean);
      }
      return squares / divisor();
    }

    double divisor() {
      return width;
    }

    double inverse(double variance) {
      return 1 / Math.sqrt(variance + op.eps());
    }

    double shift(double mean) {
      return mean;
    }

    double bias(double b) {
      return b;
    }
  }
}
