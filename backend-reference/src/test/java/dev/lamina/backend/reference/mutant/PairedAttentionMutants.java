package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp.PagedAttention;

/** Bugs of attention that show only where two things come together. */
final class PairedAttentionMutants {
  private PairedAttentionMutants() {}

  static void addTo(MutantList list) {
    list.area("attention, two conditions", "paged_attention/*");
    masks(list);
    batches(list);
    shownByFew(list);
  }

  private static void masks(MutantList list) {
    list.op(
        "attention-sink-of-first-head",
        "only the first head of a group has its sink",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              double sinkWeight(int h, double max) {
                return h % (numHeads / numKvHeads) == 0 ? super.sinkWeight(h, max) : 0;
              }
            });
    list.op(
        "attention-window-at-page-end",
        "the window is one short for the last row of a page",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                return super.inWindow(p, j)
                    && (op.window() < 2 || (p + 1) % page != 0 || j > p - op.window() + 1);
              }
            });
    list.op(
        "attention-alibi-in-softcap",
        "with both, the bias is capped with the logit",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              double logit(int s, int t, int h, int j) {
                double plain = super.logit(s, t, h, j);
                if (op.softcap() == 0 || !op.alibi()) {
                  return plain;
                }
                double bias = slope(h) * (j - position(s, t));
                double uncapped = op.softcap() * atanh((plain - bias) / op.softcap());
                return capped(uncapped + bias);
              }

              private double atanh(double x) {
                return Math.log((1 + x) / (1 - x)) / 2;
              }
            });
    list.op(
        "attention-sink-lost-with-alibi",
        "with a bias by distance the sinks are lost",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              double sinkWeight(int h, double max) {
                return op.alibi() ? 0 : super.sinkWeight(h, max);
              }
            });
    list.op(
        "attention-value-of-next-group",
        "the last head of a group of three reads the next values",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              int valueHead(int h) {
                boolean last = numHeads == 3 * numKvHeads && h % 3 == 2;
                return last ? Math.min(kvHead(h) + 1, numKvHeads - 1) : kvHead(h);
              }
            });
    list.op(
        "attention-window-before-zero",
        "a window that begins before position 0 hides it",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              boolean inWindow(long p, long j) {
                return super.inWindow(p, j)
                    && (op.window() == 0 || j > 0 || p >= op.window() || p == 0);
              }
            });
    list.op(
        "attention-chunk-of-whole-pages",
        "chunks begin with a page",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              boolean inChunk(long p, long j) {
                return op.chunk() == 0
                    || j / page * page / op.chunk() == p / page * page / op.chunk();
              }
            });
    list.op(
        "attention-group-as-power-of-two",
        "the size of a group is rounded down to a power of two",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              int kvHead(int h) {
                int group = Integer.highestOneBit(numHeads / numKvHeads);
                return Math.min(h / group, numKvHeads - 1);
              }
            });
  }

  private static void batches(MutantList list) {
    list.op(
        "attention-table-behind-empty",
        "a sequence behind one without rows takes its pages",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              int page(int s, int i) {
                int right = super.page(s, i);
                int before = s > 0 && end(s - 1) == start(s - 1) ? super.page(s - 1, i) : right;
                return before < 0 ? right : before;
              }
            });
    list.op(
        "attention-shorter-of-two",
        "of two sequences the second is no longer than the first",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              int visible(int s, int t) {
                return numSeqs == 2 ? Math.min(kvLen(s), kvLen(0)) : kvLen(s);
              }
            });
    list.op(
        "attention-long-rows-in-f16",
        "results beyond 64 keys are rounded to F16",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              double finish(double y, int s, int t, int h) {
                return kvLen(s) > 64 ? Spoils.toF16(y) : y;
              }
            });
    list.op(
        "attention-decode-at-page-begin",
        "a single row that begins a page does not see itself",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              int visible(int s, int t) {
                boolean begins = kvLen(s) > 1 && (kvLen(s) - 1) % page == 0;
                return begins && end(s) - start(s) == 1 ? kvLen(s) - 1 : kvLen(s);
              }
            });
    list.op(
        "attention-chunked-prefill-first-row",
        "the first of several rows behind a past sees the next key",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              long position(int s, int t) {
                boolean later = end(s) - start(s) > 1 && kvLen(s) > end(s) - start(s);
                return super.position(s, t) + (later && t == start(s) ? 1 : 0);
              }
            });
  }

  /** Bugs that a few cases show, which are asked alone. */
  private static void shownByFew(MutantList list) {
    list.area("attention, two conditions", "paged_attention/*/large,*cap=3.0*");
    list.op(
        "attention-softcap-saturates",
        "a logit of four times the cap is the cap",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              double capped(double logit) {
                double ratio = logit / op.softcap();
                return op.softcap() > 0 && Math.abs(ratio) > 4
                    ? Math.signum(ratio) * op.softcap()
                    : super.capped(logit);
              }
            });
    list.area("attention, two conditions", "paged_attention/*,all,*alibi*");
    list.op(
        "attention-alibi-of-later-keys",
        "without a causal mask the bias falls off on both sides",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              double biased(double logit, int h, long distance) {
                return super.biased(logit, h, -Math.abs(distance));
              }
            });
    list.area("attention, two conditions", "paged_attention/*/wide-table,*");
    list.op(
        "attention-table-of-needed-pages",
        "rows of the table are as long as the longest sequence",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              int page(int s, int i) {
                int longest = 1;
                for (int k = 0; k < numSeqs; k++) {
                  longest = Math.max(longest, (kvLen(k) + page - 1) / page);
                }
                return Math.max(0, (int) table.integer((long) s * longest + i));
              }
            });
    list.area("attention, two conditions", "paged_attention/*/padded,*");
    list.op(
        "attention-last-row-behind-rest",
        "the last row before rows of no sequence is scaled by 1.002",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              double finish(double y, int s, int t, int h) {
                return t == end(numSeqs - 1) - 1 && t < numTokens - 1 ? y * 1.002 : y;
              }
            });
    list.area("attention, two conditions", "paged_attention/*/prefill,*");
    list.op(
        "attention-third-page",
        "keys of the third page are those of the second where rows are many",
        PagedAttention.class,
        op ->
            new PlainAttention(op) {
              @Override
              int page(int s, int i) {
                return super.page(s, i == 2 && end(s) - start(s) > 8 ? 1 : i);
              }
            });
  }
}
