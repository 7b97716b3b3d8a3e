package dev.lamina.models.llama;

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
import dev.lamina.spi.ir.CompositeOp.GroupScore;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.List;

/** ERNIE 4.5 with experts: softmax scores, a bias that takes part in the choice alone. */
public final class ErnieMoeFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA_MOE.with("layers.*.mlp.selection", "model.layers.*.mlp.moe_statics");

  /** For the service loader. */
  public ErnieMoeFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("ernie4_5_moe");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(4, 0, 131_072));
    boolean bias = c.bool("use_bias", false);
    Activation activation = Activation.parse(c, "hidden_act", "silu");
    int every = c.positiveInt("moe_layer_interval", 1);
    int first = c.integer("moe_layer_start_index", 0, 1);
    int end = c.integer("moe_layer_end_index", -1, -1);
    int last = end == -1 ? shape.numLayers() - 1 : end;
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, Keys.USUAL.withTheta(500_000), shape))
                .withBias(bias, bias)
                .withRopeStyle(RopeStyle.INTERLEAVED),
            MlpSpec.gated(c.positiveInt("intermediate_size"), activation, bias),
            Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5)))
        .withExperts(
            experts(c, activation, bias), i -> (i + 1) % every == 0 && first <= i && i <= last)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", true)).withBias(bias));
  }

  private static MoeSpec experts(ModelConfig c, Activation activation, boolean bias)
      throws ModelException {
    int width = c.positiveInt("moe_intermediate_size", 1536);
    int experts = c.positiveInt("moe_num_experts", 64);
    int chosen = MoeSpec.chosen(c, "moe_k", 6, experts);
    MlpSpec expert = MlpSpec.gated(width, activation, false);
    MoeSpec mixture =
        new MoeSpec(experts, expert, chosen, RouteScore.SOFTMAX, true)
            .withGroups(c, 1, 1, 1, true, GroupScore.MAX);
    int shared = c.integer("moe_num_shared_experts", 0, 2);
    return shared == 0
        ? mixture
        : mixture.withShared(MlpSpec.gated(width * shared, activation, bias), false);
  }
}
