package dev.lamina.models;

import dev.lamina.models.RopeScaling.Default;
import dev.lamina.models.RopeScaling.Dynamic;
import dev.lamina.models.RopeScaling.Linear;
import dev.lamina.models.RopeScaling.Llama3;
import dev.lamina.models.RopeScaling.LongRope;
import dev.lamina.models.RopeScaling.Proportional;
import dev.lamina.models.RopeScaling.Yarn;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Rotary position embedding as a model's configuration gives it.
 *
 * @param theta base of the frequencies, above 0
 * @param rotaryDims elements of a head that turn, even
 * @param scaling how they are stretched
 */
public record RopeParameters(double theta, int rotaryDims, RopeScaling scaling) {
  private static final double DEFAULT_THETA = 10_000;

  /**
   * The old keys of a configuration and what a family takes for those it leaves out.
   *
   * @param theta key of the base
   * @param partial key of the share of a head that turns
   * @param defaultTheta the base if absent
   * @param defaultPartial the share if absent
   */
  public record Keys(String theta, String partial, double defaultTheta, double defaultPartial) {
    /** The names that most have; whole heads turn. */
    public static final Keys USUAL =
        new Keys("rope_theta", "partial_rotary_factor", DEFAULT_THETA, 1);

    /**
     * These for a family that turns a part of each head.
     *
     * @param partial the share if absent
     * @return new keys
     */
    public Keys withPartial(double partial) {
      return new Keys(theta, this.partial, defaultTheta, partial);
    }

    /**
     * These for a family with another base.
     *
     * @param theta the base if absent
     * @return new keys
     */
    public Keys withTheta(double theta) {
      return new Keys(this.theta, partial, theta, defaultPartial);
    }
  }

  /**
   * Reads the keys {@code rope_parameters} (with the base inside), or the older {@code rope_theta}
   * and {@code rope_scaling}; the older ones win where both stand, as in transformers.
   *
   * @param config a model's configuration
   * @param shape the model's sizes
   * @return the parameters
   * @throws ModelException if a key is malformed, out of range or names an unknown scaling
   */
  public static RopeParameters parse(ModelConfig config, DecoderShape shape) throws ModelException {
    return parse(config, Keys.USUAL, shape);
  }

  /**
   * As {@link #parse(ModelConfig, DecoderShape)}, by other keys.
   *
   * @param config a model's configuration
   * @param keys names and defaults
   * @param shape the model's sizes
   * @return the parameters
   * @throws ModelException if a key is malformed, out of range or names an unknown scaling
   */
  public static RopeParameters parse(ModelConfig config, Keys keys, DecoderShape shape)
      throws ModelException {
    return parse(config, keys, shape.headDim(), shape.maxPositions());
  }

  /**
   * How far dynamic scaling reaches.
   *
   * @return tokens, 0 if the scaling is another
   */
  public int reach() {
    return scaling instanceof Dynamic d
        ? (int) Math.min(Integer.MAX_VALUE, d.factor() * d.maxPositions())
        : 0;
  }

  /**
   * Unscaled, whole heads.
   *
   * @param theta base of the frequencies
   * @param shape the model's sizes
   * @return the parameters
   */
  public static RopeParameters plain(double theta, DecoderShape shape) {
    return new RopeParameters(theta, shape.headDim(), new Default());
  }

  /**
   * Unscaled, a part of each head.
   *
   * @param theta base of the frequencies
   * @param shape the model's sizes
   * @param rotaryDims elements of a head that turn, even
   * @return the parameters
   */
  public static RopeParameters plain(double theta, DecoderShape shape, int rotaryDims) {
    return new RopeParameters(theta, rotaryDims, new Default());
  }

  /**
   * As {@link #parse(ModelConfig, DecoderShape)}, by other keys or for other heads.
   *
   * @param config a model's configuration
   * @param keys names and defaults
   * @param headDim width of a head
   * @param maxPositions the model's longest sequence
   * @return the parameters
   * @throws ModelException if a key is malformed, out of range or names an unknown scaling
   */
  static RopeParameters parse(ModelConfig config, Keys keys, int headDim, int maxPositions)
      throws ModelException {
    ModelConfig rope = config.object("rope_scaling");
    if (rope == null) {
      rope = config.object("rope_parameters");
    }
    return parse(config, rope, keys, headDim, maxPositions);
  }

  /**
   * As {@link #parse(ModelConfig, DecoderShape)} for the layers of one type, if {@code
   * rope_parameters} has an object for each.
   *
   * @param config a model's configuration
   * @param layerType such as {@code sliding_attention}
   * @param keys names and defaults
   * @param shape the model's sizes
   * @return the parameters
   * @throws ModelException if a key is malformed, out of range or names an unknown scaling
   */
  public static RopeParameters parseLayerType(
      ModelConfig config, String layerType, Keys keys, DecoderShape shape) throws ModelException {
    ModelConfig all = config.object("rope_parameters");
    ModelConfig rope = all == null ? null : all.object(layerType);
    return rope == null
        ? parse(config, keys, shape)
        : parse(config, rope, keys, shape.headDim(), shape.maxPositions());
  }

