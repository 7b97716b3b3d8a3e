package dev.lamina.models.afmoe;

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
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Placement;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.List;

/**
 * AFMoE: layers that slide are turned, the others see no positions; a sigmoid weighs what attention
 * gives; norms around each branch; experts chosen as DeepSeek V3 does.
 */
public final class AfmoeFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA_MOE
          .with("layers.*.attn.gate", "model.layers.*.self_attn.gate_proj")
          .with("layers.*.attn.postNorm", "model.layers.*.post_attention_layernorm")
          .with("layers.*.mlp.norm", "model.layers.*.pre_mlp_layernorm")
          .with("layers.*.mlp.postNorm", "model.layers.*.post_mlp_layernorm")
          .with("layers.*.mlp.router", "model.layers.*.mlp.router.gate")
          .with("layers.*.mlp.selection", "model.layers.*.mlp");

  /** For the service loader. */
  public AfmoeFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("afmoe");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 128, 16_384));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5));
    boolean bias = c.bool("attention_bias", false);
    AttentionSpec all =
        new AttentionSpec(shape, null)
            .withBias(bias, bias)
            .withQkNorm(new QkNorm(norm))
            .withGate(AttentionSpec.OutputGate.OWN);
    LayerWindows windows =
        LayerWindows.ofPattern(
            c,
            shape.numLayers(),
            c.positiveInt("sliding_window", 1024),
            "global_attn_every_n_layers",
            4);
    Activation activation = Activation.parse(c, "hidden_act", "silu");
    int firstSparse = c.integer("num_dense_layers", 0, 1);
    Decoder plain =
        new Decoder(
                shape,
                windows.applied(all, all.withRope(RopeParameters.parse(c, shape))),
                MlpSpec.gated(c.positiveInt("intermediate_size", 6144), activation, false),
                norm)
            .withExperts(experts(c, activation), i -> i >= firstSparse)
            .withNorms(Placement.AROUND)
            .withNames(NAMES)
            .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
    return c.bool("mup_enabled", false)
        ? plain.withEmbeddingScale(Math.sqrt(shape.hiddenSize()))
        : plain;
  }

  private static MoeSpec experts(ModelConfig c, Activation activation) throws ModelException {
    int width = c.positiveInt("moe_intermediate_size", 1408);
    int experts = c.positiveInt("num_experts", 64);
    MoeSpec chosen =
        new MoeSpec(
                experts,
                MlpSpec.gated(width, activation, false),
                MoeSpec.chosen(c, "num_experts_per_tok", 6, experts),
                RouteScore.SIGMOID,
                true)
            .withBiasedGroups(c, 1, 1, c.numberAbove("route_scale", 0, 1))
            .withBiasName("expert_bias");
    int shared = c.integer("num_shared_experts", 0, 2);
    return shared == 0
        ? chosen
        : chosen.withShared(MlpSpec.gated(width * shared, activation, false), false);
  }
}
