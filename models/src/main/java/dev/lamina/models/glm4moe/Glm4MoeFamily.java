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
    return List.of("glm4_moe", "dots1", "solar_open");
  }

  /** What the three leave out of a configuration. */
  private record Defaults(
      int kvHeads, int headDim, double eps, Keys rope, int width, boolean normalised, int dense) {
    static Defaults of(String modelType) {
      return switch (modelType) {
        case "dots1" -> new Defaults(32, 0, 1e-6, Keys.USUAL, 1408, false, 0);
        case "solar_open" ->
            new Defaults(8, 128, 1e-5, Keys.USUAL.withTheta(1_000_000), 1280, true, 0);
        default -> new Defaults(8, 0, 1e-5, Keys.USUAL.withPartial(0.5), 1408, true, 1);
      };
    }
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    String type = c.string("model_type");
    boolean dots = type.equals("dots1");
    Defaults absent = Defaults.of(type);
    DecoderShape shape =
        DecoderShape.parse(c, new DecoderShape.Defaults(absent.kvHeads, absent.headDim, 131_072));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, absent.eps));
    boolean normed = dots || type.equals("glm4_moe") && c.bool("use_qk_norm", false);
    boolean bias = c.bool("attention_bias", false);
    AttentionSpec attention =
        new AttentionSpec(shape, RopeParameters.parse(c, absent.rope, shape))
            .withBias(bias, dots && bias)
            .withQkNorm(normed ? new QkNorm(norm) : null);
    Activation activation = Activation.parse(c, "hidden_act", "silu");
    int width = c.positiveInt("moe_intermediate_size", absent.width);
    int experts = c.positiveInt("n_routed_experts", 128);
    int chosen = MoeSpec.chosen(c, "num_experts_per_tok", 8, experts);
    boolean normalised = c.bool("norm_topk_prob", absent.normalised);
    int shared = c.integer("n_shared_experts", 0, 1);
    MlpSpec expert = MlpSpec.gated(width, activation, false);
    MoeSpec mixture =
        new MoeSpec(experts, expert, chosen, RouteScore.SIGMOID, normalised)
            .withBiasedGroups(c, 1, 1, 1);
    if (shared > 0) {
      mixture = mixture.withShared(MlpSpec.gated(width * shared, activation, false), false);
    }
    int firstDense = c.integer("first_k_dense_replace", 0, absent.dense);
    int window = dots && c.has("sliding_window") ? c.positiveInt("sliding_window") : 0;
    MlpSpec dense =
        firstDense == 0
            ? expert
            : MlpSpec.gated(c.positiveInt("intermediate_size"), activation, false);
    return new Decoder(
            shape,
            LayerWindows.of(c, shape.numLayers(), window, i -> false).applied(attention),
            dense,
            norm)
        .withExperts(mixture, i -> i >= firstDense)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
