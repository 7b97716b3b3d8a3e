package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp.PagedAttention;
import java.util.function.Function;

/** Paged attention: results, masks, heads and sinks. */
final class AttentionMutants {
  private AttentionMutants() {}

  static void addTo(MutantList list) {
    results(list);
    masks(list);
    heads(list);
    sinks(list);
    AttentionInputMutants.addTo(list);
  }

  static void add(
      MutantList list, String name, String bug, Function<PagedAttention, PlainAttention> wrong) {
    list.op("attention-" + name, bug, PagedAttention.class, wrong::apply);
  }

  private static void results(MutantList list) {
    list.area("attention", "paged_attention/*");
    list.after("attention-scaled", "times 1.02", PagedAttention.class, Spoils.every(v -> v * 1.02));
    list.after(
        "attention-out-in-bf16", "cut to BF16", PagedAttention.class, Spoils.every(Spoils::toBf16));
    list.after("attention-last-lost", "last element 0", PagedAttention.class, Spoils::loseLast);
    list.after(
        "attention-past-end", "a byte after it", PagedAttention.class, Spoils::writePastTheEnd);
    add(
        list,
        "last-row-zero",
        "a sequence's last row is 0",
        op ->
            new PlainAttention(op) {
              @Override
              double finish(double y, int s, int t, int h) {
                return t == end(s) - 1 ? 0 : y;
              }
            });
    add(
        list,
        "last-key-lost",
        "the last key is left out",
        op ->
            new PlainAttention(op) {
              @Override
              int visible(int s, int t) {
                return Math.max(1, kvLen(s) - 1);
              }
            });
    add(
        list,
        "first-key-lost",
        "the first key is left out",
        op ->
            new PlainAttention(op) {
              @Override
              boolean allowed(long p, long j, int h) {
                return super.allowed(p, j, h) && (j > 0 || p == 0);
              }
            });
    add(
        list,
        "hidden-is-minus-1e4",
        "a hidden logit is -10000, not -inf",
        op ->
            new PlainAttention(op) {
              @Override
              double hidden() {
                return -10000;
              }
            });
  }

  private static void masks(MutantList list) {
    list.area("attention masks", "paged_attention/*");
    add(
        list,
        "causal-one-late",
        "a query sees the next position too",
        op ->
            new PlainAttention(op) {
              @Override
              boolean allowed(long p, long j, int h) {
                return super.allowed(op.causal() ? Math.min(p + 1, Long.MAX_VALUE) : p, j, h);
              }
            });
    add(
        list,
        "causal-one-early",
        "a query does not see itself",
        op ->
            new PlainAttention(op) {
              @Override
              boolean allowed(long p, long j, int h) {
                return super.allowed(p, j, h) && (!op.causal() || j < p || p == 0);
              }
            });
    add(
        list,
        "causal-lost",
        "all positions are seen",
        op ->
            new PlainAttention(op) {
              @Override
              boolean allowed(long p, long j, int h) {
                return inWindow(p, j) && inChunk(p, j);
              }
            });
    add(
        list,
        "always-causal",
        "causal where it should not be",
        op ->
            new PlainAttention(op) {
              @Override
              boolean allowed(long p, long j, int h) {
                return super.allowed(p, j, h) && j <= p;
              }
            });
    add(
        list,
        "window-one-wide",
        "one position more",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                return op.window() == 0 || j >= p - op.window();
              }
            });
    add(
        list,
        "window-one-narrow",
        "one position less",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                return op.window() == 0 || j > p - op.window() + 1 || j == p;
              }
            });
    add(
        list,
        "window-lost",
        "no window",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                return true;
              }
            });
    add(
        list,
        "window-by-pages",
        "the window begins at a page",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                return op.window() == 0 || j / page >= Math.max(0, p - op.window() + 1) / page;
              }
            });
    add(
        list,
        "window-below-a-page",
        "a window shorter than a page is a page",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                return op.window() == 0 || j > p - Math.max(op.window(), page);
              }
            });
    add(
        list,
        "window-in-32-bits",
        "a window of 2^32 and more wraps",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                return op.window() == 0 || j > p - (int) op.window();
              }
            });
    add(
        list,
        "window-both-sides",
        "later positions are cut off too",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                return super.inWindow(p, j) && (op.window() == 0 || j < p + op.window());
              }
            });
    add(
        list,
        "chunk-lost",
        "no chunks",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inChunk(long p, long j) {
                return true;
              }
            });
    add(
        list,
        "chunk-as-window",
        "a chunk is a window",
        op ->
            new PlainAttention(op) {
              @Override
              boolean inChunk(long p, long j) {
                return op.chunk() == 0 || j > p - op.chunk();
              }
            });
  }

  private static void heads(MutantList list) {
    list.area("attention heads", "paged_attention/*");
    add(
        list,
        "gqa-modulo",
        "query head h reads KV head h % Hkv",
        op ->
            new PlainAttention(op) {
              @Override
              int kvHead(int h) {
                return h % numKvHeads;
              }
            });
    add(
        list,
        "gqa-values-modulo",
        "values of KV head h % Hkv",
        op ->
            new PlainAttention(op) {
              @Override
              int valueHead(int h) {
                return h % numKvHeads;
              }
            });
    add(
        list,
        "first-kv-head",
        "KV head 0 for all",
        op ->
            new PlainAttention(op) {
              @Override
              int kvHead(int h) {
                return 0;
              }
            });
    add(
        list,
        "second-kv-head-scaled",
        "the second KV head's rows are scaled",
        op ->
            new PlainAttention(op) {
              @Override
              double finish(double y, int s, int t, int h) {
                return kvHead(h) == 1 ? y * 1.001 : y;
              }
            });
    add(
        list,
        "head-5",
        "heads from the sixth on take the fifth's slope and sink",
        op ->
            new PlainAttention(op) {
              @Override
              double slope(int h) {
                return super.slope(Math.min(h, 4));
              }

              @Override
              double sink(int h) {
                return super.sink(Math.min(h, 4));
              }
            });
  }

  private static void sinks(MutantList list) {
    list.area("attention sinks", "paged_attention/*sinks*");
    add(
        list,
        "sink-lost",
        "no sink",
        op ->
            new PlainAttention(op) {
              @Override
              double sinkWeight(int h, double max) {
                return 0;
              }
            });
    add(
        list,
        "sink-of-head-0",
        "head 0's sink for all",
        op ->
            new PlainAttention(op) {
              @Override
              double sink(int h) {
                return super.sink(0);
              }
            });
    add(
        list,
        "sink-in-output",
        "the sink is added to the result",
        op ->
            new PlainAttention(op) {
              @Override
              double finish(double y, int s, int t, int h) {
                return op.sinks() ? y + sink(h) : y;
              }
            });
    add(
        list,
        "sink-as-weight",
        "the sink is not exponentiated",
        op ->
            new PlainAttention(op) {
              @Override
              double sinkWeight(int h, double max) {
                return Math.abs(sink(h)) * Math.exp(-max);
              }
            });
    add(
        list,
        "sink-scaled",
        "the sink is scaled as a logit",
        op ->
            new PlainAttention(op) {
              @Override
              double sink(int h) {
                return scaled(super.sink(h), h);
              }
            });
    add(
        list,
        "sink-twice",
        "the sink counts once a KV split of 64 keys",
        op ->
            new PlainAttention(op) {
              private int splits = 1;

              @Override
              int visible(int s, int t) {
                splits = 1 + (kvLen(s) - 1) / 64;
                return super.visible(s, t);
              }

              @Override
              double sinkWeight(int h, double max) {
                return splits * super.sinkWeight(h, max);
              }
            });
  }
}
