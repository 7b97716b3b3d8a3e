package dev.lamina.models.olmo;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import java.util.List;

/** OLMo: layer norms without weights, clamped projections. */
public final class OlmoFamily implements ModelFamily {
  /** For the service loader. */
  public OlmoFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("olmo");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    boolean bias = c.bool("attention_bias", false);
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, shape))
                .withBias(bias, bias)
                .withClip(c.numberOrNull("clip_qkv", 0)),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                false),
            new Norm(Norm.Kind.LAYER_PLAIN, 1e-5))
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
