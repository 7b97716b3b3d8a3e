package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import org.jspecify.annotations.Nullable;

/**
 * Attention whose keys and values are one latent a token. Source: arXiv:2405.04434 section 2.1.
 *
 * @param numHeads query heads
 * @param queryRank width of the queries' latent, 0 if they have none
 * @param rank width of the latent of keys and values
 * @param plainDim elements of a query or key head that do not turn
 * @param valueDim width of a value head
 * @param rotaryDim elements behind them, of which all heads have one key
 * @param rope how those turn, null if they don't
 * @param ropeStyle which elements turn together
 * @param scale factor on the products
 * @param norm of the latents
 * @param latentScale factor on the normed latent of keys and values
 * @param biased whether the projections to latents, and the output projection, add a bias
 * @param index how positions are chosen, null if all are looked at
 */
public record MlaSpec(
    int numHeads,
    int queryRank,
    int rank,
    int plainDim,
    int valueDim,
    int rotaryDim,
    @Nullable RopeParameters rope,
    RopeStyle ropeStyle,
    double scale,
    Norm norm,
    double latentScale,
    boolean biased,
    @Nullable Index index) {
  /**
   * How the positions that are looked at are chosen. Source: arXiv:2512.02556 section 2.1.
   *
   * @param heads of the queries that score
   * @param dim width of such a query, and of a position's key
   * @param positions a token looks at
   * @param ropeStyle which elements of these queries and keys turn together
   * @param borrowed whether the choice of an earlier layer is taken (arXiv:2603.12201)
   */
  public record Index(int heads, int dim, int positions, RopeStyle ropeStyle, boolean borrowed) {
    /**
     * Reads the keys of DeepSeek V3.2.
     *
     * @param c a model's configuration
     * @param turns elements of a key that turn
     * @param heads value if {@code index_n_heads} is absent
     * @param ropeStyle which elements turn together
     * @return how
     * @throws ModelException if a key is malformed
     */
    public static Index parse(ModelConfig c, int turns, int heads, RopeStyle ropeStyle)
        throws ModelException {
      int dim = c.positiveInt("index_head_dim", 128);
      if (dim < turns) {
        throw c.refuse("index_head_dim", "at least qk_rope_head_dim, " + turns);
      }
      return new Index(
          c.positiveInt("index_n_heads", heads),
          dim,
          c.positiveInt("index_topk", 2048),
          ropeStyle,
          false);
    }

    /**
     * This taking the choice of the layer before.
     *
     * @return a new index
     */
    public Index borrowing() {
      return new Index(heads, dim, positions, ropeStyle, true);
    }
  }

  /**
   * What a configuration may leave out.
   *
   * @param queryRank of the queries' latent
   * @param rank of the latent of keys and values
   * @param plainDim of what does not turn of a head
   * @param valueDim of a head's value
   * @param theta base of the rotary frequencies
   */
  public record Defaults(int queryRank, int rank, int plainDim, int valueDim, double theta) {
    /** Those of DeepSeek V2 and V3. */
    public static final Defaults DEEPSEEK = new Defaults(1536, 512, 128, 128, 10_000);
  }

  /**
   * Names of its weights, but for those of {@link Index}.
   *
   * @param names to add to
   * @param module its own
   * @param stored the same in checkpoints
   * @return a new map
   */
  public static WeightNames named(WeightNames names, String module, String stored) {
    return names
        .with(module + ".q", stored + ".q_proj")
        .with(module + ".qA", stored + ".q_a_proj")
        .with(module + ".qNorm", stored + ".q_a_layernorm")
        .with(module + ".qB", stored + ".q_b_proj")
        .with(module + ".kvA", stored + ".kv_a_proj_with_mqa")
        .with(module + ".kvNorm", stored + ".kv_a_layernorm")
        .with(module + ".kvB", stored + ".kv_b_proj")
        .with(module + ".o", stored + ".o_proj");
  }

  /**
   * This with chosen positions.
   *
   * @param how they are chosen
   * @return a new spec
   */
  public MlaSpec withIndex(Index how) {
    return with(rope, ropeStyle, scale, latentScale, how);
  }

  /**
   * Width of the key that is kept to choose positions.
   *
   * @return 0 if all are looked at, or those that another layer chooses
   */
  public int indexDim() {
    return index == null || index.borrowed ? 0 : index.dim;
  }

  /**
   * Reads the keys of DeepSeek.
   *
   * @param c a model's configuration
   * @param shape its sizes, a head as wide as what turns of it
   * @param absent for absent keys; a null {@code q_lora_rank} means none
   * @return the spec
   * @throws ModelException if a key is malformed
   */
  public static MlaSpec parse(ModelConfig c, DecoderShape shape, Defaults absent)
      throws ModelException {
    RopeParameters.Keys keys = RopeParameters.Keys.USUAL.withTheta(absent.theta);
    RopeParameters rope = RopeParameters.parse(c, keys, shape);
    if (rope.rotaryDims() != shape.headDim()) {
      throw c.refuse("partial_rotary_factor", "1, since qk_rope_head_dim says what turns");
    }
    int plain = c.positiveInt("qk_nope_head_dim", absent.plainDim);
    double sharper = sharper(c, rope);
    double scale = sharper * sharper / Math.sqrt(plain + shape.headDim());
    boolean none = c.names("q_lora_rank") && !c.has("q_lora_rank");
    return new MlaSpec(
        shape.numHeads(),
        none ? 0 : c.positiveInt("q_lora_rank", absent.queryRank),
        c.positiveInt("kv_lora_rank", absent.rank),
        plain,
        c.positiveInt("v_head_dim", absent.valueDim),
        shape.headDim(),
        rope,
        c.bool("rope_interleave", true) ? RopeStyle.INTERLEAVED : RopeStyle.NEOX,
        scale,
        Norm.rms(1e-6),
        1,
        c.bool("attention_bias", false),
        null);
  }

  /** YaRN's factor on queries and on keys, for the elements that don't turn too. */
  private static double sharper(ModelConfig c, RopeParameters rope) throws ModelException {
    ModelConfig keys = c.object(c.has("rope_scaling") ? "rope_scaling" : "rope_parameters");
    if (keys == null || !(rope.scaling() instanceof RopeScaling.Yarn yarn)) {
      return 1;
    }
    double strength = keys.numberAbove("mscale_all_dim", -1, 0);
    return yarn.factor() <= 1 ? 1 : 0.1 * strength * Math.log(yarn.factor()) + 1;
  }

  /**
   * This without positions: nothing turns, the one key of all heads stays.
   *
   * @return a new spec
   */
  public MlaSpec withoutRope() {
    return with(null, ropeStyle, scale, latentScale, index);
  }

  /**
   * This with other pairs that turn together.
   *
   * @param style which elements form a pair
   * @return a new spec
   */
  public MlaSpec withRopeStyle(RopeStyle style) {
    return with(rope, style, scale, latentScale, index);
  }

  /**
   * This with factors on what comes of the latents.
   *
   * @param queries on queries
   * @param latent on the latent of keys and values
   * @return a new spec
   */
  public MlaSpec withFactors(double queries, double latent) {
    return with(rope, ropeStyle, scale * queries, latent, index);
  }

  private MlaSpec with(
      @Nullable RopeParameters turn,
      RopeStyle style,
      double factor,
      double latent,
      @Nullable Index how) {
    return new MlaSpec(
        numHeads, queryRank, rank, plainDim, valueDim, rotaryDim, turn, style, factor, norm, latent,
        biased, how);
  }

  /**
   * Width of what is kept of a token.
   *
   * @return elements
   */
  public int latentWidth() {
    return rank + rotaryDim;
  }
}
