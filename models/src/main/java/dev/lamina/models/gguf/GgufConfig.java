package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Hyper-parameters of a GGUF file as the {@code config.json} that its family parses. What a file
 * asks for and this does not carry over is refused, never dropped.
 */
final class GgufConfig {
  static final String ROPE_FACTORS = "rope_freqs.weight";
  private static final List<String> END_IDS =
      List.of(
          "tokenizer.ggml.eos_token_id",
          "tokenizer.ggml.eot_token_id",
          "tokenizer.ggml.eom_token_id");

  private final GgufFile file;
  private final GgufMetadata metadata;
  private final GgufArchitecture architecture;
  private final ObjectNode config = JsonNodeFactory.instance.objectNode();

  private GgufConfig(GgufFile file, GgufArchitecture architecture) {
    this.file = file;
    this.metadata = file.metadata();
    this.architecture = architecture;
  }

  /** The configuration of a file of an architecture. */
  static ModelConfig of(GgufFile file, GgufArchitecture architecture) throws ModelException {
    GgufConfig c = new GgufConfig(file, architecture);
    c.fill();
    return ModelConfig.parse(file.metadata().file(), c.config.toString());
  }

  private String key(String name) {
    return architecture.text() + "." + name;
  }

  private boolean has(String name) {
    return metadata.has(key(name));
  }

  private void fill() throws ModelException {
    config.put("model_type", architecture.modelType());
    whole("num_hidden_layers", "block_count");
    whole("hidden_size", "embedding_length");
    whole("intermediate_size", "feed_forward_length");
    whole("num_attention_heads", "attention.head_count");
    whole("max_position_embeddings", "context_length");
    if (has("attention.head_count_kv")) {
      whole("num_key_value_heads", "attention.head_count_kv");
    } else {
      config.set("num_key_value_heads", config.get("num_attention_heads"));
    }
    config.put("rms_norm_eps", metadata.number(key("attention.layer_norm_rms_epsilon")));
    config.put("hidden_act", "silu");
    config.put("vocab_size", vocabSize());
    config.put("tie_word_embeddings", !hasTensor("output.weight"));
    config.put("attention_bias", biased());
    heads();
    refuseOthers();
    rope();
    tokens();
  }

  private void whole(String hf, String name) throws ModelException {
    config.put(hf, metadata.integer(key(name), 1));
  }

  private boolean hasTensor(String name) {
    return file.find(name) != null;
  }

  /** Llama has a bias on all four projections or on none; Qwen 2 has its own without being told. */
  private boolean biased() {
    return architecture != GgufArchitecture.QWEN2 && hasTensor("blk.0.attn_output.bias");
  }

  private long vocabSize() throws ModelException {
    GgufFile.Tensor t = file.find("token_embd.weight");
    if (t != null && t.shape().rank() == 2) {
      return t.shape().dim(0).upperBound();
    }
    throw GgufFile.refuse(
        metadata.file(),
        "tensor 'token_embd.weight'",
        "a matrix of embeddings",
        "none",
        "convert the model again");
  }

  private void heads() throws ModelException {
    int heads = config.path("num_attention_heads").intValue();
    int hidden = config.path("hidden_size").intValue();
    int headDim = hidden / heads;
    if (has("attention.key_length")) {
      headDim = metadata.integer(key("attention.key_length"), 1);
    }
    config.put("head_dim", headDim);
    same("attention.value_length", headDim);
    same("rope.dimension_count", headDim);
  }

  private void same(String name, int headDim) throws ModelException {
    if (has(name) && metadata.integer(key(name), 0) != headDim) {
      throw metadata.refuse(key(name), "the width of a head, " + headDim);
    }
  }

