package dev.lamina.spi.ir;

import java.util.List;

/**
 * Ops with a decomposition into core ops: a backend runs them natively or leaves them to the SDK.
 *
 * <p>Fusions of several composites are patterns that a backend's compile may match; they are not
 * ops. Letters: T tokens of the step, S sequences, R rows that are sampled, V vocabulary.
 */
public sealed interface CompositeOp extends Op {

  @Override
  default List<ValueType> infer(List<ValueType> operands) {
    return CompositeRules.infer(this, operands);
  }

  /**
   * Root mean square norm: {@code (x[.., D], w[D]?) -> x}; {@code x / sqrt(mean(x^2) + eps) * w}.
   *
   * <p>In F32, one rounding at the end. Source: arXiv:1910.07467.
   *
   * @param eps added inside the root
   * @param plusOne whether the factor is {@code 1 + w}
   * @param weighted whether w is given
   */
  record RmsNorm(double eps, boolean plusOne, boolean weighted) implements CompositeOp {}

  /**
   * Layer norm: {@code (x[.., D], w[D], b[D]?) -> x}; {@code (x - mean) / sqrt(var + eps) * w + b}
   * with the population variance. Source: arXiv:1607.06450.
   *
   * @param eps added inside the root
   * @param biased whether b is given
   */
  record LayerNorm(double eps, boolean biased) implements CompositeOp {}

  /** Which elements {@link Rope} rotates together. */
  enum RopeStyle {
    /** Element i with i + rotaryDims / 2. */
    NEOX,
    /** Element 2i with 2i + 1. */
    INTERLEAVED
  }

  /**
   * Rotary position embedding: {@code (x[T, H, D], positions[sections, T] I32, freqs[rotaryDims /
   * 2] F32) -> x}.
   *
   * <p>Pair i of the first {@code rotaryDims} elements turns by {@code positions[s(i), t] *
   * freqs[i]}, an F32 product, never less; cos and sin are multiplied by {@code scale}; the other
   * elements pass. {@code sections} counts consecutive pairs a position row, empty = row 0 for all.
   * Source: arXiv:2104.09864; scaled variants are other {@code freqs}.
   *
   * @param style which elements form a pair
   * @param rotaryDims even, at most D
   * @param scale factor on cos and sin (YaRN's attention factor), usually 1
   * @param sections pairs a row of positions, or empty
   */
  record Rope(RopeStyle style, int rotaryDims, double scale, List<Integer> sections)
      implements CompositeOp {
    /** Copies the list. */
    public Rope {
      sections = List.copyOf(sections);
    }
  }

  /** The functions of {@link GatedActivation}. */
  enum Gate {
    /** {@code g * sigmoid(g) * u}. */
    SWIGLU,
    /** GELU by tanh of g, times u. */
    GEGLU_TANH,
    /** GELU by erf of g, times u. */
    GEGLU_ERF,
    /** {@code max(g, 0) * u}. */
    REGLU
  }

  /**
   * Gated activation: {@code (gate[.., I], up[.., I]) -> up}. Source: arXiv:2002.05202.
   *
   * @param gate the function
   */
  record GatedActivation(Gate gate) implements CompositeOp {}

  /**
   * Projection: {@code (x[.., K], w[N, K], bias[N]?) -> out[.., N]}; {@code x w^T + bias}.
   *
   * <p>w is a plain float tensor or blocked; it decodes exactly to F32. F32 accumulation, the bias
   * added before the one rounding. A backend that also quantises x declares {@code RELAXED}.
   *
   * @param out result dtype
   * @param biased whether bias is given
   */
  record Linear(DType out, boolean biased) implements CompositeOp {}

  /** The functions that make a router's logits scores, over all experts of a token. */
  enum RouteScore {
    /** {@code exp(l) / sum exp(l)}. */
    SOFTMAX,
    /** {@code 1 / (1 + exp(-l))}. */
    SIGMOID
  }

  /** What stands for a group of experts when groups are chosen. */
  enum GroupScore {
    /** Its largest key. */
    MAX,
    /** The sum of its two largest keys. */
    TOP2_SUM
  }

