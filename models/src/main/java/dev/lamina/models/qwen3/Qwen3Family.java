package dev.lamina.models.qwen3;

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
import java.util.List;

/** Qwen 3: Llama with a norm over each query and key head. */
public final class Qwen3Family implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_norm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_norm");

  /** For the service loader. */
  public Qwen3Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("qwen3", "qwen3_vl_text");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(32, 128, 32768));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6));
    boolean bias = c.bool("attention_bias", false);
    AttentionSpec attention =
        new AttentionSpec(shape, RopeParameters.parse(c, shape))
            .withBias(bias, bias)
            .withQkNorm(new QkNorm(norm));
    return new Decoder(
            shape,
            LayerWindows.ofQwen(c, shape.numLayers()).applied(attention),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                false),
            norm)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
