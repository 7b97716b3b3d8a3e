package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CompositeOp.GroupScore;
import java.util.Arrays;

/** Choice of experts and projection by them; bugs override a method. */
final class PlainExperts {
  private PlainExperts() {}

  /** Choice of experts. */
  static class Route implements Kernel {
    final CompositeOp.MoeRoute op;
    int experts;

    Route(CompositeOp.MoeRoute op) {
      this.op = op;
    }

    @Override
    public void run(KernelArgs args) {
      Cells logits = Cells.in(args, 0);
      Cells ids = Cells.out(args, 0);
      Cells weights = Cells.out(args, 1);
      experts = logits.width();
      double[] bias = new double[experts];
      for (int e = 0; op.biased() && e < experts; e++) {
        bias[e] = Cells.in(args, 1).get(e);
      }
      double[] l = new double[experts];
      for (int t = 0; t < logits.height(); t++) {
        for (int e = 0; e < experts; e++) {
          l[e] = logits.get((long) t * experts + e);
        }
        double[] scores = scores(l);
        int[] chosen = best(keys(l, scores, bias), op.k());
        double sum = 0;
        for (int e : chosen) {
          sum += weight(scores[e], bias[e]);
        }
        for (int j = 0; j < op.k(); j++) {
          double w = weight(scores[chosen[j]], bias[chosen[j]]);
          ids.setInteger((long) t * op.k() + j, chosen[j]);
          weights.set((long) t * op.k() + j, (normalises() ? w / (sum + 1e-20) : w) * op.scale());
        }
      }
    }

    double[] scores(double[] logits) {
      double largest = Arrays.stream(logits).max().orElse(0);
      double sum = Arrays.stream(logits).map(v -> Math.exp(v - largest)).sum();
      return Arrays.stream(logits)
          .map(v ->
              switch (op.score()) {
                case SIGMOID -> 1 / (1 + Math.exp(-v));
                case SOFTMAX -> Math.exp(v - largest) / sum;
              })
          .toArray();
    }

    double[] keys(double[] logits, double[] scores, double[] bias) {
      double[] keys = logits.clone();
      if (op.biased() || op.groups() > 1 && op.groupScore() == GroupScore.TOP2_SUM) {
        Arrays.setAll(keys, e -> (float) ((float) scores[e] + bias[e]));
      }
      int each = experts / op.groups();
      double[] judged = new double[op.groups()];
      Arrays.setAll(judged, g -> judged(Arrays.copyOfRange(keys, g * each, (g + 1) * each)));
      boolean[] stays = new boolean[op.groups()];
      for (int g : best(judged, topkGroups())) {
        stays[g] = true;
      }
      for (int e = 0; e < experts; e++) {
        keys[e] = stays[e / each] ? keys[e] : Double.NEGATIVE_INFINITY;
      }
      return keys;
    }

    int topkGroups() {
      return op.topkGroups();
    }

    /** What stands for a group. */
    double judged(double[] group) {
      Arrays.sort(group);
      double best = group[group.length - 1];
      return op.groupScore() == GroupScore.MAX || group.length < 2
          ? best
          : (float) (best + group[group.length - 2]);
    }

    int[] best(double[] keys, int k) {
      int[] best = new int[k];
      boolean[] taken = new boolean[keys.length];
      for (int j = 0; j < k; j++) {
        int at = -1;
        for (int i = 0; i < keys.length; i++) {
          if (!taken[i] && (at < 0 || isBetter(keys[i], keys[at]))) {
            at = i;
          }
        }
        best[j] = at;
        taken[at] = true;
      }
      return best;
    }

    /** Whether a key beats one of a lower index. */
    boolean isBetter(double key, double other) {
      return key > other;
    }

    double weight(double score, double bias) {
      return score;
    }

    boolean normalises() {
      return op.normalised();
    }
  }

  /** Projection by the chosen experts. */
  static class Linear implements Kernel {
    final CompositeOp.MoeLinear op;
    final PlainLinear.Weights weights = new PlainLinear.Weights();
    int experts;
    int width;

    Linear(CompositeOp.MoeLinear op) {
      this.op = op;
    }

    @Override
    public void run(KernelArgs args) {
      Cells x = Cells.in(args, 0);
      Cells ids = Cells.in(args, 2);
      Cells out = Cells.out(args, 0);
      experts = (int) args.in(1).size(0);
      width = (int) args.in(1).size(1);
      int depth = (int) args.in(1).size(2);
      weights.bindRows(args.in(1), experts * width, depth);
      int k = ids.width();
      int[] tokens = new int[experts];
      for (int i = 0; i < ids.count(); i++) {
        if (ids.integer(i) >= 0) {
          tokens[(int) ids.integer(i)]++;
        }
      }
      for (int choice = 0; choice < ids.count(); choice++) {
        long id = ids.integer(choice);
        long row = x.tensor().rank() == 2 ? choice / k : ownRow(choice, k);
        for (int n = 0; n < width; n++) {
          double sum = 0;
          int e = id < 0 ? -1 : expert((int) id, tokens);
          for (int d = 0; e >= 0 && d < depth; d++) {
            sum += x.get(row * depth + d) * weights.get(e * width + n, d);
          }
          sum +=
              e >= 0 && op.biased() ? Cells.in(args, 3).get(biasRow(e, choice, k) * width + n) : 0;
          out.set((long) choice * width + n, id < 0 ? padding(n) : sum);
        }
      }
    }

    long ownRow(int choice, int k) {
      return choice;
    }

    /** The expert whose matrix is used. */
    int expert(int id, int[] tokens) {
      return id;
    }

    long biasRow(int expert, int choice, int k) {
      return expert;
    }

    double padding(int n) {
      return 0;
    }
  }
}
