package dev.lamina.models.gguf;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The tensor names of GGUF files beside those of transformers, for decoders of Llama's form. {@code
 * *} stands for the layer's number; the last part, {@code weight} or {@code bias}, is the same in
 * both, but for some that are named whole. Experts, which transformers names one by one, are one
 * stack {@code [E, N, K]}; what transformers has as one matrix, gate above up, may be two.
 */
final class GgufNames {
  private static final Pattern NUMBER = Pattern.compile("\\.(\\d{1,9})\\.");
  private static final Pattern EXPERT = Pattern.compile("(.*\\.experts)\\.\\d{1,9}(\\..*)");

  /** Those of Llama's form. */
  static final GgufNames LLAMA =
      new GgufNames(Map.of(), Map.of())
          .with("token_embd", "model.embed_tokens")
          .with("output_norm", "model.norm")
          .with("output", "lm_head")
          .with("blk.*.attn_norm", "model.layers.*.input_layernorm")
          .with("blk.*.attn_q", "model.layers.*.self_attn.q_proj")
          .with("blk.*.attn_k", "model.layers.*.self_attn.k_proj")
          .with("blk.*.attn_v", "model.layers.*.self_attn.v_proj")
          .with("blk.*.attn_output", "model.layers.*.self_attn.o_proj")
          .with("blk.*.attn_q_norm", "model.layers.*.self_attn.q_norm")
          .with("blk.*.attn_k_norm", "model.layers.*.self_attn.k_norm")
          .with("blk.*.ffn_norm", "model.layers.*.post_attention_layernorm")
          .with("blk.*.ffn_gate", "model.layers.*.mlp.gate_proj")
          .with("blk.*.ffn_up", "model.layers.*.mlp.up_proj")
          .with("blk.*.ffn_down", "model.layers.*.mlp.down_proj");

  /** The same with experts as Qwen names them, and as Mixtral does. */
  static final GgufNames QWEN_MOE =
      LLAMA
          .with("blk.*.ffn_gate_inp", "model.layers.*.mlp.gate")
          .with("blk.*.ffn_gate_exps", "model.layers.*.mlp.experts.gate_proj")
          .with("blk.*.ffn_up_exps", "model.layers.*.mlp.experts.up_proj")
          .with("blk.*.ffn_down_exps", "model.layers.*.mlp.experts.down_proj");

  static final GgufNames MIXTRAL =
      LLAMA
          .with("blk.*.ffn_gate_inp", "model.layers.*.block_sparse_moe.gate")
          .with("blk.*.ffn_gate_exps", "model.layers.*.block_sparse_moe.experts.w1")
          .with("blk.*.ffn_up_exps", "model.layers.*.block_sparse_moe.experts.w3")
          .with("blk.*.ffn_down_exps", "model.layers.*.block_sparse_moe.experts.w2");

  /** Qwen 2's shared network beside them. */
  static final GgufNames QWEN2_MOE =
      QWEN_MOE
          .with("blk.*.ffn_gate_inp_shexp", "model.layers.*.mlp.shared_expert_gate")
          .with("blk.*.ffn_gate_shexp", "model.layers.*.mlp.shared_expert.gate_proj")
          .with("blk.*.ffn_up_shexp", "model.layers.*.mlp.shared_expert.up_proj")
          .with("blk.*.ffn_down_shexp", "model.layers.*.mlp.shared_expert.down_proj");

  /** Those of Gemma, which norms around its branches. */
  static final GgufNames GEMMA =
      LLAMA
          .with("blk.*.post_attention_norm", "model.layers.*.post_attention_layernorm")
          .with("blk.*.ffn_norm", "model.layers.*.pre_feedforward_layernorm")
          .with("blk.*.post_ffw_norm", "model.layers.*.post_feedforward_layernorm");

  static final GgufNames PHI3 =
      LLAMA
          .with("blk.*.attn_qkv", "model.layers.*.self_attn.qkv_proj")
          .with("blk.*.ffn_up", "model.layers.*.mlp.gate_up_proj");

  static final GgufNames STARCODER2 =
      LLAMA
          .with("blk.*.ffn_up", "model.layers.*.mlp.c_fc")
          .with("blk.*.ffn_down", "model.layers.*.mlp.c_proj");

