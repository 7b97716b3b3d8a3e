package dev.lamina.models.olmo2;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.QkNorm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Placement;
import java.util.List;

/** OLMo 2 and 3: norms after each branch, and over all queries and all keys; 3 slides. */
public final class Olmo2Family implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_norm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_norm")
          .with("layers.*.attn.postNorm", "model.layers.*.post_attention_layernorm")
          .with("layers.*.mlp.postNorm", "model.layers.*.post_feedforward_layernorm");

  /** For the service loader. */
  public Olmo2Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("olmo2", "olmo3");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5));
    boolean bias = c.bool("attention_bias", false);
    AttentionSpec attention =
        new AttentionSpec(shape, null)
            .withBias(bias, bias)
            .withQkNorm(new QkNorm(norm, QkNorm.Span.WIDTH, false));
    int window = c.string("model_type").equals("olmo3") ? LayerWindows.slidingWindow(c) : 0;
    LayerWindows windows = LayerWindows.of(c, shape.numLayers(), window, i -> (i + 1) % 4 != 0);
    return new Decoder(
            shape,
            windows.applied(
                attention.withRope(rope(c, "full_attention", shape)),
                attention.withRope(rope(c, "sliding_attention", shape))),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                false),
            norm)
        .withNorms(Placement.AFTER)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }

  /** Scalings are for the layers that see all, unless the configuration has one for each kind. */
  private static RopeParameters rope(ModelConfig c, String layers, DecoderShape shape)
      throws ModelException {
    ModelConfig nested = c.object("rope_parameters");
    if (nested != null && nested.has(layers)) {
      return RopeParameters.parseLayerType(c, layers, RopeParameters.Keys.USUAL, shape);
    }
    RopeParameters all = RopeParameters.parse(c, shape);
    return layers.equals("full_attention") ? all : RopeParameters.plain(all.theta(), shape);
  }
}
