package dev.lamina.models.hunyuan;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
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
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.List;

/** Hunyuan, dense: Llama with heads that are normed once they are turned. */
public final class HunyuanFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA_MOE
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.query_layernorm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.key_layernorm")
          .with("layers.*.mlp.router", "model.layers.*.mlp.gate.wg")
          .with("layers.*.mlp.shared.gate", "model.layers.*.mlp.shared_mlp.gate_proj")
          .with("layers.*.mlp.shared.up", "model.layers.*.mlp.shared_mlp.up_proj")
          .with("layers.*.mlp.shared.down", "model.layers.*.mlp.shared_mlp.down_proj");

  /** For the service loader. */
  public HunyuanFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("hunyuan_v1_dense", "hunyuan_v1_moe");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5));
    boolean bias = c.bool("attention_bias", false);
    MlpSpec network =
        MlpSpec.gated(
            c.positiveInt("intermediate_size"), Activation.parse(c, "hidden_act", "silu"), false);
    Decoder dense =
        new Decoder(
                shape,
                new AttentionSpec(shape, rope(c, shape))
                    .withBias(bias, bias)
                    .withQkNorm(new QkNorm(norm, QkNorm.Span.HEAD, true)),
                network,
                norm)
            .withNames(NAMES)
            .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
    return c.string("model_type").equals("hunyuan_v1_dense")
        ? dense
        : dense.withExperts(experts(c, network), i -> true);
  }

  /** As wide as the network, which is what all tokens share. */
  private static MoeSpec experts(ModelConfig c, MlpSpec network) throws ModelException {
    int experts = c.sameInt("num_experts", 1);
    int chosen = c.sameInt("moe_topk", 1);
    if (chosen > experts) {
      throw c.refuse("moe_topk", "at most the number of experts, " + experts);
    }
    return new MoeSpec(experts, network, chosen, RouteScore.SOFTMAX, true)
        .withShared(network, false);
  }

  /** A key {@code alpha} stretches the base, once for all lengths. */
  private static RopeParameters rope(ModelConfig c, DecoderShape shape) throws ModelException {
    ModelConfig scaling =
        c.has("rope_scaling") ? c.object("rope_scaling") : c.object("rope_parameters");
    if (scaling == null || !scaling.has("alpha")) {
      return RopeParameters.parse(c, shape);
    }
    double theta = scaling.numberAbove("rope_theta", 0, c.numberAbove("rope_theta", 0, 10_000));
    double d = shape.headDim();
    double alpha = scaling.numberAbove("alpha", 0);
    return RopeParameters.plain(theta * Math.pow(alpha, d / (d - 2)), shape);
  }
}
