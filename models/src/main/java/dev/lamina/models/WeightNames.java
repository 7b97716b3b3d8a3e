package dev.lamina.models;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A family's map from the names its graph builder uses to those of a checkpoint.
 *
 * <p>Both are names of modules; {@code *} stands for the layer's number, and the last part of a
 * weight's name ({@code weight}, {@code bias}) passes unchanged: with {@code layers.*.attn.q} for
 * {@code model.layers.*.self_attn.q_proj}, {@code layers.3.attn.q.bias} is {@code
 * model.layers.3.self_attn.q_proj.bias}. Immutable.
 */
public final class WeightNames {
  private static final Pattern NUMBER = Pattern.compile("\\.(\\d+)\\.");

  /** The modules that Llama and its relatives have, by the names of transformers. */
  public static final WeightNames LLAMA =
      new WeightNames(Map.of())
          .with("embed", "model.embed_tokens")
          .with("layers.*.attn.norm", "model.layers.*.input_layernorm")
          .with("layers.*.attn.q", "model.layers.*.self_attn.q_proj")
          .with("layers.*.attn.k", "model.layers.*.self_attn.k_proj")
          .with("layers.*.attn.v", "model.layers.*.self_attn.v_proj")
          .with("layers.*.attn.o", "model.layers.*.self_attn.o_proj")
          .with("layers.*.mlp.norm", "model.layers.*.post_attention_layernorm")
          .with("layers.*.mlp.gate", "model.layers.*.mlp.gate_proj")
          .with("layers.*.mlp.up", "model.layers.*.mlp.up_proj")
          .with("layers.*.mlp.down", "model.layers.*.mlp.down_proj")
          .with("norm", "model.norm")
          .with("head", "lm_head");

  private final Map<String, String> modules;

  private WeightNames(Map<String, String> modules) {
    this.modules = modules;
  }

  /**
   * This map with one more module, or another name for one.
   *
   * @param module name in graphs
   * @param stored name in checkpoints
   * @return a new map
   */
  public WeightNames with(String module, String stored) {
    Map<String, String> more = new LinkedHashMap<>(modules);
    more.put(module, stored);
    return new WeightNames(more);
  }

  /**
   * The checkpoint's name of a weight.
   *
   * @param weight name in graphs
   * @return name in checkpoints
   * @throws IllegalArgumentException if the module is not in this map
   */
  public String stored(String weight) {
    int dot = weight.lastIndexOf('.');
    Matcher number = NUMBER.matcher(weight);
    String layer = number.find() ? number.group(1) : "";
    String module = NUMBER.matcher(weight.substring(0, dot)).replaceFirst(".*.");
    String stored = modules.get(module);
    if (stored == null) {
      throw new IllegalArgumentException(
          "weight '%s': expected one of the modules %s".formatted(weight, modules.keySet()));
    }
    return stored.replace("*", layer) + weight.substring(dot);
  }
}
