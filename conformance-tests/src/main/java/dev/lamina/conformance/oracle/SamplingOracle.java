package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.DType;
import java.util.Arrays;
import java.util.List;

/** What is done to logits, row by row: penalties, masks, draws, log-probabilities. */
public final class SamplingOracle {
  private static final double U = Tolerance.ACCUMULATOR;

  /** Closer decisions than this depend on rounding, and a case must avoid them. */
  private static final double MARGIN = 1e-4;

  /** Answer for a row whose draw depends on rounding. */
  public static final int UNDECIDED = -1;

  private SamplingOracle() {}

  /**
   * Parameters of one row.
   *
   * @param temperature 0 for greedy
   * @param topK 0 for all
   * @param topP 1 for all
   * @param minP 0 for all
   * @param seed key of the generator
   * @param position counter of the generator
   */
  public record Draw(
      float temperature, int topK, float topP, float minP, long seed, long position) {}

  /** The token drawn, or {@link #UNDECIDED}. */
  public static int sample(double[] logits, Draw draw) {
    int n = logits.length;
    Integer[] order = new Integer[n];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Double.compare(logits[b], logits[a]));
    if (draw.temperature() == 0) {
      return order[0];
    }
    double[] e = new double[n];
    for (int i = 0; i < n; i++) {
      e[i] = Math.exp((logits[i] - logits[order[0]]) / draw.temperature());
      boolean isLargest = logits[i] == logits[order[0]];
      if (!isLargest && Math.abs(e[i] - draw.minP()) < MARGIN * draw.minP()) {
        return UNDECIDED;
      }
    }
    List<Integer> kept =
        Arrays.stream(order)
            .filter(i -> e[i] >= draw.minP())
            .limit(draw.topK() == 0 ? n : draw.topK())
            .toList();
    return drawn(logits, e, kept, draw);
  }

  private static int drawn(double[] logits, double[] e, List<Integer> kept, Draw draw) {
    double total = kept.stream().mapToDouble(i -> e[i]).sum();
    double before = 0;
    double best = Double.NEGATIVE_INFINITY;
    double second = best;
    int id = kept.getFirst();
    for (int i : kept) {
      double share = before / total;
      if (i != kept.getFirst() && draw.topP() < 1 && Math.abs(share - draw.topP()) < MARGIN) {
        return UNDECIDED;
      }
      if (i != kept.getFirst() && share >= draw.topP()) {
        break;
      }
      before += e[i];
      double noisy = logits[i] / draw.temperature() + gumbel(draw, i);
      second = Math.max(second, Math.min(noisy, best));
      id = noisy > best ? i : id;
      best = Math.max(best, noisy);
    }
    return best - second < MARGIN ? UNDECIDED : id;
  }

  private static double gumbel(Draw draw, int v) {
    int[] counter = {(int) draw.position(), (int) (draw.position() >>> 32), v / 4, 0};
    int r = philox(counter, (int) draw.seed(), (int) (draw.seed() >>> 32))[v % 4];
    return -Math.log(-Math.log(((r >>> 9) + 0.5) * 0x1p-23));
  }

  /** Philox-4x32-10: Salmon et al., SC 2011. */
  public static int[] philox(int[] counter, int key0, int key1) {
    int[] c = counter.clone();
    int k0 = key0;
    int k1 = key1;
    for (int round = 0; round < 10; round++) {
      long a = (c[0] & 0xffffffffL) * 0xD2511F53L;
      long b = (c[2] & 0xffffffffL) * 0xCD9E8D57L;
      c = new int[] {(int) (b >>> 32) ^ c[1] ^ k0, (int) b, (int) (a >>> 32) ^ c[3] ^ k1, (int) a};
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    return c;
  }

  /** Penalties; operands in the order of the op. */
  public static RefTensor penalties(List<RefTensor> in) {
    RefTensor logits = in.getFirst();
    RefTensor history = in.get(1);
    int vocab = logits.size(1);
    RefTensor.Builder out = new RefTensor.Builder(DType.F32, logits.sizes());
    for (int r = 0; r < logits.size(0); r++) {
      int[] all = new int[vocab];
      int[] output = new int[vocab];
      for (int i = 0; i < history.size(1); i++) {
        int id = (int) history.integer(r * history.size(1) + i);
        if (id >= 0) {
          all[id]++;
          output[id] += i >= in.get(2).integer(r) ? 1 : 0;
        }
      }
      for (int v = 0; v < vocab; v++) {
        double x = logits.real(r * vocab + v);
        double repetition = in.get(5).real(r);
        double repeated = all[v] == 0 ? x : x > 0 ? x / repetition : x * repetition;
        double taken = in.get(4).real(r) * output[v] + in.get(3).real(r) * (output[v] > 0 ? 1 : 0);
        boolean touched = all[v] > 0;
        double slack = touched ? 4 * U * (Math.abs(repeated) + 2 * Math.abs(taken)) : 0;
        out.near(r * vocab + v, repeated - taken, slack);
      }
    }
    return out.build();
  }

  /** Logits with -inf where a bit is 0. */
  public static RefTensor masked(RefTensor logits, RefTensor mask) {
    RefTensor.Builder out = new RefTensor.Builder(DType.F32, logits.sizes());
    int vocab = logits.size(1);
    for (int i = 0; i < logits.count(); i++) {
      int v = i % vocab;
      long word = mask.bits(i / vocab * mask.size(1) + v / 32);
      if ((word >> v % 32 & 1) == 1) {
        out.copy(i, logits, i);
      } else {
        out.near(i, Double.NEGATIVE_INFINITY, 0);
      }
    }
    return out.build();
  }

  /** Log-softmax at ids, its k largest, and their ids. */
  public static List<RefTensor> logprobs(RefTensor logits, RefTensor ids, int k) {
    int rows = logits.size(0);
    int vocab = logits.size(1);
    RefTensor.Builder chosen = new RefTensor.Builder(DType.F32, rows);
    RefTensor.Builder top = new RefTensor.Builder(DType.F32, rows, k);
    RefTensor.Builder topIds = new RefTensor.Builder(DType.I32, rows, k);
    for (int r = 0; r < rows; r++) {
      int first = r * vocab;
      Integer[] order = new Integer[vocab];
      Arrays.setAll(order, i -> i);
      Arrays.sort(order, (a, b) -> Double.compare(logits.real(first + b), logits.real(first + a)));
      double largest = logits.real(first + order[0]);
      double sum = 0;
      for (int v = 0; v < vocab; v++) {
        sum += Math.exp(logits.real(first + v) - largest);
      }
      // The logits themselves count: log-sum-exp may be one number that is subtracted.
      double slack = (4 * Math.sqrt(vocab) + 16 + 4 * Math.abs(largest)) * U;
      put(chosen, r, logits.real(first + (int) ids.integer(r)) - largest, Math.log(sum), slack);
      for (int i = 0; i < k; i++) {
        put(top, r * k + i, logits.real(first + order[i]) - largest, Math.log(sum), slack);
        topIds.exact(r * k + i, order[i]);
      }
    }
    return List.of(chosen.build(), top.build(), topIds.build());
  }

  private static void put(RefTensor.Builder out, int i, double centred, double log, double slack) {
    out.near(i, centred - log, slack + 4 * U * (Math.abs(centred) + log));
  }
}
