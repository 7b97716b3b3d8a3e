package dev.lamina.models.glm4moe;

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
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.List;

/** GLM 4.5 and dots.llm1: the experts of DeepSeek V3 behind grouped-query attention. */
public final class Glm4MoeFamily implements ModelFamily {
  private static final WeightNames NAMES = WeightNames.LLAMA_MOE;

  /** For the service loader. */
  public Glm4MoeFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("glm4_moe", "dots1");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    boolean dots = c.string("model_type").equals("dots1");
    int kvHeads = c.names("num_key_value_heads") ? 0 : dots ? 32 : 8;
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(kvHeads, 0, 131072));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, dots ? 1e-6 : 1e-5));
    Keys keys = dots ? Keys.USUAL : Keys.USUAL.withPartial(0.5);
    boolean bias = c.bool("attention_bias", false);
    AttentionSpec attention =
        new AttentionSpec(shape, RopeParameters.parse(c, keys, shape))
            .withBias(bias, dots && bias)
            .withQkNorm(dots || c.bool("use_qk_norm", false) ? new QkNorm(norm) : null);
    Activation activation = Activation.parse(c, "hidden_act", "silu");
    int width = c.positiveInt("moe_intermediate_size", 1408);
    int experts = c.positiveInt("n_routed_experts", 128);
    int chosen = MoeSpec.chosen(c, "num_experts_per_tok", 8, experts);
    boolean normalised = c.bool("norm_topk_prob", !dots);
    int shared = c.integer("n_shared_experts", 0, 1);
    MoeSpec mixture =
        new MoeSpec(
                experts,
                MlpSpec.gated(width, activation, false),
                chosen,
                RouteScore.SIGMOID,
                normalised)
            .withBiasedGroups(c, 1, 1, 1);
    if (shared > 0) {
      mixture = mixture.withShared(MlpSpec.gated(width * shared, activation, false), false);
    }
    int firstDense = c.integer("first_k_dense_replace", 0, dots ? 0 : 1);
    int window = dots && c.has("sliding_window") ? c.positiveInt("sliding_window") : 0;
    return new Decoder(
            shape,
            LayerWindows.of(c, shape.numLayers(), window, i -> false).applied(attention),
            MlpSpec.gated(c.positiveInt("intermediate_size"), activation, false),
            norm)
        .withExperts(mixture, i -> i >= firstDense)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
