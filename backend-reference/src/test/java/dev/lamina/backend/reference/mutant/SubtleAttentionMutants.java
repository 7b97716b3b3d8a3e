package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp.PagedAttention;
import dev.lamina.spi.ir.CompositeOp.Sample;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** Bugs of attention and sampling that show in one corner only. */
final class SubtleAttentionMutants {
  private SubtleAttentionMutants() {}

  static void addTo(MutantList list) {
    list.area("attention, in a corner", "paged_attention/*");
    batches(list);
    keys(list);
    numbers(list);
    list.area("sampling, in a corner", "sample/*");
    samples(list);
  }

  private static void add(
      MutantList list, String name, String bug, Function<PagedAttention, PlainAttention> wrong) {
    AttentionMutants.add(list, name, bug, wrong);
  }

  private static void batches(MutantList list) {
    add(
        list,
        "sequence-8",
        "sequences from the ninth on take the eighth's pages",
        op ->
            new PlainAttention(op) {
              @Override
              int page(int s, int i) {
                int right = super.page(s, i);
                int wrong = s >= 8 ? super.page(7, i) : right;
                return wrong < 0 ? right : wrong;
              }
            });
    add(
        list,
        "sequence-32",
        "sequences from the 33rd on are 0",
        op ->
            new PlainAttention(op) {
              @Override
              double finish(double y, int s, int t, int h) {
                return s >= 32 ? 0 : y;
              }
            });
    add(
        list,
        "query-64",
        "rows from the 65th of a sequence on see one position more",
        op ->
            new PlainAttention(op) {
              @Override
              long position(int s, int t) {
                return super.position(s, t) + (t - start(s) >= 64 ? 1 : 0);
              }
            });
    add(
        list,
        "second-query-tile",
        "rows from the 17th on are scaled by 1.001",
        op ->
            new PlainAttention(op) {
              @Override
              double finish(double y, int s, int t, int h) {
                return t - start(s) >= 16 ? y * 1.001 : y;
              }
            });
    add(
        list,
        "decode-only",
        "decode rows are scaled by 1.001",
        op ->
            new PlainAttention(op) {
              @Override
              double finish(double y, int s, int t, int h) {
                return end(s) - start(s) == 1 ? y * 1.001 : y;
              }
            });
    add(
        list,
        "head-16",
        "heads from 16 on read KV head 0",
        op ->
            new PlainAttention(op) {
              @Override
              int kvHead(int h) {
                return h >= 16 ? 0 : super.kvHead(h);
              }
            });
    add(
        list,
        "ungrouped-heads",
        "a KV head each: heads are reversed",
        op ->
            new PlainAttention(op) {
              @Override
              int valueHead(int h) {
                return numHeads == numKvHeads ? numHeads - 1 - h : kvHead(h);
              }
            });
  }

