package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CompositeOp.GroupScore;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import dev.lamina.spi.ir.DType;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Choice of experts and projection by them, from their formulas. */
public final class ExpertOracle {
  private static final double U = Tolerance.ACCUMULATOR;

  /** Keys that differ by less than this share of the largest may change places in F32. */
  private static final double GAP = 1e-5;

  private ExpertOracle() {}

  /** Ids and weights; an empty bias means none. */
  public static List<RefTensor> route(CompositeOp.MoeRoute op, RefTensor logits, RefTensor bias) {
    int experts = logits.size(1);
    RefTensor.Builder ids = new RefTensor.Builder(DType.I32, logits.size(0), op.k());
    RefTensor.Builder weights = new RefTensor.Builder(DType.F32, logits.size(0), op.k());
    for (int t = 0; t < logits.size(0); t++) {
      Row row = new Row(op, logits, t, bias);
      if (!row.decided) {
        throw new AssertionError("ill-posed case: rounding decides the experts of token " + t);
      }
      double sum = 0;
      for (int e : row.chosen) {
        sum += row.scores[e];
      }
      double largest = Arrays.stream(row.logits).max().orElse(0);
      for (int j = 0; j < op.k(); j++) {
        int e = row.chosen[j];
        double factor = op.scale() / (op.normalised() ? sum + 1e-20 : 1);
        double w = factor * row.scores[e];
        // The argument of exp is rounded, so a small weight is off by more roundings.
        double roundings = 64 + 2 * Math.sqrt(experts) + 2 * Math.abs(largest - row.logits[e]);
        ids.exact(t * op.k() + j, e);
        weights.near(t * op.k() + j, w, (roundings * U * row.scores[e] + 0x1p-126) * factor);
      }
    }
    return List.of(ids.build(), weights.build());
  }

  /** Whether rounding in F32 can't change which experts are chosen, or their order. */
  public static boolean isDecided(CompositeOp.MoeRoute op, RefTensor logits, RefTensor bias) {
    return IntStream.range(0, logits.size(0)).allMatch(t -> new Row(op, logits, t, bias).decided);
  }

  /** One token's choice. */
  private static final class Row {
    final double[] logits;
    final double[] scores;
    final int[] chosen;
    boolean decided = true;

    Row(CompositeOp.MoeRoute op, RefTensor all, int token, RefTensor bias) {
      int experts = all.size(1);
      logits =
          IntStream.range(token * experts, (token + 1) * experts).mapToDouble(all::real).toArray();
      scores = scores(op.score(), logits);
      chosen = best(keys(op, bias), op.k());
    }

    /** What experts are ordered by; -inf for those whose group is out. */
    private double[] keys(CompositeOp.MoeRoute op, RefTensor bias) {
      double[] keys = logits.clone();
      if (op.biased() || op.groups() > 1 && op.groupScore() == GroupScore.TOP2_SUM) {
        for (int e = 0; e < keys.length; e++) {
          keys[e] = scores[e] + (op.biased() ? bias.real(e) : 0);
        }
      }
      if (op.topkGroups() == op.groups()) {
        return keys;
      }
      int each = keys.length / op.groups();
      double[] judged = new double[op.groups()];
      for (int g = 0; g < op.groups(); g++) {
        double[] own = Arrays.copyOfRange(keys, g * each, (g + 1) * each);
        Arrays.sort(own);
        judged[g] =
            switch (op.groupScore()) {
              case MAX -> own[each - 1];
              case TOP2_SUM -> own[each - 1] + own[each - 2];
            };
      }
      boolean[] stays = new boolean[op.groups()];
      for (int g : best(judged, op.topkGroups())) {
        stays[g] = true;
      }
      for (int e = 0; e < keys.length; e++) {
        keys[e] = stays[e / each] ? keys[e] : Double.NEGATIVE_INFINITY;
      }
      return keys;
    }

    /** The k largest, of equal ones the first. */
    private int[] best(double[] keys, int k) {
      int[] order =
          IntStream.range(0, keys.length)
              .boxed()
              .sorted(Comparator.comparingDouble(e -> -keys[e]))
              .mapToInt(Integer::intValue)
              .toArray();
      for (int i = 0; i < Math.min(k, keys.length - 1); i++) {
        double gap = keys[order[i]] - keys[order[i + 1]];
        decided &= gap == 0 || gap >= GAP * Math.max(1, Math.abs(keys[order[i]]));
      }
      return Arrays.copyOf(order, k);
    }
  }

  private static double[] scores(RouteScore score, double[] logits) {
    double largest = Arrays.stream(logits).max().orElse(0);
    double sum = Arrays.stream(logits).map(l -> Math.exp(l - largest)).sum();
    return Arrays.stream(logits)
        .map(l ->
            switch (score) {
              case SIGMOID -> 1 / (1 + Math.exp(-l));
              case SOFTMAX -> Math.exp(l - largest) / sum;
            })
        .toArray();
  }

  /** Projection of x {@code [T, K]} or {@code [T, k, K]} by w {@code [E, N, K]}. */
  public static RefTensor linear(
      DType dtype, RefTensor x, RefTensor w, RefTensor ids, RefTensor bias) {
    int k = ids.size(1);
    int n = w.size(1);
    int depth = w.size(2);
    RefTensor.Builder out = new RefTensor.Builder(dtype, ids.size(0), k, n);
    for (int i = 0; i < out.count(); i++) {
      int choice = i / n;
      int row = x.rank() == 2 ? choice / k : choice;
      int e = (int) ids.integer(choice);
      if (e < 0) {
        continue;
      }
      double sum = bias.count() == 0 ? 0 : bias.real(e * n + i % n);
      double magnitude = Math.abs(sum);
      for (int d = 0; d < depth; d++) {
        double product = x.real(row * depth + d) * w.real((e * n + i % n) * depth + d);
        sum += product;
        magnitude += Math.abs(product);
      }
      out.near(i, sum, Tolerance.accumulated(depth + 1L, magnitude));
    }
    return out.build();
  }
}
