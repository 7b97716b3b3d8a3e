package dev.lamina.models.qwen3moe;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.QkNorm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Placement;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.List;
import java.util.Set;

/**
 * Qwen 2 and 3 with experts, OLMoE, which norms all heads together, and FlexOlmo, which norms after
 * each branch as well.
 */
public final class Qwen3MoeFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA_MOE
          .with("layers.*.attn.postNorm", "model.layers.*.post_attention_layernorm")
          .with("layers.*.mlp.postNorm", "model.layers.*.post_feedforward_layernorm")
          .with("layers.*.mlp.shared.gate", "model.layers.*.mlp.shared_expert.gate_proj")
          .with("layers.*.mlp.shared.up", "model.layers.*.mlp.shared_expert.up_proj")
          .with("layers.*.mlp.shared.down", "model.layers.*.mlp.shared_expert.down_proj")
          .with("layers.*.mlp.sharedGate", "model.layers.*.mlp.shared_expert_gate");

  /** For the service loader. */
  public Qwen3MoeFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("flex_olmo", "olmoe", "qwen2_moe", "qwen3_moe", "qwen3_vl_moe_text");
  }

  /** What the four leave out of a configuration, and do differently. */
  private record Defaults(
      int kvHeads, int headDim, int maxPositions, double eps, int experts, int chosen, int width) {
    static Defaults of(String modelType) {
      return switch (modelType) {
        case "qwen2_moe" -> new Defaults(16, 0, 32768, 1e-6, 60, 4, 1408);
        case "flex_olmo" -> new Defaults(0, 0, 4096, 1e-6, 7, 5, 11_008);
        case "olmoe" -> new Defaults(0, 0, 4096, 1e-5, 64, 8, 2048);
        default -> new Defaults(4, 128, 32768, 1e-6, 128, 8, 768);
      };
    }
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    String type = c.string("model_type");
    Defaults absent = Defaults.of(type);
    DecoderShape shape =
        DecoderShape.parse(
            c, new DecoderShape.Defaults(absent.kvHeads, absent.headDim, absent.maxPositions));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, absent.eps));
    boolean flex = type.equals("flex_olmo");
    boolean olmo = flex || type.equals("olmoe");
    boolean qwen2 = type.equals("qwen2_moe");
    AttentionSpec attention =
        new AttentionSpec(
            shape, RopeParameters.parse(c, Keys.USUAL.withTheta(flex ? 500_000 : 10_000), shape));
    if (qwen2) {
      attention = attention.withBias(c.bool("qkv_bias", true), false);
    } else {
      boolean bias = c.bool("attention_bias", false);
      QkNorm.Span span = olmo ? QkNorm.Span.WIDTH : QkNorm.Span.HEAD;
      attention = attention.withBias(bias, bias).withQkNorm(new QkNorm(norm, span, false));
    }
    if (olmo) {
      attention = attention.withClip(c.numberOrNull("clip_qkv", 0));
    }
    Activation activation = Activation.parse(c, "hidden_act", "silu");
    String width = olmo ? "intermediate_size" : "moe_intermediate_size";
    MlpSpec expert = MlpSpec.gated(c.positiveInt(width, absent.width), activation, false);
    String key = c.has("num_experts") ? "num_experts" : "num_local_experts";
    int experts = c.positiveInt(key, absent.experts);
    int chosen = MoeSpec.chosen(c, "num_experts_per_tok", absent.chosen, experts);
    boolean normalised = c.bool("norm_topk_prob", false);
    MoeSpec mixture = new MoeSpec(experts, expert, chosen, RouteScore.SOFTMAX, normalised);
    if (qwen2) {
      int shared = c.positiveInt("shared_expert_intermediate_size", 5632);
      mixture = mixture.withShared(MlpSpec.gated(shared, activation, false), true);
    }
    int step = c.positiveInt("decoder_sparse_step", 1);
    Set<Integer> dense =
        c.has("mlp_only_layers") ? Set.copyOf(c.integers("mlp_only_layers")) : Set.of();
    LayerWindows windows =
        olmo
            ? LayerWindows.of(c, shape.numLayers(), 0, i -> false)
            : LayerWindows.ofQwen(c, shape.numLayers());
    return new Decoder(
            shape,
            windows.applied(attention),
            MlpSpec.gated(c.positiveInt("intermediate_size"), activation, false),
            norm)
        .withExperts(mixture, i -> !dense.contains(i) && (i + 1) % step == 0)
        .withNorms(flex ? Placement.AFTER : Placement.BEFORE)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
