package dev.lamina.models;

import dev.lamina.models.RopeScaling.Default;
import dev.lamina.models.RopeScaling.Dynamic;
import dev.lamina.models.RopeScaling.Linear;
import dev.lamina.models.RopeScaling.Llama3;
import dev.lamina.models.RopeScaling.LongRope;
import dev.lamina.models.RopeScaling.Yarn;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Rotary position embedding as a model's configuration gives it.
 *
 * @param theta base of the frequencies, above 0
 * @param scaling how they are stretched
 */
public record RopeParameters(double theta, RopeScaling scaling) {
  private static final double DEFAULT_THETA = 10_000;

  /**
   * Reads the keys {@code rope_parameters} (with the base inside), or the older {@code rope_theta}
   * and {@code rope_scaling}; the older ones win where both stand, as in transformers.
   *
   * @param config a model's configuration
   * @param rotaryDims elements of a head that turn, even
   * @param maxPositions the model's longest sequence
   * @return the parameters
   * @throws ModelException if a key is malformed, out of range or names an unknown scaling
   */
  public static RopeParameters parse(ModelConfig config, int rotaryDims, int maxPositions)
      throws ModelException {
    double outer = config.numberAbove("rope_theta", 0, DEFAULT_THETA);
    ModelConfig rope = config.object("rope_scaling");
    if (rope == null) {
      rope = config.object("rope_parameters");
    }
    if (rope == null) {
      return new RopeParameters(outer, new Default());
    }
    double theta = rope.numberAbove("rope_theta", 0, outer);
    return new RopeParameters(theta, scaling(config, rope, rotaryDims, maxPositions));
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
