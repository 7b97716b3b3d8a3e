package dev.lamina.backend.cpuvector.kernels;

/**
 * What is fixed about an attention: sizes and masks.
 *
 * @param numHeads query heads
 * @param numKvHeads key and value heads, a divisor of them
 * @param dimK width of q and k
 * @param dimV width of v and of the result
 * @param slotsPerPage slots of a page
 * @param scale factor on the dot product
 * @param causal whether later positions are hidden
 * @param window positions seen, 0 = all
 * @param chunk length of the chunks that see only themselves, 0 = none
 * @param softcap bound on logits, 0 = none
 */
public record AttentionSpec(
    int numHeads,
    int numKvHeads,
    int dimK,
    int dimV,
    int slotsPerPage,
    float scale,
    boolean causal,
    long window,
    long chunk,
    float softcap) {
  /** Checks the sizes. */
  public AttentionSpec {
    if (numKvHeads < 1 || numHeads % numKvHeads != 0 || dimK < 1 || dimV < 1 || slotsPerPage < 1) {
      throw new IllegalArgumentException(
          "attention: expected heads a multiple of kv heads and sizes >= 1, got %d, %d, %d, %d, %d"
              .formatted(numHeads, numKvHeads, dimK, dimV, slotsPerPage));
    }
  }

  int group() {
    return numHeads / numKvHeads;
  }

  /** First position that a query at p sees. */
  int from(int p) {
    long from = 0;
    if (window > 0) {
      from = Math.max(from, p - window + 1);
    }
    if (chunk > 0) {
      from = Math.max(from, p / chunk * chunk);
    }
    return (int) from;
  }

  /** End of the positions that a query at p sees among kvLen. */
  int to(int p, int kvLen) {
    long to = causal ? Math.min(p + 1L, kvLen) : kvLen;
    if (chunk > 0) {
      to = Math.min(to, (p / chunk + 1) * chunk);
    }
    return p < 0 ? 0 : (int) to;
  }
}
