package dev.lamina.models.jais2;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import java.util.List;

/** Jais 2: layer norms, a network of squared ReLUs, biases. */
public final class Jais2Family implements ModelFamily {
  /** For the service loader. */
  public Jais2Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("jais2");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 8192));
    boolean bias = c.bool("attention_bias", true);
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, Keys.USUAL.withTheta(500_000), shape))
                .withBias(bias, bias),
            MlpSpec.plain(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "relu2"),
                c.bool("mlp_bias", true)),
            Norm.layer(c.numberAbove("layer_norm_eps", 0, 1e-5), true))
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
