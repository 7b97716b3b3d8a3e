package dev.lamina.models.lora;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * An {@code adapter_config.json}: what of it the matrices do not say. A key that changes the
 * computation and is not built is refused by name.
 *
 * @param base the model it was trained for, as its makers named it, for messages
 * @param rank of modules without one of their own
 * @param alpha numerator of the scale of modules without one of their own
 * @param ranks ranks by pattern of module, in the file's order
 * @param alphas numerators by pattern of module, in the file's order
 * @param rankStabilized whether the scale is alpha / sqrt(rank) (arXiv:2312.03732) and not alpha /
 *     rank
 */
record LoraConfig(
    String base,
    int rank,
    double alpha,
    Map<Pattern, Double> ranks,
    Map<Pattern, Double> alphas,
    boolean rankStabilized) {

  private static final List<String> UNBUILT_FLAGS =
      List.of("use_dora", "lora_bias", "use_qalora", "use_bdlora");
  private static final List<String> UNBUILT =
      List.of(
          "modules_to_save",
          "layer_replication",
          "trainable_token_indices",
          "target_parameters",
          "alora_invocation_tokens",
          "megatron_config",
          "arrow_config");

  static LoraConfig parse(ModelConfig c) throws ModelException {
    if (!c.string("peft_type").equals("LORA")) {
      throw c.refuse("peft_type", "LORA, the only kind of adapter that is built");
    }
    for (String flag : UNBUILT_FLAGS) {
      c.only(flag, false);
    }
    if (!c.string("bias", "none").equals("none")) {
      throw c.refuse("bias", "none, trained biases are not built");
    }
    for (String key : UNBUILT) {
      if (c.has(key) && !c.isEmpty(key)) {
        throw c.refuse(key, "null, it is not built");
      }
    }
    return new LoraConfig(
        c.string("base_model_name_or_path", "a model it does not name"),
        c.positiveInt("r"),
        c.numberAbove("lora_alpha", 0),
        patterns(c, "rank_pattern"),
        patterns(c, "alpha_pattern"),
        c.bool("use_rslora", false));
  }

  private static Map<Pattern, Double> patterns(ModelConfig c, String key) throws ModelException {
    Map<Pattern, Double> patterns = new LinkedHashMap<>();
    ModelConfig object = c.object(key);
    if (object != null) {
      for (String module : object.keys()) {
        double value = object.numberAbove(module, 0);
        try {
          patterns.put(Pattern.compile("(.*\\.)?(" + module + ")"), value);
        } catch (PatternSyntaxException e) {
          throw object.refuse(module, "a number under a module's name or pattern");
        }
      }
    }
    return patterns;
  }

  /** The rank that a module's matrices must have. */
  int rank(String module) {
    return (int) find(ranks, module, rank);
  }

  /** Factor on what a module adds. */
  double scale(String module) {
    double r = rank(module);
    return find(alphas, module, alpha) / (rankStabilized ? Math.sqrt(r) : r);
  }

  private static double find(Map<Pattern, Double> patterns, String module, double absent) {
    for (Map.Entry<Pattern, Double> e : patterns.entrySet()) {
      if (e.getKey().matcher(module).matches()) {
        return e.getValue();
      }
    }
    return absent;
  }
}
