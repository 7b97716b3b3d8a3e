package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CompositeOp;
import java.util.Arrays;

/** Penalties, bit masks and log-probabilities; bugs override a method. */
final class PlainLogits {
  private PlainLogits() {}

  /** Penalties. */
  static class Penalties implements Kernel {
    int vocab;

    @Override
    public void run(KernelArgs args) {
      Cells logits = Cells.in(args, 0);
      Cells history = Cells.in(args, 1);
      Cells out = Cells.out(args, 0);
      vocab = logits.size(1);
      int length = history.size(1);
      for (int r = 0; r < logits.size(0); r++) {
        int[] all = new int[vocab];
        int[] output = new int[vocab];
        for (int i = 0; i < length; i++) {
          long id = history.integer((long) r * length + i);
          if (id >= 0) {
            all[(int) id]++;
            output[(int) id] += isOutput(i, Cells.in(args, 2).integer(row(r))) ? 1 : 0;
          }
        }
        double presence = Cells.in(args, 3).get(row(r));
        double frequency = Cells.in(args, 4).get(row(r));
        double repetition = Cells.in(args, 5).get(row(r));
        for (int v = 0; v < vocab; v++) {
          double x = logits.get((long) r * vocab + v);
          double y = isRepeated(all[v], output[v]) ? repeated(x, repetition) : x;
          out.set((long) r * vocab + v, y - taken(output[v], presence, frequency));
        }
      }
    }

    int row(int r) {
      return r;
    }

    boolean isOutput(int i, long numPrompt) {
      return i >= numPrompt;
    }

    boolean isRepeated(int all, int output) {
      return all > 0;
    }

    double repeated(double x, double repetition) {
      return x > 0 ? x / repetition : x * repetition;
    }

    double taken(int count, double presence, double frequency) {
      return frequency * count + (count > 0 ? presence : 0);
    }
  }

  /** Bit masks. */
  static class Bitmask implements Kernel {
    int vocab;

    @Override
    public void run(KernelArgs args) {
      Cells logits = Cells.in(args, 0);
      Cells mask = Cells.in(args, 1);
      Cells out = Cells.out(args, 0);
      vocab = logits.size(1);
      for (int i = 0; i < logits.count(); i++) {
        long word = mask.integer((long) (i / vocab) * mask.size(1) + word(i % vocab));
        boolean allowed = (word >> bit(i % vocab) & 1) == 1;
        out.set(i, allowed ? logits.get(i) : hidden());
      }
    }

    int word(int v) {
      return v / 32;
    }

    int bit(int v) {
      return v % 32;
    }

    double hidden() {
      return Double.NEGATIVE_INFINITY;
    }
  }

  /** Log-probabilities. */
  static class Logprobs implements Kernel {
    final CompositeOp.Logprobs op;

    Logprobs(CompositeOp.Logprobs op) {
      this.op = op;
    }

    @Override
    public void run(KernelArgs args) {
      Cells logits = Cells.in(args, 0);
      Cells ids = Cells.in(args, 1);
      int vocab = logits.size(1);
      for (int r = 0; r < logits.size(0); r++) {
        double[] x = new double[vocab];
        for (int v = 0; v < vocab; v++) {
          x[v] = logits.get((long) r * vocab + v);
        }
        double max = shift(Arrays.stream(x).max().orElse(0));
        double sum = 0;
        for (double one : x) {
          sum += Math.exp(one - max);
        }
        double log = normaliser(max, sum);
        Cells.out(args, 0).set(r, x[(int) ids.integer(r)] - log);
        Integer[] order = order(x);
        for (int i = 0; i < op.k(); i++) {
          Cells.out(args, 1).set((long) r * op.k() + i, x[order[i]] - log);
          Cells.out(args, 2).setInteger((long) r * op.k() + i, order[i]);
        }
      }
    }

    double shift(double max) {
      return max;
    }

    double normaliser(double max, double sum) {
      return max + Math.log(sum);
    }

    Integer[] order(double[] x) {
      Integer[] order = new Integer[x.length];
      Arrays.setAll(order, i -> i);
      Arrays.sort(order, (a, b) -> Double.compare(x[b], x[a]));
      return order;
    }
  }
}
