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
    layers();
    whole("hidden_size", "embedding_length");
    whole("intermediate_size", "feed_forward_length");
    whole("num_attention_heads", "attention.head_count");
    whole("max_position_embeddings", "context_length");
    if (has("attention.head_count_kv")) {
      whole("num_key_value_heads", "attention.head_count_kv");
    } else {
      config.set("num_key_value_heads", config.get("num_attention_heads"));
    }
    if (!has("attention.layer_norm_epsilon")) {
      config.put("rms_norm_eps", metadata.number(key("attention.layer_norm_rms_epsilon")));
    }
    config.put("hidden_act", "silu");
    config.put("vocab_size", vocabSize());
    config.put("tie_word_embeddings", !hasTensor("output.weight"));
    biases();
    heads();
    for (GgufKey k : architecture.dialect().keys()) {
      k.read(metadata, architecture.text() + ".", config);
    }
    architecture.dialect().meanings().forEach(config::set);
    refuseOthers();
    rope();
    tokens();
  }

  private void whole(String hf, String name) throws ModelException {
    config.put(hf, metadata.integer(key(name), 1));
  }

  /** Files may have layers behind the last that guess further tokens. */
  private void layers() throws ModelException {
    int all = metadata.integer(key("block_count"), 1);
    int guessing =
        has("nextn_predict_layers") ? metadata.integer(key("nextn_predict_layers"), 0) : 0;
    if (guessing >= all) {
      throw metadata.refuse(key("nextn_predict_layers"), "less than block_count, " + all);
    }
    config.put("num_hidden_layers", all - guessing);
  }

  private boolean hasTensor(String name) {
    return file.find(name) != null;
  }

  /** Biases that a configuration tells of; Qwen 2's own go without. */
  private void biases() {
    boolean output = hasTensor("blk.0.attn_output.bias");
    boolean query = hasTensor("blk.0.attn_q.bias");
    switch (architecture) {
      case QWEN2 -> config.put("attention_bias", false);
      case QWEN2MOE -> config.put("qkv_bias", query);
      case GLM4MOE -> {
        config.put("attention_bias", query);
        config.put("use_qk_norm", hasTensor("blk.0.attn_q_norm.weight"));
      }
      case STARCODER2 -> config.put("use_bias", output);
      case LLAMA, QWEN3, QWEN3MOE, GEMMA2, GEMMA3, PHI3, GRANITE, GRANITEMOE ->
          config.put("attention_bias", output);
    }
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
    if (!architecture.dialect().traits().partial()) {
      same("rope.dimension_count", headDim);
    } else if (has("rope.dimension_count")) {
      double turned = metadata.integer(key("rope.dimension_count"), 1);
      config.put("partial_rotary_factor", turned / headDim);
    }
    int wide = architecture.dialect().traits().wideLayers();
    if (wide > 0) {
      boolean byStream = config.path("num_hidden_layers").intValue() == wide;
      config.put("query_pre_attn_scalar", byStream ? hidden / heads : headDim);
    }
  }

  private void same(String name, int headDim) throws ModelException {
    if (has(name) && metadata.integer(key(name), 0) != headDim) {
      throw metadata.refuse(key(name), "the width of a head, " + headDim);
    }
  }

  /** Sorts out what goes by one name, and refuses what is not carried over. */
  private void refuseOthers() throws ModelException {
    boolean experts = has("expert_count") && metadata.integer(key("expert_count"), 0) > 0;
    boolean windowed =
        has("attention.sliding_window") && metadata.integer(key("attention.sliding_window"), 0) > 0;
    if (architecture == GgufArchitecture.LLAMA) {
      // Of the models that go by Llama's name, Mistral's have windows and Mixtral's experts.
      config.put("model_type", experts ? "mixtral" : windowed ? "mistral" : "llama");
      if (experts) {
        whole("num_local_experts", "expert_count");
        whole("num_experts_per_tok", "expert_used_count");
      }
      if (windowed) {
        whole("sliding_window", "attention.sliding_window");
      }
      return;
    }
    if (experts && !architecture.dialect().carries("expert_count")) {
      throw metadata.refuse(key("expert_count"), "a model without experts, 0");
    }
    if (windowed && !architecture.dialect().carries("attention.sliding_window")) {
      throw metadata.refuse(key("attention.sliding_window"), "a model without windows, 0");
    }
    if (architecture == GgufArchitecture.GRANITEMOE && config.has("shared_intermediate_size")) {
      config.put("model_type", "granitemoeshared");
    }
    boolean groups =
        has("expert_group_count") && metadata.integer(key("expert_group_count"), 0) > 1;
    if (groups) {
      throw metadata.refuse(key("expert_group_count"), "experts in one group, 1");
    }
  }

  private void rope() throws ModelException {
    ObjectNode all = config.putObject("rope_parameters");
    ObjectNode rope = all;
    if (architecture.dialect().traits().localBase()) {
      rope = all.putObject("full_attention");
      ObjectNode local = all.putObject("sliding_attention");
      local.put("rope_type", "default");
      local.put(
          "rope_theta",
          has("rope.freq_base_swa") ? metadata.number(key("rope.freq_base_swa")) : 10_000);
    }
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
