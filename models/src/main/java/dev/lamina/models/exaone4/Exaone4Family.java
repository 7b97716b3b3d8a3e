package dev.lamina.models.exaone4;

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

/** EXAONE 4: norms after each branch, normed heads, no positions where a layer of many sees all. */
public final class Exaone4Family implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_norm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_norm")
          .with("layers.*.attn.postNorm", "model.layers.*.post_attention_layernorm")
          .with("layers.*.mlp.postNorm", "model.layers.*.post_feedforward_layernorm");

  /** For the service loader. */
  public Exaone4Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("exaone4");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    int kvHeads = c.names("num_key_value_heads") ? 0 : 32;
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(kvHeads, 0, 2048));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5));
    AttentionSpec turned =
        new AttentionSpec(shape, RopeParameters.parse(c, shape)).withQkNorm(new QkNorm(norm));
    int window = LayerWindows.slidingWindow(c);
    LayerWindows windows = LayerWindows.of(c, shape.numLayers(), window, i -> (i + 1) % 4 != 0);
    return new Decoder(
            shape,
            windows.applied(window == 0 ? turned : turned.withRope(null), turned),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                false),
            norm)
        .withNorms(Placement.AFTER)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