  /**
   * Chooses experts: {@code (logits[T, E], bias[E]?) -> (ids[T, k] I32, weights[T, k] F32)}.
   *
   * <p>In F32. An expert's key is its score plus its bias; without a bias, unless the two best keys
   * of a group are summed, it is the logit, which orders alike and is not rounded. Of {@code
   * groups} runs of E / groups experts only those of the {@code topkGroups} best are left, each
   * judged as {@code groupScore} says; 1 group = all. Of what is left the k largest keys are
   * chosen, in descending order; ties go to the lowest index, of groups too (R6), NaN is -inf. A
   * weight is the score of its expert, without the bias; if {@code normalised}, divided by the sum
   * of the k scores plus 1e-20; then times {@code scale}. Source: arXiv:2401.04088 (softmax of the
   * chosen, which is the normalised softmax of all), arXiv:2412.19437 section 2.1.2 (sigmoid, bias,
   * groups).
   *
   * @param k experts a token
   * @param score of a logit
   * @param biased whether bias is given
   * @param groups runs of experts, a divisor of E
   * @param topkGroups groups that stay, enough for k experts
   * @param groupScore what stands for a group
   * @param normalised whether weights sum to scale
   * @param scale factor on the weights
   */
  record MoeRoute(
      int k,
      RouteScore score,
      boolean biased,
      int groups,
      int topkGroups,
      GroupScore groupScore,
      boolean normalised,
      double scale)
      implements CompositeOp {}

  /**
   * Projection by the experts of each token: {@code (x[T, K] or x[T, k, K], w[E, N, K], ids[T, k]
   * I32, bias[E, N]?) -> out[T, k, N]}; {@code out[t, j] = w[e] x + bias[e]}, e = {@code ids[t,
   * j]}, x the token's row or the choice's own.
   *
   * <p>An id below 0 gives zeros; equal ids in a row are legal. w is a plain float tensor or
   * blocked along K; F32 accumulation, the bias added before the one rounding, as {@link Linear}.
   * What runs depends on ids that only the device knows: no backend may wait for the host.
   *
   * @param out result dtype
   * @param biased whether bias is given
   */
  record MoeLinear(DType out, boolean biased) implements CompositeOp {}

  /**
   * Row lookup: {@code (ids[T] I32, table[V, H]) -> out[T, H]}; table plain or blocked; an id below
   * 0 gives zeros.
   *
   * @param out result dtype
   */
  record Embedding(DType out) implements CompositeOp {}

  /**
   * Writes keys and values of the step: {@code (pool, k[T, Hk, Dk], v[T, Hv, Dv], slots[T] I32) ->
   * pool}.
   *
   * <p>Entries {@code k} and {@code v} of the layer, rounded to the pool's dtype; a slot below 0 is
   * padding; equal non-negative slots are a program error.
   *
   * @param layer 0-based layer
   */
  record KvAppend(int layer) implements CompositeOp {}

  /**
   * Attention over paged keys and values: {@code (q[T, Hq, Dk], pool, cuSeqlensQ[S + 1] I32,
   * kvLens[S] I32, blockTable[S, P] I32, sinks[Hq] F32?, alibi[Hq] F32?) -> out[T, Hq, Dv]}.
   *
   * <p>One op for prefill, decode and mixed batches. Sequence s owns query rows {@code
   * cuSeqlensQ[s]} to {@code cuSeqlensQ[s + 1]}, the last of its {@code kvLens[s]} positions, which
   * are in the pool already; row t has position {@code p = kvLens[s] - cuSeqlensQ[s + 1] + t}. Key
   * j lies in slot {@code blockTable[s, j / page] * page + j % page}. Query head h reads KV head
   * {@code h / (Hq / Hkv)}. Logit {@code scale * q.k}, then {@code softcap * tanh(logit / softcap)}
   * if softcap is above 0, then plus {@code alibi[h] * (j - p)}; allowed are j with {@code j <= p}
   * if causal, {@code j > p - window} if window is above 0, and {@code j / chunk == p / chunk} if
   * chunk is above 0. A sink is one more logit whose value is zero. A row with nothing allowed, and
   * a row of no sequence, is zeros (R7). Pages that nothing allowed lies in may hold any bits, NaN
   * included. Source: arXiv:2309.06180 (paging), arXiv:2112.05682 (running softmax).
   *
   * @param layer 0-based layer, entries {@code k} and {@code v}
   * @param scale factor on the dot product
   * @param causal whether later positions are hidden
   * @param window positions seen, the own one included; 0 = all
   * @param chunk length of the chunks that see only themselves; 0 = none
   * @param softcap bound on logits; 0 = none
   * @param sinks whether sinks are given
   * @param alibi whether slopes are given
   */
  record PagedAttention(
      int layer,
      double scale,
      boolean causal,
      long window,
      long chunk,
      double softcap,
      boolean sinks,
      boolean alibi)
      implements CompositeOp {}

