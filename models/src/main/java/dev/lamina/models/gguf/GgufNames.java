package dev.lamina.models.gguf;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The tensor names of GGUF files beside those of transformers, for decoders of Llama's form. {@code
 * *} stands for the layer's number; the last part, {@code weight} or {@code bias}, is the same in
 * both. Experts, which transformers names one by one, are one stack {@code [E, N, K]}.
 */
final class GgufNames {
  private static final Pattern NUMBER = Pattern.compile("\\.(\\d{1,9})\\.");
  private static final Pattern EXPERT = Pattern.compile("(.*\\.experts)\\.\\d{1,9}(\\..*)");

  /** Those of Llama's form. */
  static final GgufNames LLAMA =
      new GgufNames(Map.of())
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

  private final Map<String, String> toHf;
  private final Map<String, String> toGguf = new LinkedHashMap<>();

  private GgufNames(Map<String, String> toHf) {
    this.toHf = toHf;
    toHf.forEach((gguf, hf) -> toGguf.put(hf, gguf));
  }

  private GgufNames with(String gguf, String hf) {
    Map<String, String> more = new LinkedHashMap<>(toHf);
    more.put(gguf, hf);
    return new GgufNames(more);
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
    int dot = name.lastIndexOf('.');
    if (dot < 0) {
      return null;
    }
    Matcher number = NUMBER.matcher(name);
    String layer = number.find() ? number.group(1) : "";
    String other = table.get(NUMBER.matcher(name.substring(0, dot)).replaceFirst(".*."));
    return other == null ? null : other.replace("*", layer) + name.substring(dot);
  }
}
