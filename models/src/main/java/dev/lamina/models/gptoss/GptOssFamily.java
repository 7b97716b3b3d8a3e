package dev.lamina.models.gptoss;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.List;

/**
 * gpt-oss: experts with biases and a bounded gate, every head with a sink, every other layer
 * slides.
 */
public final class GptOssFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn", "model.layers.*.self_attn")
          .with("layers.*.mlp.router", "model.layers.*.mlp.router")
          .with("layers.*.mlp.experts", "model.layers.*.mlp.experts");

  /** For the service loader. */
  public GptOssFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("gpt_oss");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(8, 64, 131072));
    boolean bias = c.bool("attention_bias", true);
    AttentionSpec attention =
        new AttentionSpec(shape, RopeParameters.parse(c, Keys.USUAL.withTheta(150_000), shape))
            .withBias(bias, bias)
            .withSinks();
    MlpSpec expert =
        MlpSpec.gated(
            c.positiveInt("intermediate_size", 2880),
            Activation.parse(c, "hidden_act", "silu"),
            true);
    int experts = c.positiveInt("num_local_experts", 128);
    int chosen = MoeSpec.chosen(c, "num_experts_per_tok", 4, experts);
    MoeSpec mixture =
        new MoeSpec(experts, expert, chosen, RouteScore.SOFTMAX, true)
            .withRouterBias()
            .turned()
            .interleaved()
            .withClamp(new MoeSpec.Clamp(c.numberAbove("swiglu_limit", 0, 7), 1.702));
    int window = c.positiveInt("sliding_window", 128);
    return new Decoder(
            shape,
            LayerWindows.of(c, shape.numLayers(), window, i -> i % 2 == 0).applied(attention),
            expert,
            Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5)))
        .withExperts(mixture, i -> true)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
