package dev.lamina.backend.reference.mutant;

/** Paged attention: logits, pages and batches. */
final class AttentionInputMutants {
  private AttentionInputMutants() {}

  static void addTo(MutantList list) {
    logits(list);
    pages(list);
    batches(list);
  }

  private static void logits(MutantList list) {
    list.area("attention logits", "paged_attention/*");
    AttentionMutants.add(
        list,
        "no-max-subtraction",
        "exp without the maximum, in F32",
        op ->
            new PlainAttention(op) {
              @Override
              double shift(double max) {
                return 0;
              }

              @Override
              double logit(int s, int t, int h, int j) {
                double x = super.logit(s, t, h, j);
                return x > 88.7 ? Double.POSITIVE_INFINITY : x < -103 ? -1e9 : x;
              }
            });
    AttentionMutants.add(
        list,
        "max-with-zero",
        "zero takes part in the maximum, in F32",
        op ->
            new PlainAttention(op) {
              @Override
              double shift(double max) {
                return Math.max(0, max);
              }

              @Override
              double logit(int s, int t, int h, int j) {
                double x = super.logit(s, t, h, j);
                return x < -87 ? Double.NEGATIVE_INFINITY : x;
              }
            });
    AttentionMutants.add(
        list,
        "logits-in-f16",
        "logits in F16",
        op ->
            new PlainAttention(op) {
              @Override
              double logit(int s, int t, int h, int j) {
                return Spoils.toF16(super.logit(s, t, h, j));
              }
            });
    AttentionMutants.add(
        list,
        "logits-in-bf16",
        "logits cut to BF16",
        op ->
            new PlainAttention(op) {
              @Override
              double logit(int s, int t, int h, int j) {
                return Spoils.toBf16(super.logit(s, t, h, j));
              }
            });
    AttentionMutants.add(
        list,
        "scale-lost",
        "no scale",
        op ->
            new PlainAttention(op) {
              @Override
              double scaled(double dot, int h) {
                return dot;
              }
            });
    AttentionMutants.add(
        list,
        "scale-by-head-dim",
        "1 / sqrt(D) in place of the scale given",
        op ->
            new PlainAttention(op) {
              @Override
              double scaled(double dot, int h) {
                return dot / Math.sqrt(q.size(2));
              }
            });
    AttentionMutants.add(
        list,
        "softcap-lost",
        "no softcap",
        op ->
            new PlainAttention(op) {
              @Override
              double capped(double logit) {
                return logit;
              }
            });
    AttentionMutants.add(
        list,
        "softcap-last",
        "the softcap comes after the bias",
        op ->
            new PlainAttention(op) {
              @Override
              double logit(int s, int t, int h, int j) {
                return op.softcap() > 0
                    ? super.capped(super.logit(s, t, h, j))
                    : super.logit(s, t, h, j);
              }

              @Override
              double capped(double logit) {
                return logit;
              }
            });
    AttentionMutants.add(
        list,
        "softcap-after-mask",
        "a hidden logit is capped, so that it counts",
        op ->
            new PlainAttention(op) {
              @Override
              double hidden() {
                return op.softcap() > 0 ? -op.softcap() : super.hidden();
              }
            });
    AttentionMutants.add(
        list,
        "softcap-clips",
        "clips in place of tanh",
        op ->
            new PlainAttention(op) {
              @Override
              double capped(double logit) {
                double cap = op.softcap();
                return cap > 0 ? Math.max(-cap, Math.min(cap, logit)) : logit;
              }
            });
    AttentionMutants.add(
        list,
        "alibi-wrong-sign",
        "slope times the distance back",
        op ->
            new PlainAttention(op) {
              @Override
              double biased(double logit, int h, long distance) {
                return super.biased(logit, h, -distance);
              }
            });
    AttentionMutants.add(
        list,
        "alibi-of-head-0",
        "head 0's slope for all",
        op ->
            new PlainAttention(op) {
              @Override
              double slope(int h) {
                return super.slope(0);
              }
            });
    AttentionMutants.add(
        list,
        "alibi-absolute",
        "slope times the key's position",
        op ->
            new PlainAttention(op) {
              private long key;

              @Override
              double logit(int s, int t, int h, int j) {
                key = j;
                return super.logit(s, t, h, j);
              }

              @Override
              double biased(double logit, int h, long distance) {
                return op.alibi() ? logit + slope(h) * key / 2 : logit;
              }
            });
    AttentionMutants.add(
        list,
        "alibi-scaled",
        "the bias is scaled as the dot product is",
        op ->
            new PlainAttention(op) {
              @Override
              double slope(int h) {
                return super.slope(h) * op.scale();
              }
            });
  }