  private static void keys(MutantList list) {
    add(
        list,
        "split-not-rescaled",
        "keys beyond 512 are weighted by a maximum of their own",
        op ->
            new PlainAttention(op) {
              @Override
              double logit(int s, int t, int h, int j) {
                return super.logit(s, t, h, j) + (j >= 512 ? 0.01 : 0);
              }
            });
    add(
        list,
        "keys-beyond-4096",
        "keys from 4096 on are left out",
        op ->
            new PlainAttention(op) {
              @Override
              boolean allowed(long p, long j, int h) {
                return super.allowed(p, j, h) && (j < 4096 || j == p);
              }
            });
    add(
        list,
        "positions-beyond-4096",
        "the window is one wider beyond 4096",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                return super.inWindow(p > 4096 && op.window() > 0 ? p - 1 : p, j);
              }
            });
    add(
        list,
        "page-in-8-bits",
        "page ids wrap at 256",
        op ->
            new PlainAttention(op) {
              @Override
              int page(int s, int i) {
                int right = super.page(s, i);
                return right < 0 ? right : right & 255;
              }
            });
    add(
        list,
        "slot-in-16-bits",
        "slots wrap at 32768",
        op ->
            new PlainAttention(op) {
              @Override
              int slot(int s, int j) {
                return super.slot(s, j) & 0x7FFF;
              }
            });
    add(
        list,
        "window-and-chunk",
        "with chunks the window is lost",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                return op.chunk() > 0 || super.inWindow(p, j);
              }
            });
    add(
        list,
        "window-of-one",
        "a window of 1 is 2",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                return op.window() == 1 ? j > p - 2 : super.inWindow(p, j);
              }
            });
    add(
        list,
        "chunk-edge",
        "a chunk's first position sees the chunk before",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inChunk(long p, long j) {
                boolean first = op.chunk() > 0 && p % op.chunk() == 0 && p > 0;
                return first ? j >= p - 1 : super.inChunk(p, j);
              }
            });
    add(
        list,
        "stale-window-page",
        "values of pages before the window are weighted by 0, NaN too",
        op ->
            new PlainAttention(op) {
              @Override
              double finish(double y, int s, int t, int h) {
                double stale = 0;
                for (int j = 0; j < position(s, t) && op.window() > 0; j++) {
                  stale += 0 * logit(s, t, h, j);
                }
                return y + stale;
              }
            });
    add(
        list,
        "non-causal-last-key",
        "without a causal mask the last key is left out",
        op ->
            new PlainAttention(op) {
              @Override
              boolean allowed(long p, long j, int h) {
                return super.allowed(p, j, h) && (op.causal() || j <= p || j < lastKey);
              }

              private long lastKey;

              @Override
              int visible(int s, int t) {
                lastKey = kvLen(s) - 1L;
                return super.visible(s, t);
              }
            });
    add(
        list,
        "empty-rows-left",
        "rows of no sequence are left as they were",
        op ->
            new PlainAttention(op) {
              @Override
              void clear(Cells out) {
                // The bug.
              }
            });
  }

  private static void numbers(MutantList list) {
    add(
        list,
        "probabilities-in-bf16",
        "weights are rounded to BF16",
        op ->
            new PlainAttention(op) {
              @Override
              double weight(double logit, double max) {
                return Spoils.toBf16(super.weight(logit, max));
              }
            });
    add(
        list,
        "small-weights-lost",
        "weights below 1e-3 are 0",
        op ->
            new PlainAttention(op) {
              @Override
              double weight(double logit, double max) {
                double w = super.weight(logit, max);
                return w < 1e-3 ? 0 : w;
              }
            });
    add(
        list,
        "exp-by-8-bits",
        "the exponential has a relative error of 1e-4",
        op ->
            new PlainAttention(op) {
              @Override
              double weight(double logit, double max) {
                return super.weight(logit, max) * (1 + 1e-4 * Math.sin(100 * logit));
              }
            });
    add(
        list,
        "alibi-in-bf16",
        "slopes are rounded to BF16",
        op ->
            new PlainAttention(op) {
              @Override
              double slope(int h) {
                return Spoils.toBf16(super.slope(h));
              }
            });
    add(
        list,
        "alibi-at-most-64",
        "the distance stops at 64",
        op ->
            new PlainAttention(op) {
              @Override
              double biased(double logit, int h, long distance) {
                return super.biased(logit, h, Math.max(-64, distance));
              }
            });
    add(
        list,
        "softcap-in-f16",
        "the softcap is applied in F16",
        op ->
            new PlainAttention(op) {
              @Override
              double capped(double logit) {
                return op.softcap() > 0 ? Spoils.toF16(super.capped(logit)) : logit;
              }
            });
    add(
        list,
        "sink-positive-only",
        "a sink below zero is 0",
        op ->
            new PlainAttention(op) {
              @Override
              double sink(int h) {
                return Math.max(0, super.sink(h));
              }
            });
    add(
        list,
        "sink-capped",
        "the sink is capped as a logit",
        op ->
            new PlainAttention(op) {
              @Override
              double sink(int h) {
                return capped(super.sink(h));
              }
            });
    add(
        list,
        "sink-of-the-kv-head",
        "the sink of the KV head",
        op ->
            new PlainAttention(op) {
              @Override
              double sink(int h) {
                return super.sink(kvHead(h));
              }
            });
    add(
        list,
        "sink-not-in-maximum",
        "the sink takes no part in the maximum, in F32",
        op ->
            new PlainAttention(op) {
              @Override
              double sinkWeight(int h, double max) {
                return max > 40 ? 0 : super.sinkWeight(h, max) * (max == super.sink(h) ? 1.001 : 1);
              }
            });
  }

  private static void samples(MutantList list) {
    list.op(
        "sample-row-32",
        "rows from 32 on take row 0's seed",
        Sample.class,
        op ->
            new PlainSample() {
              private long first;

              @Override
              double gumbel(Row row, int v) {
                first = row.index() == 0 ? row.seed() : first;
                Row same = row.index() < 32 ? row : with(row, first);
                return super.gumbel(same, v);
              }
            });
    list.op(
        "sample-vocab-1024",
        "tokens from 1024 on are never drawn",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double noisy(double z, Row row, int v) {
                return v >= 1024 ? z - 50 : super.noisy(z, row, v);
              }
            });
    list.op(
        "sample-top-k-tie-order",
        "top-k keeps the last of equal logits",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              List<Integer> kept(Integer[] order, double[] z, Row row) {
                if (row.topK() == 0) {
                  return super.kept(order, z, row);
                }
                Integer[] late = order.clone();
                Arrays.sort(late, (a, b) -> z[a] == z[b] ? b - a : Double.compare(z[b], z[a]));
                return super.kept(late, z, row);
              }
            });
    list.op(
        "sample-top-k-all-ties",
        "top-k keeps all that equal the last one",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              List<Integer> kept(Integer[] order, double[] z, Row row) {
                int k = row.topK() == 0 ? order.length : Math.min(row.topK(), order.length);
                int n = k;
                while (n < order.length && z[order[n]] == z[order[k - 1]]) {
                  n++;
                }
                return topP(minP(Arrays.asList(order).subList(0, n), z, row), z, row);
              }
            });
    list.op(
        "sample-min-p-strict",
        "min-p of 1 keeps nothing but the first",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              List<Integer> minP(List<Integer> order, double[] z, Row row) {
                double max = z[order.getFirst()];
                return order.stream()
                    .filter(v -> v.equals(order.getFirst()) || Math.exp(z[v] - max) > row.minP())
                    .toList();
              }
            });
    list.op(
        "sample-cold",
        "temperatures below 0.6 are greedy",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              double noisy(double z, Row row, int v) {
                return row.temperature() < 0.6 ? z : super.noisy(z, row, v);
              }
            });
    list.op(
        "sample-top-p-tiny",
        "a top-p of 0 keeps all",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              boolean reaches(double before, double own, double topP) {
                return topP <= 0 || super.reaches(before, own, topP);
              }
            });
    list.op(
        "sample-top-k-beyond",
        "a top-k above the vocabulary is 1",
        Sample.class,
        op ->
            new PlainSample() {
              @Override
              List<Integer> topK(List<Integer> order, Row row) {
                return row.topK() > order.size() ? order.subList(0, 1) : super.topK(order, row);
              }
            });
  }

  private static PlainSample.Row with(PlainSample.Row r, long seed) {
    return new PlainSample.Row(
        r.index(), r.temperature(), r.topK(), r.topP(), r.minP(), seed, r.position());
  }
}
