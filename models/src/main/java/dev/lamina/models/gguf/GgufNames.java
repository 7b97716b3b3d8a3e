package dev.lamina.models.gguf;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The tensor names of GGUF files beside those of transformers, for decoders of Llama's form. {@code
 * *} stands for the layer's number; the last part, {@code weight} or {@code bias}, is the same in
 * both.
 */
final class GgufNames {
  private static final Pattern NUMBER = Pattern.compile("\\.(\\d{1,9})\\.");
  private static final Map<String, String> TO_HF = new LinkedHashMap<>();
  private static final Map<String, String> TO_GGUF = new LinkedHashMap<>();

  static {
    pair("token_embd", "model.embed_tokens");
    pair("output_norm", "model.norm");
    pair("output", "lm_head");
    pair("blk.*.attn_norm", "model.layers.*.input_layernorm");
    pair("blk.*.attn_q", "model.layers.*.self_attn.q_proj");
    pair("blk.*.attn_k", "model.layers.*.self_attn.k_proj");
    pair("blk.*.attn_v", "model.layers.*.self_attn.v_proj");
    pair("blk.*.attn_output", "model.layers.*.self_attn.o_proj");
    pair("blk.*.attn_q_norm", "model.layers.*.self_attn.q_norm");
    pair("blk.*.attn_k_norm", "model.layers.*.self_attn.k_norm");
    pair("blk.*.ffn_norm", "model.layers.*.post_attention_layernorm");
    pair("blk.*.ffn_gate", "model.layers.*.mlp.gate_proj");
    pair("blk.*.ffn_up", "model.layers.*.mlp.up_proj");
    pair("blk.*.ffn_down", "model.layers.*.mlp.down_proj");
  }

  private GgufNames() {}

  private static void pair(String gguf, String hf) {
    TO_HF.put(gguf, hf);
    TO_GGUF.put(hf, gguf);
  }

  /** The name by transformers, null for a tensor it has none for. */
  static @Nullable String toHf(String gguf) {
    return translate(gguf, TO_HF);
  }

  /** The name in GGUF files, null for a tensor they have none for. */
  static @Nullable String toGguf(String hf) {
    return translate(hf, TO_GGUF);
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