  private void refuseOthers() throws ModelException {
    boolean mixtral = experts();
    if (has("attention.sliding_window")
        && metadata.integer(key("attention.sliding_window"), 0) > 0) {
      if (architecture != GgufArchitecture.LLAMA) {
        throw metadata.refuse(key("attention.sliding_window"), "a model without windows, 0");
      }
      // Of the models that go by Llama's name, Mistral's have windows.
      config.put("model_type", mixtral ? "mixtral" : "mistral");
      whole("sliding_window", "attention.sliding_window");
    }
  }

  /** Whether it is Mixtral, of the models that go by Llama's name the one with experts. */
  private boolean experts() throws ModelException {
    int count = has("expert_count") ? metadata.integer(key("expert_count"), 0) : 0;
    if (count == 0) {
      return false;
    }
    switch (architecture) {
      case LLAMA -> config.put("model_type", "mixtral");
      case QWEN3MOE -> {
        whole("moe_intermediate_size", "expert_feed_forward_length");
        // Files of this kind mean these without saying so.
        config.put("norm_topk_prob", true);
        config.put("decoder_sparse_step", 1);
      }
      case QWEN2, QWEN3 -> throw metadata.refuse(key("expert_count"), "a model without experts, 0");
    }
    config.put("num_local_experts", count);
    whole("num_experts_per_tok", "expert_used_count");
    return architecture == GgufArchitecture.LLAMA;
  }

  private void rope() throws ModelException {
    ObjectNode rope = config.putObject("rope_parameters");
    rope.put("rope_theta", has("rope.freq_base") ? metadata.number(key("rope.freq_base")) : 10_000);
    String type = has("rope.scaling.type") ? metadata.string(key("rope.scaling.type")) : "none";
    GgufFile.Tensor divisors = file.find(ROPE_FACTORS);
    if (divisors != null) {
      if (!type.equals("none")) {
        throw metadata.refuse(key("rope.scaling.type"), "none beside tensor " + ROPE_FACTORS);
      }
      factors(rope, GgufCheckpoint.decode(divisors));
      return;
    }
    switch (type) {
      case "none" -> rope.put("rope_type", "default");
      case "linear" -> {
        rope.put("rope_type", "linear");
        rope.put("factor", metadata.number(key("rope.scaling.factor")));
      }
      case "yarn" -> yarn(rope);
      default -> throw metadata.refuse(key("rope.scaling.type"), "none, linear or yarn");
    }
  }

  private void yarn(ObjectNode rope) throws ModelException {
    rope.put("rope_type", "yarn");
    rope.put("factor", metadata.number(key("rope.scaling.factor")));
    rope.put(
        "original_max_position_embeddings",
        metadata.integer(key("rope.scaling.original_context_length"), 1));
    if (has("rope.scaling.attn_factor")) {
      throw metadata.refuse(key("rope.scaling.attn_factor"), "yarn's own factor, without this key");
    }
    copyNumber(rope, "beta_fast", "rope.scaling.yarn_beta_fast");
    copyNumber(rope, "beta_slow", "rope.scaling.yarn_beta_slow");
  }

  private void copyNumber(ObjectNode to, String hf, String name) throws ModelException {
    if (has(name)) {
      to.put(hf, metadata.number(key(name)));
    }
  }

  /** Llama 3 has its scaling worked out: a divisor a frequency, which longrope states too. */
  private static void factors(ObjectNode rope, float[] divisors) {
    rope.put("rope_type", "longrope");
    rope.put("factor", 1.0);
    rope.put("attention_factor", 1.0);
    ArrayNode shorter = rope.putArray("short_factor");
    ArrayNode longer = rope.putArray("long_factor");
    for (float v : divisors) {
      shorter.add((double) v);
      longer.add((double) v);
    }
  }

  private void tokens() throws ModelException {
    if (metadata.has("tokenizer.ggml.bos_token_id")) {
      config.put("bos_token_id", metadata.integer("tokenizer.ggml.bos_token_id", 0));
    }
    ArrayNode ends = config.putArray("eos_token_id");
    for (String key : END_IDS) {
      if (metadata.has(key)) {
        ends.add(metadata.integer(key, 0));
      }
    }
  }
}
