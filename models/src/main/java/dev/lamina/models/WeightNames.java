package dev.lamina.models;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A family's map from the names its graph builder uses to those of a checkpoint.
 *
 * <p>Both are names of modules; {@code *} stands for the layer's number, and the last part of a
 * weight's name ({@code weight}, {@code bias}) passes unchanged: with {@code layers.*.attn.q} for
 * {@code model.layers.*.self_attn.q_proj}, {@code layers.3.attn.q.bias} is {@code
 * model.layers.3.self_attn.q_proj.bias}. Immutable.
 */
public final class WeightNames {
  private static final Pattern NUMBER = Pattern.compile("(?<=\\.)\\d+(?=\\.|$)");

  /** The modules that Llama and its relatives have, by the names of transformers. */
  public static final WeightNames LLAMA =
      new WeightNames(Map.of(), Map.of(), Set.of())
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

  /** Those and the experts of Qwen, DeepSeek and their relatives, one tensor each or stacked. */
  public static final WeightNames LLAMA_MOE =
      LLAMA
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_norm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_norm")
          .with("layers.*.mlp.router", "model.layers.*.mlp.gate")
          .with("layers.*.mlp.selection", "model.layers.*.mlp.gate")
          .with("layers.*.mlp.experts", "model.layers.*.mlp.experts")
          .with("layers.*.mlp.experts.gate", "model.layers.*.mlp.experts.gate_proj")
          .with("layers.*.mlp.experts.up", "model.layers.*.mlp.experts.up_proj")
          .with("layers.*.mlp.experts.down", "model.layers.*.mlp.experts.down_proj")
          .with("layers.*.mlp.experts.*.gate", "model.layers.*.mlp.experts.*.gate_proj")
          .with("layers.*.mlp.experts.*.up", "model.layers.*.mlp.experts.*.up_proj")
          .with("layers.*.mlp.experts.*.down", "model.layers.*.mlp.experts.*.down_proj")
          .with("layers.*.mlp.shared.gate", "model.layers.*.mlp.shared_experts.gate_proj")
          .with("layers.*.mlp.shared.up", "model.layers.*.mlp.shared_experts.up_proj")
          .with("layers.*.mlp.shared.down", "model.layers.*.mlp.shared_experts.down_proj");

  /** Those of Llama and the experts of Mixtral, one tensor each. */
  public static final WeightNames LLAMA_MIXTRAL =
      LLAMA
          .with("layers.*.mlp.router", "model.layers.*.block_sparse_moe.gate")
          .with("layers.*.mlp.experts.*.gate", "model.layers.*.block_sparse_moe.experts.*.w1")
          .with("layers.*.mlp.experts.*.up", "model.layers.*.block_sparse_moe.experts.*.w3")
          .with("layers.*.mlp.experts.*.down", "model.layers.*.block_sparse_moe.experts.*.w2");

  private final Map<String, String> modules;
  private final Map<String, String> others;
  private final Set<String> transposed;

  private WeightNames(
      Map<String, String> modules, Map<String, String> others, Set<String> transposed) {
    this.modules = modules;
    this.others = others;
    this.transposed = transposed;
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
    return new WeightNames(more, others, transposed);
  }

  /**
   * This map with a second name for a module, which a checkpoint without the first one may have.
   *
   * @param module name in graphs, which the map has
   * @param stored name in those checkpoints
   * @return a new map
   */
  public WeightNames withOther(String module, String stored) {
    Map<String, String> more = new LinkedHashMap<>(others);
    more.put(module, stored);
    return new WeightNames(modules, more, transposed);
  }

  /**
   * This map for a checkpoint that stores some matrices as {@code [in, out]}.
   *
   * @param turned names in graphs
   * @return a new map
   */
  public WeightNames withTransposed(String... turned) {
    return new WeightNames(modules, others, Set.of(turned));
  }

  /**
   * Whether a matrix is stored as {@code [in, out]}, not {@code [out, in]}.
   *
   * @param module name in graphs
   * @return true if it is
   */
  public boolean isTransposed(String module) {
    return transposed.contains(NUMBER.matcher(module).replaceAll("*"));
  }

  /**
   * Whether this map has the module of a weight.
   *
   * @param weight name in graphs
   * @return true if it has
   */
  public boolean has(String weight) {
    String module = weight.substring(0, weight.lastIndexOf('.'));
    return modules.containsKey(NUMBER.matcher(module).replaceAll("*"));
  }

  /**
   * The checkpoint's name of a weight.
   *
   * @param weight name in graphs
   * @return name in checkpoints
   * @throws IllegalArgumentException if the module is not in this map
   */
  public String stored(String weight) {
    String stored = name(weight, modules);
    if (stored == null) {
      throw new IllegalArgumentException(
          "weight '%s': expected one of the modules %s".formatted(weight, modules.keySet()));
    }
    return stored;
  }

  /**
   * The other name that checkpoints may have for a weight.
   *
   * @param weight name in graphs
   * @return name in checkpoints, null if there is no other
   */
  public @Nullable String other(String weight) {
    return name(weight, others);
  }

  private static @Nullable String name(String weight, Map<String, String> modules) {
    int dot = weight.lastIndexOf('.');
    String module = weight.substring(0, dot);
    String stored = modules.get(NUMBER.matcher(module).replaceAll("*"));
    if (stored == null) {
      return null;
    }
    Matcher number = NUMBER.matcher(module);
    while (number.find()) {
      stored = stored.replaceFirst("\\*", number.group());
    }
    return stored + weight.substring(dot);
  }
}