  private static RopeParameters parse(
      ModelConfig config, @Nullable ModelConfig rope, Keys keys, int headDim, int maxPositions)
      throws ModelException {
    double theta = config.numberAbove(keys.theta, 0, keys.defaultTheta);
    int rotaryDims = rotaryDims(config, keys.partial, keys.defaultPartial, headDim);
    if (rope == null) {
      return new RopeParameters(theta, rotaryDims, new Default());
    }
    theta = rope.numberAbove("rope_theta", 0, theta);
    if (rope.string("rope_type", "default").equals("proportional")) {
      int pairs = rotaryDims(rope, "partial_rotary_factor", 1, headDim) / 2;
      Proportional scaling = new Proportional(pairs, rope.numberAbove("factor", 0, 1));
      return new RopeParameters(theta, headDim, scaling);
    }
    if (rope.has("partial_rotary_factor")) {
      rotaryDims = rotaryDims(rope, "partial_rotary_factor", 1, headDim);
    }
    return new RopeParameters(theta, rotaryDims, scaling(config, rope, rotaryDims, maxPositions));
  }

  private static int rotaryDims(ModelConfig config, String key, double absent, int headDim)
      throws ModelException {
    double share = config.numberAbove(key, 0, absent);
    int dims = (int) (headDim * share);
    if (share > 1 || dims == 0 || dims % 2 != 0) {
      throw config.refuse(key, "a share of a head of %d that is even".formatted(headDim));
    }
    return dims;
  }

  private static RopeScaling scaling(
      ModelConfig config, ModelConfig rope, int rotaryDims, int maxPositions)
      throws ModelException {
    String key = rope.has("rope_type") ? "rope_type" : "type";
    String type = rope.string(key, "default");
    // Beside the scaling's own keys, Phi-3 keeps the pretrained length in the outer object.
    int original =
        config.has("original_max_position_embeddings")
            ? config.positiveInt("original_max_position_embeddings")
            : rope.positiveInt("original_max_position_embeddings", maxPositions);
    return switch (type) {
      case "default" -> new Default();
      case "linear" -> new Linear(rope.numberAbove("factor", 0));
      case "dynamic" -> new Dynamic(rope.numberAbove("factor", 0), maxPositions);
      case "llama3" -> llama3(rope, original);
      case "yarn" -> yarn(rope, original, maxPositions);
      case "longrope", "su" -> longRope(rope, original, rotaryDims, maxPositions);
      default -> throw rope.refuse(key, "one of default, linear, dynamic, llama3, yarn, longrope");
    };
  }

  private static RopeScaling llama3(ModelConfig rope, int original) throws ModelException {
    double low = rope.numberAbove("low_freq_factor", 0);
    double high = rope.numberAbove("high_freq_factor", 0);
    if (high <= low) {
      throw rope.refuse("high_freq_factor", "a number above low_freq_factor, " + low);
    }
    return new Llama3(rope.numberAbove("factor", 0), low, high, original);
  }

  private static RopeScaling yarn(ModelConfig rope, int original, int maxPositions)
      throws ModelException {
    double factor = rope.numberAbove("factor", 0, (double) maxPositions / original);
    Double given = rope.numberIn("attention_factor", 0, Float.MAX_VALUE);
    double mscale = rope.numberAbove("mscale", -1, 0);
    double mscaleAllDim = rope.numberAbove("mscale_all_dim", -1, 0);
    double attention;
    if (given != null) {
      attention = given;
    } else if (mscale != 0 && mscaleAllDim != 0) {
      attention = yarnScale(factor, mscale) / yarnScale(factor, mscaleAllDim);
    } else {
      attention = yarnScale(factor, 1);
    }
    return new Yarn(
        factor,
        original,
        orDefault(rope.numberIn("beta_fast", 0, Float.MAX_VALUE), 32),
        orDefault(rope.numberIn("beta_slow", 0, Float.MAX_VALUE), 1),
        rope.bool("truncate", true),
        attention);
  }

  private static double yarnScale(double factor, double mscale) {
    return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
  }

  // Zero counts as not given.
  private static double orDefault(@Nullable Double given, double absent) {
    return given == null || given == 0 ? absent : given;
  }

  private static RopeScaling longRope(
      ModelConfig rope, int original, int rotaryDims, int maxPositions) throws ModelException {
    double factor = rope.numberAbove("factor", 0, (double) maxPositions / original);
    double paper = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
    Double given = rope.numberIn("attention_factor", 0, Float.MAX_VALUE);
    if (rope.has("long_mscale")) {
      // Phi-3.5 MoE names it for each list; they are the same.
      given = rope.numberIn("long_mscale", 0, Float.MAX_VALUE);
      if (!Objects.equals(given, rope.numberIn("short_mscale", 0, Float.MAX_VALUE))) {
        throw rope.refuse("short_mscale", "what long_mscale is, " + given);
      }
    }
    return new LongRope(
        boxed(rope.positiveNumbers("short_factor", rotaryDims / 2)),
        boxed(rope.positiveNumbers("long_factor", rotaryDims / 2)),
        original,
        given == null ? paper : given);
  }

  private static List<Double> boxed(double[] numbers) {
    return Arrays.stream(numbers).boxed().toList();
  }
}
