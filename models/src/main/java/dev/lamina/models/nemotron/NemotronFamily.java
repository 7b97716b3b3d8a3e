package dev.lamina.models.nemotron;

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

/** Nemotron: layer norms by 1 + weight, a network of squared ReLUs, half of each head turned. */
public final class NemotronFamily implements ModelFamily {
  /** For the service loader. */
  public NemotronFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("nemotron");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 4096));
    boolean bias = c.bool("attention_bias", false);
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, Keys.USUAL.withPartial(0.5), shape))
                .withBias(bias, bias),
            MlpSpec.plain(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "relu2"),
                c.bool("mlp_bias", false)),
            new Norm(Norm.Kind.LAYER_PLUS_ONE, c.numberAbove("norm_eps", 0, 1e-5)))
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