  static final GgufNames GRANITE_MOE =
      LLAMA
          .with("blk.*.ffn_gate_inp", "model.layers.*.block_sparse_moe.router.layer")
          .withHalves(
              "model.layers.*.block_sparse_moe.input_linear",
              "blk.*.ffn_gate_exps",
              "blk.*.ffn_up_exps")
          .with("blk.*.ffn_down_exps", "model.layers.*.block_sparse_moe.output_linear")
          .withHalves(
              "model.layers.*.shared_mlp.input_linear",
              "blk.*.ffn_gate_shexp",
              "blk.*.ffn_up_shexp")
          .with("blk.*.ffn_down_shexp", "model.layers.*.shared_mlp.output_linear");

  static final GgufNames GLM4_MOE =
      QWEN_MOE
          .without("blk.*.ffn_norm")
          .with("blk.*.post_attention_norm", "model.layers.*.post_attention_layernorm")
          .with("blk.*.exp_probs_b.bias", "model.layers.*.mlp.gate.e_score_correction_bias")
          .with("blk.*.ffn_gate_shexp", "model.layers.*.mlp.shared_experts.gate_proj")
          .with("blk.*.ffn_up_shexp", "model.layers.*.mlp.shared_experts.up_proj")
          .with("blk.*.ffn_down_shexp", "model.layers.*.mlp.shared_experts.down_proj");

  private final Map<String, String> toHf;
  private final Map<String, List<String>> halves;
  private final Map<String, String> toGguf = new LinkedHashMap<>();

  private GgufNames(Map<String, String> toHf, Map<String, List<String>> halves) {
    this.toHf = toHf;
    this.halves = halves;
    toHf.forEach((gguf, hf) -> toGguf.put(hf, gguf));
  }

  private GgufNames with(String gguf, String hf) {
    Map<String, String> more = new LinkedHashMap<>(toHf);
    more.put(gguf, hf);
    return new GgufNames(more, halves);
  }

  private GgufNames without(String gguf) {
    Map<String, String> fewer = new LinkedHashMap<>(toHf);
    fewer.remove(gguf);
    return new GgufNames(fewer, halves);
  }

  private GgufNames withHalves(String hf, String upper, String lower) {
    Map<String, List<String>> more = new LinkedHashMap<>(halves);
    more.put(hf, List.of(upper, lower));
    return new GgufNames(toHf, more);
  }

  /**
   * The names in files of the two halves of a matrix, or of each matrix of a stack: the upper rows
   * and the lower ones; none if it is one there too.
   */
  List<String> halves(String hf) {
    List<String> found = new ArrayList<>();
    int dot = hf.lastIndexOf('.');
    if (dot > 0) {
      for (String half : halves.getOrDefault(numberless(hf.substring(0, dot)), List.of())) {
        found.add(half.replace("*", number(hf)) + hf.substring(dot));
      }
    }
    return found;
  }

  /** The name by transformers of what a tensor is a half of, null if it is none. */
  @Nullable String whole(String gguf) {
    int dot = gguf.lastIndexOf('.');
    String module = dot < 0 ? gguf : numberless(gguf.substring(0, dot));
    for (Map.Entry<String, List<String>> e : halves.entrySet()) {
      if (dot > 0 && e.getValue().contains(module)) {
        return e.getKey().replace("*", number(gguf)) + gguf.substring(dot);
      }
    }
    return null;
  }

  /** The name by transformers, null for a tensor it has none for. */
  @Nullable String toHf(String gguf) {
    return translate(gguf, toHf);
  }

  /** The name in GGUF files, null for a tensor they have none for; one for all experts. */
  @Nullable String toGguf(String hf) {
    return translate(stack(hf), toGguf);
  }

  /** The name of the stack of experts that a tensor is a part of, else its own. */
  static String stack(String hf) {
    Matcher expert = EXPERT.matcher(hf);
    return expert.matches() ? expert.group(1) + expert.group(2) : hf;
  }

  private static @Nullable String translate(String name, Map<String, String> table) {
    String whole = table.get(numberless(name));
    if (whole != null) {
      return whole.replace("*", number(name));
    }
    int dot = name.lastIndexOf('.');
    String other = dot < 0 ? null : table.get(numberless(name.substring(0, dot)));
    return other == null ? null : other.replace("*", number(name)) + name.substring(dot);
  }

  private static String numberless(String name) {
    return NUMBER.matcher(name).replaceFirst(".*.");
  }

  /** The layer's number, empty for what is of no layer. */
  private static String number(String name) {
    Matcher number = NUMBER.matcher(name);
    return number.find() ? number.group(1) : "";
  }
}
