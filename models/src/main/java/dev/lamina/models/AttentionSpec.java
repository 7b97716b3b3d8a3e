package dev.lamina.models;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What the attention of a layer does. Immutable; starts plain, over all earlier positions, and each
 * {@code with} says one thing more.
 */
public final class AttentionSpec {
  /** How the matrices of queries, keys and values are stored. */
  public enum Projection {
    /** Modules {@code q}, {@code k} and {@code v}. */
    SEPARATE,
    /** Modules {@code q} and {@code k}; a value is its key before the norm. */
    KEY_IS_VALUE,
    /** Module {@code qkv}: all rows of q, then of k, then of v. */
    FUSED,
    /** Module {@code qkv}: for each KV head its queries, its key and its value. */
    FUSED_BY_HEAD,
    /** Module {@code qkv}: for each quarter of the heads their queries, values and keys. */
    FUSED_BY_QUARTER
  }

  /** What weighs the output of the heads, by its sigmoid, before the output projection. */
  public enum OutputGate {
    /** Nothing. */
    NONE,
    /** Module {@code q} holds, a head each, a query and a gate. */
    WITH_QUERY,
    /** Module {@code gate}. */
    OWN
  }

  private DecoderShape shape;
  private @Nullable RopeParameters rope;
  private RopeStyle ropeStyle = RopeStyle.NEOX;
  private Projection projection = Projection.SEPARATE;
  private boolean biased;
  private boolean outputBiased;
  private @Nullable QkNorm qkNorm;
  private double scale;
  private double clip;
  private double softcap;
  private long window;
  private long chunk;
  private double alibi;
  private SelectiveLayers.@Nullable Sharpening sharpening;
  private @Nullable Norm outputNorm;
  private boolean sinks;
  private OutputGate gate = OutputGate.NONE;

  /**
   * Plain attention over all earlier positions, scaled by the root of the head's width.
   *
   * @param shape heads and widths
   * @param rope rotary embedding of queries and keys, null for none
   */
  public AttentionSpec(DecoderShape shape, @Nullable RopeParameters rope) {
    this.shape = shape;
    this.rope = rope;
    this.scale = 1 / Math.sqrt(shape.headDim());
  }

  private AttentionSpec with(Consumer<AttentionSpec> change) {
    AttentionSpec copy = new AttentionSpec(shape, rope);
    copy.ropeStyle = ropeStyle;
    copy.projection = projection;
    copy.biased = biased;
    copy.outputBiased = outputBiased;
    copy.qkNorm = qkNorm;
    copy.scale = scale;
    copy.clip = clip;
    copy.softcap = softcap;
    copy.window = window;
    copy.chunk = chunk;
    copy.alibi = alibi;
    copy.sharpening = sharpening;
    copy.outputNorm = outputNorm;
    copy.sinks = sinks;
    copy.gate = gate;
    change.accept(copy);
    return copy;
  }

  /**
   * This with another rotary embedding.
   *
   * @param other the embedding, null for none
   * @return a new spec
   */
  public AttentionSpec withRope(@Nullable RopeParameters other) {
    return with(s -> s.rope = other);
  }

  /**
   * This with other pairs that turn together.
   *
   * @param style which elements form a pair
   * @return a new spec
   */
  public AttentionSpec withRopeStyle(RopeStyle style) {
    return with(s -> s.ropeStyle = style);
  }

  /**
   * This with other matrices.
   *
   * @param stored how they lie
   * @return a new spec
   */
  public AttentionSpec withProjection(Projection stored) {
    return with(s -> s.projection = stored);
  }

  /**
   * This with or without biases.
   *
   * @param inputs whether the query, key and value projections add one
   * @param output whether the output projection does
   * @return a new spec
   */
  public AttentionSpec withBias(boolean inputs, boolean output) {
    return with(s -> {
      s.biased = inputs;
      s.outputBiased = output;
    });
  }

  /**
   * This with a norm of queries and keys.
   *
   * @param norm null for none
   * @return a new spec
   */
  public AttentionSpec withQkNorm(@Nullable QkNorm norm) {
    return with(s -> s.qkNorm = norm);
  }

  /**
   * This with another factor on the products of queries and keys.
   *
   * @param factor the factor
   * @return a new spec
   */
  public AttentionSpec withScale(double factor) {
    return with(s -> s.scale = factor);
  }

  /**
   * This with queries, keys and values clamped before they are turned, and after a norm that is due
   * before.
   *
   * @param bound largest magnitude, 0 = any
   * @return a new spec
   */
  public AttentionSpec withClip(double bound) {
    return with(s -> s.clip = bound);
  }

  /**
   * This with a bound that the scaled products approach.
   *
   * @param bound 0 = none
   * @return a new spec
   */
  public AttentionSpec withSoftcap(double bound) {
    return with(s -> s.softcap = bound);
  }

  /**
   * This with a sliding window.
   *
   * @param positions seen, the own one included, 0 = all
   * @return a new spec
   */
  public AttentionSpec withWindow(long positions) {
    return with(s -> s.window = positions);
  }

  /**
   * This with chunks that see only themselves.
   *
   * @param positions of a chunk, 0 = no chunks
   * @return a new spec
   */
  public AttentionSpec withChunk(long positions) {
    return with(s -> s.chunk = positions);
  }