  private static void pages(MutantList list) {
    list.area("attention pages", "paged_attention/*");
    AttentionMutants.add(
        list,
        "page-of-sequence-0",
        "sequence 0's pages for all",
        op ->
            new PlainAttention(op) {
              @Override
              int page(int s, int i) {
                int right = super.page(s, i);
                return right < 0 ? right : Math.max(0, super.page(0, i));
              }
            });
    AttentionMutants.add(
        list,
        "pages-contiguous",
        "pages follow the first one",
        op ->
            new PlainAttention(op) {
              @Override
              int page(int s, int i) {
                int first = super.page(s, 0);
                int pages = table.count();
                return first < 0 ? first : (first + i) % Math.max(1, pages);
              }
            });
    AttentionMutants.add(
        list,
        "pages-swapped",
        "the first two pages change places",
        op ->
            new PlainAttention(op) {
              @Override
              int page(int s, int i) {
                return super.page(s, i < 2 && kvLen(s) >= 2 * page ? 1 - i : i);
              }
            });
    AttentionMutants.add(
        list,
        "last-page-whole",
        "the last page is read to its end",
        op ->
            new PlainAttention(op) {
              @Override
              int visible(int s, int t) {
                return (kvLen(s) + page - 1) / page * page;
              }

              @Override
              boolean allowed(long p, long j, int h) {
                return j > p && j / page == p / page || super.allowed(p, j, h);
              }
            });
    AttentionMutants.add(
        list,
        "hidden-values-times-zero",
        "hidden keys of the last page are weighted by 0, NaN too",
        op ->
            new PlainAttention(op) {
              @Override
              double finish(double y, int s, int t, int h) {
                double tail = 0;
                for (int j = kvLen(s); j % page != 0; j++) {
                  tail += 0 * logit(s, t, h, j);
                }
                return y + tail;
              }
            });
    AttentionMutants.add(
        list,
        "full-last-page-lost",
        "the last page is left out where it is full",
        op ->
            new PlainAttention(op) {
              @Override
              int visible(int s, int t) {
                int n = kvLen(s);
                return n % page == 0 && n > page ? n - page : n;
              }
            });
    AttentionMutants.add(
        list,
        "page-16",
        "slots as if a page had 16",
        op ->
            new PlainAttention(op) {
              @Override
              int slot(int s, int j) {
                return page(s, Math.min(j / 16, table.size(1) - 1)) * 16 + j % 16;
              }
            });
  }

  private static void batches(MutantList list) {
    list.area("attention batches", "paged_attention/*");
    AttentionMutants.add(
        list,
        "position-of-prefill",
        "positions of a chunk start at 0",
        op ->
            new PlainAttention(op) {
              @Override
              long position(int s, int t) {
                return t - start(s);
              }
            });
    AttentionMutants.add(
        list,
        "kv-len-is-past",
        "the step's own keys are left out",
        op ->
            new PlainAttention(op) {
              @Override
              int visible(int s, int t) {
                return kvLen(s) - (end(s) - start(s));
              }
            });
    AttentionMutants.add(
        list,
        "start-at-zero",
        "the first sequence starts at row 0",
        op ->
            new PlainAttention(op) {
              @Override
              int start(int s) {
                return s == 0 ? 0 : super.start(s);
              }
            });
    AttentionMutants.add(
        list,
        "last-sequence-to-the-end",
        "the last sequence reaches to the last row",
        op ->
            new PlainAttention(op) {
              @Override
              int end(int s) {
                return s == numSeqs - 1 ? numTokens : super.end(s);
              }
            });
    AttentionMutants.add(
        list,
        "lengths-shifted",
        "a sequence after an empty one takes its length",
        op ->
            new PlainAttention(op) {
              @Override
              int visible(int s, int t) {
                boolean afterEmpty = s > 0 && end(s - 1) == start(s - 1);
                return afterEmpty ? Math.min(kvLen(s - 1), kvLen(s)) : kvLen(s);
              }
            });
  }
}
