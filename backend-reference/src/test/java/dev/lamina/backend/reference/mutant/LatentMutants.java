package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp.MlaAttention;

/** Attention over latents. */
final class LatentMutants {
  private LatentMutants() {}

  static void addTo(MutantList list) {
    list.area("latent attention", "mla_attention/*");
    list.op(
        "mla-rope-part-lost",
        "the rotated part of a key does not count",
        MlaAttention.class,
        op ->
            new PlainLatents(op) {
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
            new PlainLatents(op) {
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
            new PlainLatents(op) {
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
            new PlainLatents(op) {
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
            new PlainLatents(op) {
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
            new PlainLatents(op) {
              @Override
              int page(int s, int i) {
                return super.page(0, i) < 0 ? super.page(s, i) : super.page(0, i);
              }
            });
  }
}
