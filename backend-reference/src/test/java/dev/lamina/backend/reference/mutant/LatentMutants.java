package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp.IndexTopk;
import dev.lamina.spi.ir.CompositeOp.MlaAttention;

/** Attention over latents, and the choice of its positions. */
final class LatentMutants {
  private LatentMutants() {}

  static void addTo(MutantList list) {
    list.area("latent attention", "mla_attention/*");
    list.op(
        "mla-rope-part-lost",
        "the rotated part of a key does not count",
        MlaAttention.class,
        op ->
            new PlainLatents.Attention(op) {
              @Override
              int keyWidth() {
                return latent.rank();
              }
            });
    list.op(
        "mla-value-rank-off",
        "values begin one element too late in the latent",
        MlaAttention.class,
        op ->
            new PlainLatents.Attention(op) {
              @Override
              int valueOffset() {
                return latent.rank() < q.size(2) ? 1 : 0;
              }
            });
    list.op(
        "mla-value-rotated",
        "values are the end of the latent, the rotated part in it",
        MlaAttention.class,
        op ->
            new PlainLatents.Attention(op) {
              @Override
              int valueOffset() {
                return q.size(2) - latent.rank();
              }
            });
    list.op(
        "mla-scale-of-rank",
        "products are scaled by the root of the rank",
        MlaAttention.class,
        op ->
            new PlainLatents.Attention(op) {
              @Override
              double scaled(double dot, int h) {
                return dot / Math.sqrt(latent.rank());
              }
            });
    list.op(
        "mla-causal-lost",
        "rows see later positions",
        MlaAttention.class,
        op ->
            new PlainLatents.Attention(op) {
              @Override
              boolean allowed(long p, long j, int h) {
                return true;
              }
            });
    list.op(
        "mla-page-of-first",
        "all sequences read the pages of the first",
        MlaAttention.class,
        op ->
            new PlainLatents.Attention(op) {
              @Override
              int page(int s, int i) {
                return super.page(0, i) < 0 ? super.page(s, i) : super.page(0, i);
              }
            });
    list.op(
        "mla-select-ignored",
        "all positions are looked at, selected or not",
        MlaAttention.class,
        op ->
            new PlainLatents.Attention(op) {
              @Override
              boolean isSelected(int t, long j) {
                return true;
              }
            });
    list.op(
        "mla-select-of-first",
        "all tokens look at the positions of the first",
        MlaAttention.class,
        op ->
            new PlainLatents.Attention(op) {
              @Override
              boolean isSelected(int t, long j) {
                return super.isSelected(0, j);
              }
            });
    list.area("choice of positions", "index_topk/*");
    choices(list);
  }

  private static void choices(MutantList list) {
    list.op(
        "index-tie-order",
        "of equal scores the highest position wins",
        IndexTopk.class,
        op ->
            new PlainLatents.Topk(op) {
              @Override
              boolean isBetter(double score, double other) {
                return score >= other;
              }
            });
    list.op(
        "index-relu-lost",
        "products below 0 count",
        IndexTopk.class,
        op ->
            new PlainLatents.Topk(op) {
              @Override
              double kept(double dot) {
                return dot;
              }
            });
    list.op(
        "index-weights-lost",
        "all heads weigh alike",
        IndexTopk.class,
        op ->
            new PlainLatents.Topk(op) {
              @Override
              double weight(double w) {
                return 1;
              }
            });
    list.op(
        "index-last-head-lost",
        "the last head does not count",
        IndexTopk.class,
        op ->
            new PlainLatents.Topk(op) {
              @Override
              int counted(int heads) {
                return heads - 1;
              }
            });
    list.op(
        "index-causal-lost",
        "later positions are chosen",
        IndexTopk.class,
        op ->
            new PlainLatents.Topk(op) {
              @Override
              int end(int position) {
                return Integer.MAX_VALUE;
              }
            });
    list.op(
        "index-own-position-lost",
        "a token's own position is never chosen",
        IndexTopk.class,
        op ->
            new PlainLatents.Topk(op) {
              @Override
              int end(int position) {
                return position;
              }
            });
  }
}
