package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Draws of tokens, step by step; bugs override a method. */
class PlainSample implements Kernel {
  @Override
  public void run(KernelArgs args) {
    Cells logits = Cells.in(args, 0);
    int vocab = logits.size(1);
    for (int r = 0; r < logits.size(0); r++) {
      double[] x = new double[vocab];
      for (int v = 0; v < vocab; v++) {
        x[v] = logits.get((long) r * vocab + v);
      }
      double temperature = Cells.in(args, 1).get(r);
      Row row =
          new Row(
              r,
              temperature,
              (int) Cells.in(args, 2).integer(r),
              Cells.in(args, 3).get(r),
              Cells.in(args, 4).get(r),
              Cells.in(args, 5).integer(r),
              Cells.in(args, 6).integer(r));
      Cells.out(args, 0).setInteger(r, draw(x, row));
    }
  }

  /** Parameters of a row. */
  record Row(
      int index,
      double temperature,
      int topK,
      double topP,
      double minP,
      long seed,
      long position) {}

  private int draw(double[] x, Row row) {
    Integer[] order = order(x);
    if (row.temperature() == 0) {
      return order[0];
    }
    double[] z = new double[x.length];
    for (int i = 0; i < z.length; i++) {
      z[i] = warm(x[i], row.temperature());
    }
    List<Integer> kept = kept(order, z, row);
    int best = kept.getFirst();
    double most = Double.NEGATIVE_INFINITY;
    for (int v : kept) {
      double noisy = noisy(z[v], row, v);
      if (noisy > most) {
        most = noisy;
        best = v;
      }
    }
    return best;
  }

  Integer[] order(double[] x) {
    Integer[] order = new Integer[x.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Double.compare(x[b], x[a]));
    return order;
  }

  double warm(double x, double temperature) {
    return x / temperature;
  }

  double noisy(double z, Row row, int v) {
    return z + gumbel(row, v);
  }

  /** Candidates, largest first. */
  List<Integer> kept(Integer[] order, double[] z, Row row) {
    return topP(topK(minP(List.of(order), z, row), row), z, row);
  }

  List<Integer> minP(List<Integer> order, double[] z, Row row) {
    double max = z[order.getFirst()];
    // Where all are -inf, so that nothing compares, the first stays.
    return order.stream()
        .filter(v -> v == order.getFirst() || Math.exp(z[v] - max) >= row.minP())
        .toList();
  }

  List<Integer> topK(List<Integer> order, Row row) {
    int k = row.topK() == 0 ? order.size() : Math.min(row.topK(), order.size());
    return order.subList(0, k);
  }

  List<Integer> topP(List<Integer> order, double[] z, Row row) {
    double max = z[order.getFirst()];
    double total = order.stream().mapToDouble(v -> Math.exp(z[v] - max)).sum();
    List<Integer> kept = new ArrayList<>();
    double before = 0;
    for (int v : order) {
      if (kept.isEmpty() || reaches(before / total, Math.exp(z[v] - max) / total, row.topP())) {
        kept.add(v);
      }
      before += Math.exp(z[v] - max);
    }
    return kept;
  }

  /** Whether a token is within the mass. */
  boolean reaches(double before, double own, double topP) {
    return before < topP || topP >= 1;
  }

  double gumbel(Row row, int v) {
    int[] counter = {low(row.position()), high(row.position()), block(v), 0};
    int word = philox(counter, low(row.seed()), high(row.seed()))[lane(v)];
    return -Math.log(-Math.log(uniform(word)));
  }

  static int low(long v) {
    return (int) v;
  }

  static int high(long v) {
    return (int) (v >>> 32);
  }

  int block(int v) {
    return v / 4;
  }

  int lane(int v) {
    return v % 4;
  }

  double uniform(int word) {
    return ((word >>> 9) + 0.5) * 0x1p-23;
  }

  int rounds() {
    return 10;
  }

  private int[] philox(int[] counter, int key0, int key1) {
    int[] c = counter;
    for (int round = 0; round < rounds(); round++) {
      long a = (c[0] & 0xFFFFFFFFL) * 0xD2511F53L;
      long b = (c[2] & 0xFFFFFFFFL) * 0xCD9E8D57L;
      int k0 = key0 + round * 0x9E3779B9;
      int k1 = key1 + round * 0xBB67AE85;
      c = new int[] {high(b) ^ c[1] ^ k0, low(b), high(a) ^ c[3] ^ k1, low(a)};
    }
    return c;
  }
}
