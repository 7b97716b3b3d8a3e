package dev.lamina.backend.cpuvector.kernels;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CompositeOp.GroupScore;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the experts of each token, a token a task's line: a few hundred scores and as many
 * comparisons for each expert chosen. One instance serves one pool; not thread-safe.
 */
public final class Router {
  private static final int TOKENS = 16;

  private final WorkerPool pool;
  private final Line[] lines;

  /**
   * Makes the kernel.
   *
   * @param pool threads to use
   */
  public Router(WorkerPool pool) {
    this.pool = pool;
    lines = new Line[pool.size()];
    Arrays.setAll(lines, i -> new Line());
  }

  /**
   * Chooses.
   *
   * @param op the attributes
   * @param logits {@code [tokens, experts]}
   * @param tokens T
   * @param experts E
   * @param bias {@code [experts]}, or null
   * @param ids I32 {@code [tokens, op.k()]}
   * @param weights F32 {@code [tokens, op.k()]}
   */
  public void run(
      CompositeOp.MoeRoute op,
      Linear.Rows logits,
      int tokens,
      int experts,
      Linear.@Nullable Rows bias,
      Linear.Rows ids,
      Linear.Rows weights) {
    pool.forEach(
        (tokens + TOKENS - 1) / TOKENS,
        (index, worker) -> {
          for (int t = index * TOKENS; t < Math.min(tokens, (index + 1) * TOKENS); t++) {
            lines[worker].run(op, logits, (long) t * experts, experts, bias);
            lines[worker].store(op, ids, weights, (long) t * op.k());
          }
        });
  }

  /** One token's scratch. */
  private static final class Line {
    private float[] scores = {};
    private float[] keys = {};
    private float[] groups = {};
    private int[] chosen = {};

    void run(
        CompositeOp.MoeRoute op,
        Linear.Rows logits,
        long at,
        int experts,
        Linear.@Nullable Rows bias) {
      if (scores.length != experts) {
        scores = new float[experts];
        keys = new float[experts];
      }
      if (chosen.length < Math.max(op.k(), op.topkGroups())) {
        chosen = new int[Math.max(op.k(), op.topkGroups())];
      }
      for (int e = 0; e < experts; e++) {
        keys[e] = load(logits, at + e);
      }
      score(op);
      if (bias != null) {
        for (int e = 0; e < experts; e++) {
          keys[e] = scores[e] + load(bias, e);
        }
      } else if (op.groups() > 1 && op.groupScore() == GroupScore.TOP2_SUM) {
        System.arraycopy(scores, 0, keys, 0, experts);
      }
      for (int e = 0; e < experts; e++) {
        keys[e] = Float.isNaN(keys[e]) ? Float.NEGATIVE_INFINITY : keys[e];
      }
      if (op.topkGroups() < op.groups()) {
        keepGroups(op);
      }
      best(keys, op.k());
    }

    private static float load(Linear.Rows rows, long element) {
      return Elements.load(rows.type(), rows.data(), rows.offset() + element * rows.type().bytes());
    }

    /** Scores of the logits that {@code keys} holds; in double, so that no sum is off. */
    private void score(CompositeOp.MoeRoute op) {
      switch (op.score()) {
        case SIGMOID -> {
          for (int e = 0; e < keys.length; e++) {
            scores[e] = (float) (1 / (1 + Math.exp(-keys[e])));
          }
        }
        case SOFTMAX -> {
          float largest = Float.NEGATIVE_INFINITY;
          for (float key : keys) {
            largest = Math.max(largest, key);
          }
          double sum = 0;
          for (float key : keys) {
            sum += Math.exp(key - (double) largest);
          }
          for (int e = 0; e < keys.length; e++) {
            scores[e] = (float) (Math.exp(keys[e] - (double) largest) / sum);
          }
        }
      }
    }

    /** Keys outside of the best groups become -inf. */
    private void keepGroups(CompositeOp.MoeRoute op) {
      if (groups.length != op.groups()) {
        groups = new float[op.groups()];
      }
      int each = keys.length / groups.length;
      for (int g = 0; g < groups.length; g++) {
        float first = Float.NEGATIVE_INFINITY;
        float second = Float.NEGATIVE_INFINITY;
        for (int e = g * each; e < (g + 1) * each; e++) {
          second = keys[e] > first ? first : Math.max(second, keys[e]);
          first = Math.max(first, keys[e]);
        }
        groups[g] = op.groupScore() == GroupScore.MAX ? first : first + second;
      }
      best(groups, op.topkGroups());
      for (int g = 0; g < groups.length; g++) {
        boolean stays = false;
        for (int j = 0; j < op.topkGroups(); j++) {
          stays |= chosen[j] == g;
        }
        if (!stays) {
          Arrays.fill(keys, g * each, (g + 1) * each, Float.NEGATIVE_INFINITY);
        }
      }
    }

    /** Indices of the n largest in descending order, of equal ones the first. */
    private void best(float[] values, int n) {
      for (int j = 0; j < n; j++) {
        int at = -1;
        for (int i = 0; i < values.length; i++) {
          boolean behind = j == 0 || isBehind(values, i, chosen[j - 1]);
          if (behind && (at < 0 || values[i] > values[at])) {
            at = i;
          }
        }
        chosen[j] = at;
      }
    }

    /** Whether i comes after the one chosen last. */
    private static boolean isBehind(float[] values, int i, int last) {
      return values[i] < values[last] || values[i] == values[last] && i > last;
    }

    void store(CompositeOp.MoeRoute op, Linear.Rows ids, Linear.Rows weights, long at) {
      float sum = 0;
      for (int j = 0; j < op.k(); j++) {
        sum += scores[chosen[j]];
      }
      float divisor = op.normalised() ? sum + 1e-20f : 1;
      for (int j = 0; j < op.k(); j++) {
        float w = scores[chosen[j]] / divisor * (float) op.scale();
        ids.data().set(Lanes.I32, ids.offset() + 4 * (at + j), chosen[j]);
        weights.data().set(Lanes.F32, weights.offset() + 4 * (at + j), w);
      }
    }
  }
}
