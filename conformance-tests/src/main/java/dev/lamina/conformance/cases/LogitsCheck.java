package dev.lamina.conformance.cases;

/**
 * A row of logits against the right one.
 *
 * @param divergence Kullback-Leibler divergence of the probabilities from the right ones, in nats;
 *     NaN if a logit is no finite number
 * @param worstError largest difference of a logit
 * @param rightBest the token that should win
 * @param best the token that wins
 * @param margin by how much it should win
 */
record LogitsCheck(double divergence, double worstError, int rightBest, int best, double margin) {

  static LogitsCheck of(double[] right, double[] logits) {
    double rightNorm = logSumExp(right);
    double norm = logSumExp(logits);
    double divergence = 0;
    double worst = 0;
    int rightBest = 0;
    int best = 0;
    for (int i = 0; i < right.length; i++) {
      double logP = right[i] - rightNorm;
      divergence += Math.exp(logP) * (logP - (logits[i] - norm));
      worst = Math.max(worst, Math.abs(right[i] - logits[i]));
      rightBest = right[i] > right[rightBest] ? i : rightBest;
      best = logits[i] > logits[best] ? i : best;
    }
    double second = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < right.length; i++) {
      second = i == rightBest ? second : Math.max(second, right[i]);
    }
    // Rounding may make a divergence of nothing negative.
    return new LogitsCheck(
        Math.max(0, divergence), worst, rightBest, best, right[rightBest] - second);
  }

  private static double logSumExp(double[] x) {
    double max = Double.NEGATIVE_INFINITY;
    for (double v : x) {
      max = Math.max(max, v);
    }
    double sum = 0;
    for (double v : x) {
      sum += Math.exp(v - max);
    }
    return max + Math.log(sum);
  }
}