  /**
   * This with a bias on the products that grows with the distance (ALiBi, arXiv:2108.12409).
   *
   * @param factor on the paper's slopes, 0 = no bias
   * @return a new spec
   */
  public AttentionSpec withAlibi(double factor) {
    return with(s -> s.alibi = factor);
  }

  /**
   * This with queries that are sharpened by their position once they are turned.
   *
   * @param how by which factors, null for none
   * @return a new spec
   */
  public AttentionSpec withSharpening(SelectiveLayers.@Nullable Sharpening how) {
    return with(s -> s.sharpening = how);
  }

  /**
   * This with a norm before the output projection, by module {@code outputNorm}.
   *
   * @param norm null for none
   * @return a new spec
   */
  public AttentionSpec withOutputNorm(@Nullable Norm norm) {
    return with(s -> s.outputNorm = norm);
  }

  /**
   * This with a logit more for each head, {@code sinks}, whose value is zero.
   *
   * @return a new spec
   */
  public AttentionSpec withSinks() {
    return with(s -> s.sinks = true);
  }

  /**
   * This with heads whose output is weighed.
   *
   * @param by where the gate comes from; {@link OutputGate#WITH_QUERY} with separate matrices only
   * @return a new spec
   */
  public AttentionSpec withGate(OutputGate by) {
    return with(s -> s.gate = by);
  }

  /**
   * What weighs the output of the heads.
   *
   * @return where the gate comes from
   */
  public OutputGate gate() {
    return gate;
  }

  /**
   * Whether each head has a sink.
   *
   * @return true if it has
   */
  public boolean sinks() {
    return sinks;
  }

  /**
   * Heads and widths.
   *
   * @return the decoder's sizes
   */
  public DecoderShape shape() {
    return shape;
  }

  /**
   * Rotary embedding of queries and keys.
   *
   * @return null for none
   */
  public @Nullable RopeParameters rope() {
    return rope;
  }

  /**
   * Which elements turn together.
   *
   * @return the pairs
   */
  public RopeStyle ropeStyle() {
    return ropeStyle;
  }

  /**
   * How the matrices are stored.
   *
   * @return the order
   */
  public Projection projection() {
    return projection;
  }

  /**
   * Whether the query, key and value projections add a bias.
   *
   * @return true if they do
   */
  public boolean biased() {
    return biased;
  }

  /**
   * Whether the output projection adds a bias.
   *
   * @return true if it does
   */
  public boolean outputBiased() {
    return outputBiased;
  }

  /**
   * The norm of queries and keys.
   *
   * @return null for none
   */
  public @Nullable QkNorm qkNorm() {
    return qkNorm;
  }

  /**
   * Factor on the products of queries and keys.
   *
   * @return the factor
   */
  public double scale() {
    return scale;
  }

  /** Projected queries, keys and values within the bound. */
  Value clipped(Ops graph, Value x) {
    if (clip == 0) {
      return x;
    }
    Value below = graph.binary(CoreOp.BinaryKind.MIN, x, graph.fillLike(x, clip));
    return graph.binary(CoreOp.BinaryKind.MAX, below, graph.fillLike(x, -clip));
  }

  /**
   * Bound that the scaled products approach.
   *
   * @return 0 = none
   */
  public double softcap() {
    return softcap;
  }

  /**
   * Positions seen, the own one included.
   *
   * @return 0 = all
   */
  public long window() {
    return window;
  }

  /**
   * Length of the chunks that see only themselves.
   *
   * @return 0 = no chunks
   */
  public long chunk() {
    return chunk;
  }

  /**
   * How far back the layer reads, for the life of its pages.
   *
   * @return positions, the own one included, 0 = all
   */
  public long reach() {
    // A chunk's last position reads its whole chunk.
    if (window == 0 || chunk == 0) {
      return Math.max(window, chunk);
    }
    return Math.min(window, chunk);
  }

  /**
   * The slopes of the bias by distance.
   *
   * @return one a head, none without it
   */
  float[] alibiSlopes() {
    if (alibi == 0) {
      return new float[0];
    }
    int heads = shape.numHeads();
    int power = Integer.highestOneBit(heads);
    float[] slopes = new float[heads];
    for (int h = 0; h < heads; h++) {
      // Beyond a power of two, every second slope of the next one.
      double exponent = h < power ? 8.0 * (h + 1) / power : 4.0 * (2 * (h - power) + 1) / power;
      slopes[h] = (float) (Math.pow(2, -exponent) * alibi);
    }
    return slopes;
  }

  /**
   * How queries are sharpened by their position.
   *
   * @return null for not
   */
  public SelectiveLayers.@Nullable Sharpening sharpening() {
    return sharpening;
  }

  /**
   * The norm before the output projection.
   *
   * @return null for none
   */
  public @Nullable Norm outputNorm() {
    return outputNorm;
  }

  /** The op of a layer. */
  CompositeOp.PagedAttention op(int layer) {
    return new CompositeOp.PagedAttention(
        layer, scale, true, window, chunk, softcap, sinks, alibi != 0);
  }
}
