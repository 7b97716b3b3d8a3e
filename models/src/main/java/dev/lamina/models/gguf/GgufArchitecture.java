package dev.lamina.models.gguf;

import static dev.lamina.models.gguf.GgufKey.flag;
import static dev.lamina.models.gguf.GgufKey.number;
import static dev.lamina.models.gguf.GgufKey.whole;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.gguf.GgufDialect.Traits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The architectures of GGUF files that are read and written, by {@code general.architecture}. */
enum GgufArchitecture {
  /** Llama, and Mistral and Mixtral, whose files go by the same name. */
  LLAMA(GgufDialect.of("llama", GgufNames.LLAMA).and("mistral", "mixtral").with(Traits.PAIRED)),
  /** Qwen 2. */
  QWEN2(GgufDialect.of("qwen2", GgufNames.LLAMA)),
  /** Qwen 2 with experts. */
  QWEN2MOE(
      GgufDialect.of("qwen2_moe", GgufNames.QWEN2_MOE)
          .with(
              whole("num_experts", "expert_count", 60).or("num_local_experts"),
              whole("num_experts_per_tok", "expert_used_count", 4),
              whole("moe_intermediate_size", "expert_feed_forward_length", 1408),
              whole("shared_expert_intermediate_size", "expert_shared_feed_forward_length", 5632))),
  /** Qwen 3. */
  QWEN3(GgufDialect.of("qwen3", GgufNames.LLAMA)),
  /** Qwen 3 with experts. */
  QWEN3MOE(
      GgufDialect.of("qwen3_moe", GgufNames.QWEN_MOE)
          .with(
              whole("num_experts", "expert_count", 128).or("num_local_experts"),
              whole("num_experts_per_tok", "expert_used_count", 8),
              whole("moe_intermediate_size", "expert_feed_forward_length", 768))
          .meaning("norm_topk_prob", true)),
  /** Gemma 2. */
  GEMMA2(
      GgufDialect.of("gemma2", GgufNames.GEMMA)
          .with(
              number("attn_logit_softcapping", "attn_logit_softcapping", 50),
              number("final_logit_softcapping", "final_logit_softcapping", 30),
              whole("sliding_window", "attention.sliding_window", 4096))
          .meaning("hidden_activation", "gelu_pytorch_tanh")
          .with(new Traits(false, true, false, false, 46))),
  /** Gemma 3, text. */
  GEMMA3(
      GgufDialect.of("gemma3_text", GgufNames.GEMMA)
          .with(
              number("final_logit_softcapping", "final_logit_softcapping", 30).optional(),
              whole("sliding_window", "attention.sliding_window", 4096))
          .meaning("hidden_activation", "gelu_pytorch_tanh")
          .with(new Traits(false, true, false, true, 62))),
  /** Phi 3. */
  PHI3(
      GgufDialect.of("phi3", GgufNames.PHI3)
          .with(
              whole("sliding_window", "attention.sliding_window", 0),
              number("rms_norm_eps", "attention.layer_norm_rms_epsilon", 1e-5))
          .with(Traits.PARTIAL)),
  /** StarCoder 2. */
  STARCODER2(
      GgufDialect.of("starcoder2", GgufNames.STARCODER2)
          .with(number("norm_epsilon", "attention.layer_norm_epsilon", 1e-5))
          .meaning("hidden_act", "gelu_pytorch_tanh")),
  /** Granite. */
  GRANITE(GgufDialect.of("granite", GgufNames.LLAMA).with(factors()).with(Traits.PAIRED)),
  /** Granite with experts, with a network beside them or without. */
  GRANITEMOE(
      GgufDialect.of("granitemoe", GgufNames.GRANITE_MOE)
          .and("granitemoeshared")
          .with(
              factors(
                  whole("num_local_experts", "expert_count", 8),
                  whole("num_experts_per_tok", "expert_used_count", 2),
                  whole("shared_intermediate_size", "expert_shared_feed_forward_length", 0)
                      .optional()))
          .with(Traits.PAIRED)),
  /** GLM 4.5. */
  GLM4MOE(
      GgufDialect.of("glm4_moe", GgufNames.GLM4_MOE)
          .with(
              number("rms_norm_eps", "attention.layer_norm_rms_epsilon", 1e-5),
              whole("n_routed_experts", "expert_count", 128),
              whole("num_experts_per_tok", "expert_used_count", 8),
              whole("moe_intermediate_size", "expert_feed_forward_length", 1408),
              whole("n_shared_experts", "expert_shared_count", 1),
              whole("first_k_dense_replace", "leading_dense_block_count", 1),
              number("routed_scaling_factor", "expert_weights_scale", 1),
              flag("norm_topk_prob", "expert_weights_norm", true))
          .with(Traits.PARTIAL));

  private final GgufDialect dialect;

  GgufArchitecture(GgufDialect dialect) {
    this.dialect = dialect;
  }

  /** Granite's factors. */
  private static GgufKey[] factors(GgufKey... more) {
    List<GgufKey> keys =
        new ArrayList<>(
            List.of(
                number("attention_multiplier", "attention.scale", 1),
                number("embedding_multiplier", "embedding_scale", 1),
                number("residual_multiplier", "residual_scale", 1),
                number("logits_scaling", "logit_scale", 1)));
    keys.addAll(List.of(more));
    return keys.toArray(GgufKey[]::new);
  }

  /** What its files have. */
  GgufDialect dialect() {
    return dialect;
  }

  /** Names of the tensors of a model. */
  static GgufNames names(ModelConfig config) throws ModelException {
    return config.string("model_type").equals("mixtral")
        ? GgufNames.MIXTRAL
        : ofModelType(config).dialect.names();
  }

  /** What {@code config.json} calls it. */
  String modelType() {
    return dialect.modelTypes().getFirst();
  }

  /** Heads of a projection whose rows are in {@link RotaryRows}' order, 0 for another tensor. */
  int pairedHeads(String hfName, ModelConfig config) throws ModelException {
    boolean paired = dialect.traits().pairedRows();
    if (paired && hfName.contains(".self_attn.q_proj.")) {
      return config.positiveInt("num_attention_heads");
    }
    if (paired && hfName.contains(".self_attn.k_proj.")) {
      return config.positiveInt("num_key_value_heads", config.positiveInt("num_attention_heads"));
    }
    return 0;
  }

  /** The prefix of its keys. */
  String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  static GgufArchitecture ofModelType(ModelConfig config) throws ModelException {
    String given = config.string("model_type");
    List<String> known = new ArrayList<>();
    for (GgufArchitecture a : values()) {
      if (a.dialect.modelTypes().contains(given)) {
        return a;
      }
      known.addAll(a.dialect.modelTypes());
    }
    throw config.refuse(
        "model_type", "one of %s, to be written as GGUF".formatted(String.join(", ", known)));
  }

  static GgufArchitecture of(GgufMetadata metadata) throws ModelException {
    String given = metadata.string("general.architecture");
    for (GgufArchitecture a : values()) {
      if (a.text().equals(given)) {
        return a;
      }
    }
    throw metadata.refuse(
        "general.architecture", "one of " + Arrays.toString(values()).toLowerCase(Locale.ROOT));
  }
}
