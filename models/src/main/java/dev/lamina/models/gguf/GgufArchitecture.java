package dev.lamina.models.gguf;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;

/** The architectures of GGUF files that are read and written, by {@code general.architecture}. */
enum GgufArchitecture {
  /** Llama, and Mistral and Mixtral, whose files go by the same name. */
  LLAMA("llama", true),
  /** Qwen 2. */
  QWEN2("qwen2", false),
  /** Qwen 3. */
  QWEN3("qwen3", false),
  /** Qwen 3 with experts. */
  QWEN3MOE("qwen3_moe", false);

  private static final Set<String> LIKE_LLAMA = Set.of("mistral", "mixtral");

  private final String modelType;
  private final boolean pairedRows;

  GgufArchitecture(String modelType, boolean pairedRows) {
    this.modelType = modelType;
    this.pairedRows = pairedRows;
  }

  /** Names of the tensors of a model. */
  static GgufNames names(ModelConfig config) throws ModelException {
    return switch (config.string("model_type")) {
      case "qwen3_moe" -> GgufNames.QWEN_MOE;
      case "mixtral" -> GgufNames.MIXTRAL;
      default -> GgufNames.LLAMA;
    };
  }

  /** What {@code config.json} calls it. */
  String modelType() {
    return modelType;
  }

  /** Heads of a projection whose rows are in {@link RotaryRows}' order, 0 for another tensor. */
  int pairedHeads(String hfName, ModelConfig config) throws ModelException {
    if (pairedRows && hfName.contains(".self_attn.q_proj.")) {
      return config.positiveInt("num_attention_heads");
    }
    if (pairedRows && hfName.contains(".self_attn.k_proj.")) {
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
    for (GgufArchitecture a : values()) {
      if (a.modelType.equals(given) || a == LLAMA && LIKE_LLAMA.contains(given)) {
        return a;
      }
    }
    throw config.refuse(
        "model_type", "llama, mistral, mixtral, qwen2, qwen3 or qwen3_moe, to be written as GGUF");
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
