package dev.lamina.models.exaone4;

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
import dev.lamina.models.hybrid.LayerTypes;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * EXAONE 4: norms after each branch, normed heads, no positions where a layer of many sees all; and
 * K-EXAONE: the same with norms before each branch, and experts.
 */
public final class Exaone4Family implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA_MOE
          .with("layers.*.mlp.selection", "model.layers.*.mlp")
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_norm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_norm")
          .with("layers.*.attn.postNorm", "model.layers.*.post_attention_layernorm")
          .with("layers.*.mlp.postNorm", "model.layers.*.post_feedforward_layernorm");

  /** For the service loader. */
  public Exaone4Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("exaone4", "exaone_moe");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(32, 0, 2048));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5));
    AttentionSpec turned =
        new AttentionSpec(shape, RopeParameters.parse(c, shape)).withQkNorm(new QkNorm(norm));
    int window = LayerWindows.slidingWindow(c);
    LayerWindows windows = LayerWindows.of(c, shape.numLayers(), window, i -> (i + 1) % 4 != 0);
    Activation activation = Activation.parse(c, "hidden_act", "silu");
    Decoder exaone =
        new Decoder(
                shape,
                windows.applied(window == 0 ? turned : turned.withRope(null), turned),
                MlpSpec.gated(c.positiveInt("intermediate_size"), activation, false),
                norm)
            .withNames(NAMES)
            .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
    if (c.string("model_type").equals("exaone4")) {
      return exaone.withNorms(Placement.AFTER);
    }
    int firstDense = c.integer("first_k_dense_replace", 0, 1);
    IntPredicate sparse = LayerTypes.sparse(c, shape.numLayers(), i -> i >= firstDense);
    return exaone.withExperts(experts(c, activation), sparse);
  }

  private static MoeSpec experts(ModelConfig c, Activation activation) throws ModelException {
    int width = c.positiveInt("moe_intermediate_size", 1024);
    int experts = c.positiveInt("num_experts", 64);
    return new MoeSpec(
            experts,
            MlpSpec.gated(width, activation, false),
            MoeSpec.chosen(c, "num_experts_per_tok", 8, experts),
            RouteScore.SIGMOID,
            c.bool("norm_topk_prob", true))
        .withBiasedGroups(c, 1, 1, 2.5)
        .withShared(
            MlpSpec.gated(width * c.positiveInt("num_shared_experts", 1), activation, false),
            false);
  }
}