  /**
   * Attention over paged latents, in the absorbed form: {@code (q[T, Hq, D], pool, cuSeqlensQ[S +
   * 1] I32, kvLens[S] I32, blockTable[S, P] I32, select[T, k] I32?) -> out[T, Hq, rank]}.
   *
   * <p>The one entry {@code latent [1, D]} of the layer is key and value of all heads: a key is all
   * of it, the normed latent and behind it the rotated part; a value is its first {@code rank}
   * elements. The queries have been through the heads' key up-projections, the result goes through
   * those of the values, both outside of this op. Causal, and of the allowed only the positions in
   * the token's row of select, if it is given, where those below 0 are none; else as {@link
   * PagedAttention}. Source: arXiv:2405.04434 section 2.1 and its appendix C; arXiv:2512.02556
   * (selection).
   *
   * @param layer 0-based layer, entry {@code latent}
   * @param rank width of a value, at most D
   * @param scale factor on the dot product
   * @param selected whether select is given
   */
  record MlaAttention(int layer, int rank, double scale, boolean selected) implements CompositeOp {
    /**
     * Attention over all positions.
     *
     * @param layer 0-based layer
     * @param rank width of a value
     * @param scale factor on the dot product
     */
    public MlaAttention(int layer, int rank, double scale) {
      this(layer, rank, scale, false);
    }
  }

  /**
   * Chooses the positions that attention looks at: {@code (q[T, H, D], w[T, H] F32, pool,
   * cuSeqlensQ[S + 1] I32, kvLens[S] I32, blockTable[S, P] I32) -> ids[T, k] I32}.
   *
   * <p>A position's score is {@code sum_h w[h] * max(0, scale * q[h].key)} in F32, its key the
   * layer's entry {@code index [1, D]}. Of the positions up to the token's own the k of the highest
   * scores are given, best first, ties lowest position (R6), then -1. Sequences and pages as in
   * {@link PagedAttention}; a row of no sequence is all -1. Source: arXiv:2512.02556 section 2.1.
   *
   * @param layer 0-based layer, entry {@code index}
   * @param k positions a token
   * @param scale factor on the dot product
   */
  record IndexTopk(int layer, int k, double scale) implements CompositeOp {}

  /**
   * Copies slots: {@code (pool, src[N] I32, dst[N] I32) -> pool}, every entry; a pair with a
   * negative member is dropped; all reads come before all writes.
   */
  record StateCopy() implements CompositeOp {}

  /**
   * Reads slots in canonical layout: {@code (pool, slots[N] I32) -> out[N, entry shape]}; a slot
   * below 0 gives zeros.
   *
   * @param entry name of the entry
   * @param layer its layer
   */
  record StateExport(String entry, int layer) implements CompositeOp {}

  /**
   * Writes slots from canonical layout: {@code (pool, x[N, entry shape], slots[N] I32) -> pool}; x
   * has the entry's dtype; a slot below 0 is dropped.
   *
   * @param entry name of the entry
   * @param layer its layer
   */
  record StateImport(String entry, int layer) implements CompositeOp {}

  /**
   * Causal convolution of each channel over its own past: {@code (pool, x[T, C], w[C, K], reads[S]
   * I32, writes[S] I32, cuSeqlensQ[S + 1] I32, bias[C]?) -> (y[T, C], pool)}.
   *
   * <p>{@code y[t, c] = act(bias[c] + sum over j of w[c, j] * x[t - (K - 1) + j, c])}, summed in
   * F32. Rows of other sequences are not seen: in front of a sequence's first row stand the {@code
   * K - 1} rows of slot {@code reads[s]}, entry {@code [K - 1, C]}, oldest first; a read below 0
   * stands for zeros, the start of a sequence. Afterwards slot {@code writes[s]} holds the last
   * {@code K - 1} rows, rounded to the entry's dtype, so a sequence without rows copies its slot; a
   * write below 0 is dropped. Several sequences may read one slot; equal non-negative writes, and a
   * write to a slot that another sequence reads, are a program error. A row of no sequence is
   * zeros. Source: arXiv:2312.00752, figure 3.
   *
   * @param entry name of the entry that holds the rows
   * @param layer 0-based layer of the entry
   * @param silu whether act(z) is {@code z * sigmoid(z)} instead of z
   * @param biased whether bias is given
   */
  record CausalConv1d(String entry, int layer, boolean silu, boolean biased)
      implements CompositeOp {}

