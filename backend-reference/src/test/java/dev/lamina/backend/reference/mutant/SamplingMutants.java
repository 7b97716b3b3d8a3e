package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp.ApplyBitmask;
import dev.lamina.spi.ir.CompositeOp.Logprobs;
import dev.lamina.spi.ir.CompositeOp.Penalties;
import dev.lamina.spi.ir.CompositeOp.Sample;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What is done to logits. */
final class SamplingMutants {
  private SamplingMutants() {}

  static void addTo(MutantList list) {
    list.area("sampling", "sample/*");
    order(list);
    cuts(list);
    noise(list);
    list.area("penalties", "penalties/*");
    penalties(list);
    list.area("bit mask", "apply_bitmask/*");
    bitmasks(list);
    list.area("log-probabilities", "logprobs/*");
    logprobs(list);
  }

  private static void order(MutantList list) {
    list.op(
        "sample-greedy-last-tie",
        "the last of equal maxima",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              Integer[] order(double[] x) {
                Integer[] order = new Integer[x.length];
                Arrays.setAll(order, i -> x.length - 1 - i);
                Arrays.sort(order, (a, b) -> Double.compare(x[b], x[a]));
                return order;
              }
            });
    list.op(
        "sample-cuts-before-temperature",
        "top-p and min-p of the cold logits",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double warm(double x, double temperature) {
                return x;
              }

              @Override
              double noisy(double z, Row row, int v) {
                return z / row.temperature() + gumbel(row, v);
              }
            });
    list.op(
        "sample-no-temperature",
        "temperature 1",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double warm(double x, double temperature) {
                return x;
              }
            });
    list.op(
        "sample-temperature-multiplied",
        "times the temperature",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double warm(double x, double temperature) {
                return x * temperature;
              }
            });
    list.op(
        "sample-top-p-before-top-k",
        "top-p over all of min-p's",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              List<Integer> kept(Integer[] order, double[] z, Row row) {
                List<Integer> both = new ArrayList<>(topP(minP(List.of(order), z, row), z, row));
                return topK(both, row);
              }
            });
    list.op(
        "sample-min-p-last",
        "min-p after top-p",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              List<Integer> kept(Integer[] order, double[] z, Row row) {
                return minP(topP(topK(List.of(order), row), z, row), z, row);
              }
            });
  }

  private static void cuts(MutantList list) {
    list.op("sample-top-k-one-more", "k + 1", Sample.class, op -> topK(1));
    list.op("sample-top-k-one-less", "k - 1", Sample.class, op -> topK(-1));
    list.op("sample-top-k-lost", "all", Sample.class, op -> topK(1 << 20));
    list.op(
        "sample-top-k-at-most-32",
        "at most 32 candidates",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              List<Integer> topK(List<Integer> order, Row row) {
                List<Integer> kept = super.topK(order, row);
                return row.topK() == 0 ? kept : kept.subList(0, Math.min(32, kept.size()));
              }
            });
    list.op(
        "sample-top-p-inclusive",
        "the sum counts the token itself",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              boolean reaches(double before, double own, double topP) {
                return super.reaches(before + own, own, topP);
              }
            });
    list.op(
        "sample-top-p-lost",
        "all",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              boolean reaches(double before, double own, double topP) {
                return true;
              }
            });
    list.op(
        "sample-top-p-of-the-mass",
        "of the whole mass, not of what top-k left",
        Sample.class,
        op ->
            new PlainSample() {
              private double share = 1;

              @Override
              List<Integer> kept(Integer[] order, double[] z, Row row) {
                double max = z[order[0]];
                List<Integer> left = topK(minP(List.of(order), z, row), row);
                double all = Arrays.stream(z).map(v -> Math.exp(v - max)).sum();
                share = left.stream().mapToDouble(v -> Math.exp(z[v] - max)).sum() / all;
                return topP(left, z, row);
              }

              @Override
              boolean reaches(double before, double own, double topP) {
                return super.reaches(before * share, own, topP);
              }
            });
    list.op(
        "sample-min-p-of-one",
        "min-p as a probability",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              List<Integer> minP(List<Integer> order, double[] z, Row row) {
                double max = z[order.getFirst()];
                double all = Arrays.stream(z).map(v -> Math.exp(v - max)).sum();
                List<Integer> kept =
                    order.stream().filter(v -> Math.exp(z[v] - max) / all >= row.minP()).toList();
                return kept.isEmpty() ? order.subList(0, 1) : kept;
              }
            });
    list.op(
        "sample-min-p-lost",
        "all",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              List<Integer> minP(List<Integer> order, double[] z, Row row) {
                return order;
              }
            });
  }

  private static PlainSample topK(int more) {
    return new PlainSample() {
      @Override
      List<Integer> topK(List<Integer> order, Row row) {
        int k = Math.max(1, Math.min(row.topK() + more, order.size()));
        return row.topK() == 0 ? order : order.subList(0, k);
      }
    };
  }

  private static void noise(MutantList list) {
    list.op(
        "sample-seed-of-the-row",
        "the row's number takes part in the draw",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double gumbel(Row row, int v) {
                return super.gumbel(with(row, row.seed() + row.index(), row.position()), v);
              }
            });
    list.op(
        "sample-position-lost",
        "the position does not count",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double gumbel(Row row, int v) {
                return super.gumbel(with(row, row.seed(), 0), v);
              }
            });
    list.op(
        "sample-position-in-32-bits",
        "the position's high word is lost",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double gumbel(Row row, int v) {
                return super.gumbel(with(row, row.seed(), row.position() & 0xFFFFFFFFL), v);
              }
            });
    list.op(
        "sample-seed-in-32-bits",
        "the seed's high word is lost",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double gumbel(Row row, int v) {
                return super.gumbel(with(row, row.seed() & 0xFFFFFFFFL, row.position()), v);
              }
            });
    list.op(
        "sample-first-lane",
        "one word for four tokens",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              int lane(int v) {
                return 0;
              }
            });
    list.op(
        "sample-block-of-256",
        "tokens of the same place modulo 256 share noise",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              int block(int v) {
                return v / 4 % 64;
              }
            });
    list.op(
        "sample-7-rounds",
        "seven rounds of Philox",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              int rounds() {
                return 7;
              }
            });
    list.op(
        "sample-other-bits",
        "the low bits of a word",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double uniform(int word) {
                return ((word & 0x7FFFFF) + 0.5) * 0x1p-23;
              }
            });
    list.op(
        "sample-no-noise",
        "greedy always",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double gumbel(Row row, int v) {
                return 0;
              }
            });
  }

  private static PlainSample.Row with(PlainSample.Row r, long seed, long position) {
    return new PlainSample.Row(
        r.index(), r.temperature(), r.topK(), r.topP(), r.minP(), seed, position);
  }

  private static void penalties(MutantList list) {
    list.op(
        "penalties-of-row-0",
        "row 0's penalties for all",
        Penalties.class,
        op ->
            new PlainLogits.Penalties() {
              @Override
              int row(int r) {
                return 0;
              }
            });
    list.op(
        "penalties-negative-divided",
        "negative logits are divided too",
        Penalties.class,
        op ->
            new PlainLogits.Penalties() {
              @Override
              double repeated(double x, double repetition) {
                return x / repetition;
              }
            });
    list.op(
        "penalties-repetition-of-output",
        "repetition over the output only",
        Penalties.class,
        op ->
            new PlainLogits.Penalties() {
              @Override
              boolean isRepeated(int all, int output) {
                return output > 0;
              }
            });
    list.op(
        "penalties-count-prompt",
        "presence and frequency over the prompt too",
        Penalties.class,
        op ->
            new PlainLogits.Penalties() {
              @Override
              boolean isOutput(int i, long numPrompt) {
                return true;
              }
            });
    list.op(
        "penalties-prompt-one-off",
        "the first output token counts as prompt",
        Penalties.class,
        op ->
            new PlainLogits.Penalties() {
              @Override
              boolean isOutput(int i, long numPrompt) {
                return i > numPrompt;
              }
            });
    list.op(
        "penalties-swapped",
        "presence and frequency change places",
        Penalties.class,
        op ->
            new PlainLogits.Penalties() {
              @Override
              double taken(int count, double presence, double frequency) {
                return super.taken(count, frequency, presence);
              }
            });
    list.op(
        "penalties-presence-by-count",
        "presence a token's count",
        Penalties.class,
        op ->
            new PlainLogits.Penalties() {
              @Override
              double taken(int count, double presence, double frequency) {
                return (presence + frequency) * count;
              }
            });
    list.op(
        "penalties-frequency-once",
        "frequency once",
        Penalties.class,
        op ->
            new PlainLogits.Penalties() {
              @Override
              double taken(int count, double presence, double frequency) {
                return super.taken(Math.min(1, count), presence, frequency);
              }
            });
    list.op(
        "penalties-added",
        "added, not subtracted",
        Penalties.class,
        op ->
            new PlainLogits.Penalties() {
              @Override
              double taken(int count, double presence, double frequency) {
                return -super.taken(count, presence, frequency);
              }
            });
  }

  private static void bitmasks(MutantList list) {
    list.op(
        "bitmask-bit-order",
        "the highest bit first",
        ApplyBitmask.class,
        op ->
            new PlainLogits.Bitmask() {
              @Override
              int bit(int v) {
                return 31 - v % 32;
              }
            });
    list.op(
        "bitmask-byte-order",
        "the highest byte first",
        ApplyBitmask.class,
        op ->
            new PlainLogits.Bitmask() {
              @Override
              int bit(int v) {
                return 24 - v % 32 / 8 * 8 + v % 8;
              }
            });
    list.op(
        "bitmask-first-word",
        "the first word for all",
        ApplyBitmask.class,
        op ->
            new PlainLogits.Bitmask() {
              @Override
              int word(int v) {
                return 0;
              }
            });
    list.op(
        "bitmask-finite",
        "a hidden token becomes -1e30",
        ApplyBitmask.class,
        op ->
            new PlainLogits.Bitmask() {
              @Override
              double hidden() {
                return -1e30;
              }
            });
  }

  private static void logprobs(MutantList list) {
    list.op(
        "logprobs-unnormalised",
        "logits minus their maximum",
        Logprobs.class,
        op ->
            new PlainLogits.Logprobs(op) {
              @Override
              double normaliser(double max, double sum) {
                return max;
              }
            });
    list.op(
        "logprobs-no-max",
        "exp without the maximum, in F32",
        Logprobs.class,
        op ->
            new PlainLogits.Logprobs(op) {
              @Override
              double shift(double max) {
                return 0;
              }

              @Override
              double normaliser(double max, double sum) {
                return (float) Math.log(sum > Float.MAX_VALUE ? Double.POSITIVE_INFINITY : sum);
              }
            });
    list.op(
        "logprobs-ties-reversed",
        "of equal ones the highest id first",
        Logprobs.class,
        op ->
            new PlainLogits.Logprobs(op) {
              @Override
              Integer[] order(double[] x) {
                Integer[] order = new Integer[x.length];
                Arrays.setAll(order, i -> x.length - 1 - i);
                Arrays.sort(order, (a, b) -> Double.compare(x[b], x[a]));
                return order;
              }
            });
    list.op(
        "logprobs-base-2",
        "log2 of the sum",
        Logprobs.class,
        op ->
            new PlainLogits.Logprobs(op) {
              @Override
              double normaliser(double max, double sum) {
                return max + Math.log(sum) / Math.log(2);
              }
            });
  }
}
