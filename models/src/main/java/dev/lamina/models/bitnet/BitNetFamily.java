package dev.lamina.models.bitnet;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import java.util.List;

/** BitNet b1.58, unpacked: squared ReLUs, a norm before the last matrix of each branch. */
public final class BitNetFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.outputNorm", "model.layers.*.self_attn.attn_sub_norm")
          .with("layers.*.mlp.innerNorm", "model.layers.*.mlp.ffn_sub_norm");

  /** For the service loader. */
  public BitNetFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("bitnet");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5));
    boolean bias = c.bool("attention_bias", false);
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, Keys.USUAL.withTheta(500_000), shape))
                .withBias(bias, bias)
                .withOutputNorm(norm),
            MlpSpec.gated(
                    c.positiveInt("intermediate_size"),
                    Activation.parse(c, "hidden_act", "relu2"),
                    false)
                .withInnerNorm(norm),
            norm)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