  /**
   * The gated delta rule: {@code (pool, q[T, Hk, Dk], k[T, Hk, Dk], v[T, Hv, Dv], g F32, beta[T,
   * Hv] F32, reads[S] I32, writes[S] I32, cuSeqlensQ[S + 1] I32) -> (o[T, Hv, Dv], pool)}.
   *
   * <p>g is {@code [T, Hv]}, or {@code [T, Hv, Dk]} where each channel decays by itself: the
   * logarithm of a decay, finite, at most 0. Value head h has query and key head {@code h / (Hv /
   * Hk)} and a state {@code M[Dk, Dv]}; for the rows of a sequence in turn
   *
   * <pre>{@code
   * M = exp(g) * M                 each row of M by its channel's decay
   * M = M + k (beta * (v - k M))   outer product
   * o = scale * q M
   * }</pre>
   *
   * all in F32, o rounded to v's dtype. M begins as slot {@code reads[s]} of the entry {@code [Hv,
   * Dk, Dv]} F32 and ends in slot {@code writes[s]}; the rules of slots, and rows of no sequence,
   * are those of {@link CausalConv1d}. Norms of q and k are the graph's affair. Source:
   * arXiv:2412.06464; by channel arXiv:2510.26692.
   *
   * @param entry name of the entry that holds M
   * @param layer 0-based layer of the entry
   * @param scale factor on q
   */
  record GatedDelta(String entry, int layer, double scale) implements CompositeOp {}

  /**
   * State space duality of Mamba 2: {@code (pool, x[T, H, P], dt[T, H] F32, a[H] F32, b[T, G, N],
   * c[T, G, N], reads[S] I32, writes[S] I32, cuSeqlensQ[S + 1] I32) -> (y[T, H, P], pool)}.
   *
   * <p>Head h has group {@code h / (H / G)} and a state {@code M[N, P]}; for the rows of a sequence
   * in turn {@code M = exp(dt * a) * M + b (dt * x)} (outer product), then {@code y = c M}, all in
   * F32, y rounded to x's dtype. a is finite, at most 0, and dt at least 0: its softplus and its
   * limits are the graph's affair, as is {@code D * x}. M begins as slot {@code reads[s]} of the
   * entry {@code [H, N, P]} F32 and ends in slot {@code writes[s]}; the rules of slots, and rows of
   * no sequence, are those of {@link CausalConv1d}. Source: arXiv:2405.21060.
   *
   * @param entry name of the entry that holds M
   * @param layer 0-based layer of the entry
   */
  record SsdScan(String entry, int layer) implements CompositeOp {}

  /**
   * Penalties on logits: {@code (logits[R, V] F32, history[R, L] I32, numPrompt[R] I32, presence[R]
   * F32, frequency[R] F32, repetition[R] F32) -> logits}.
   *
   * <p>history holds prompt ({@code numPrompt} ids) then output ids, -1 after the end. First, a
   * token of prompt or output has its logit divided by repetition if it is above 0, else
   * multiplied; then {@code frequency * count + presence * (count > 0)} is subtracted, count over
   * the output. Source: vLLM's sampling parameters.
   */
  record Penalties() implements CompositeOp {}

  /**
   * Hides tokens: {@code (logits[R, V] F32, mask[R, ceil(V / 32)] U32) -> logits}; a token whose
   * bit {@code v % 32} of word {@code v / 32} is 0 becomes -inf.
   */
  record ApplyBitmask() implements CompositeOp {}

  /**
   * Draws tokens: {@code (logits[R, V] F32, temperature[R] F32, topK[R] I32, topP[R] F32, minP[R]
   * F32, seed[R] I64, position[R] I64) -> ids[R] I32}.
   *
   * <p>Temperature 0: argmax, lowest index on a tie. Else, with {@code z = logits / temperature}
   * and {@code p = softmax(z)}: keep {@code p >= minP * max p}; of these the topK largest (0 = all;
   * ties lowest index); of these, renormalised and in that order, those whose exclusive running sum
   * is below topP (the first always); then the argmax of {@code z + gumbel} over the kept. {@code
   * gumbel = -log(-log(u))}, {@code u = ((r >>> 9) + 0.5) * 2^-23}, r the word {@code v % 4} of
   * Philox-4x32-10 with key (low, high word of seed) and counter (low, high word of position, v /
   * 4, 0). So a draw depends on seed and position, never on the batch. Source: Salmon et al., SC
   * 2011 (Philox); the Gumbel-max trick.
   */
  record Sample() implements CompositeOp {}

  /**
   * Log-probabilities: {@code (logits[R, V] F32, ids[R] I32) -> (chosen[R] F32, top[R, k] F32,
   * topIds[R, k] I32)}; log-softmax of the row at ids, and its k largest.
   *
   * @param k how many, 0 to V
   */
  record Logprobs(int k) implements CompositeOp {}
}
