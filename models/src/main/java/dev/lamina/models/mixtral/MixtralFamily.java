package dev.lamina.models.mixtral;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
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

/** Mixtral: Mistral with experts. */
public final class MixtralFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.mlp.router", "model.layers.*.block_sparse_moe.gate")
          .with("layers.*.mlp.experts.*.gate", "model.layers.*.block_sparse_moe.experts.*.w1")
          .with("layers.*.mlp.experts.*.up", "model.layers.*.block_sparse_moe.experts.*.w3")
          .with("layers.*.mlp.experts.*.down", "model.layers.*.block_sparse_moe.experts.*.w2");

  /** For the service loader. */
  public MixtralFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("mixtral");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    int kvHeads = c.names("num_key_value_heads") ? 0 : 8;
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(kvHeads, 0, 131072));
    MlpSpec expert =
        MlpSpec.gated(
            c.positiveInt("intermediate_size"), Activation.parse(c, "hidden_act", "silu"), false);
    int experts = c.positiveInt("num_local_experts", 8);
    int chosen = MoeSpec.chosen(c, "num_experts_per_tok", 2, experts);
    return new Decoder(
            shape,
            new AttentionSpec(
                    shape, RopeParameters.parse(c, Keys.USUAL.withTheta(1_000_000), shape))
                .withWindow(c.has("sliding_window") ? c.positiveInt("sliding_window") : 0),
            expert,
            Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5)))
        .withExperts(new MoeSpec(experts, expert, chosen, RouteScore.SOFTMAX, true), i -> true)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
