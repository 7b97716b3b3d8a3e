package dev.lamina.models.starcoder2;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import java.util.List;

/** StarCoder 2: layer norms, a network without a gate, biases everywhere. */
public final class Starcoder2Family implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.mlp.up", "model.layers.*.mlp.c_fc")
          .with("layers.*.mlp.down", "model.layers.*.mlp.c_proj");

  /** For the service loader. */
  public Starcoder2Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("starcoder2");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(2, 0, 4096));
    boolean bias = c.bool("use_bias", true);
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, shape))
                .withBias(bias, bias)
                .withWindow(c.has("sliding_window") ? c.positiveInt("sliding_window") : 0),
            MlpSpec.plain(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "gelu_pytorch_tanh"),
                bias),
            Norm.layer(c.numberAbove("norm_epsilon", 0, 1e-5), true))
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", true)));
  }
}
