package dev.lamina.models.qwen2;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import java.util.List;

/** Qwen 2: Llama with biases on queries, keys and values. */
public final class Qwen2Family implements ModelFamily {
  /** For the service loader. */
  public Qwen2Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("qwen2");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(32, 0, 32768));
    AttentionSpec attention =
        new AttentionSpec(shape, RopeParameters.parse(c, shape)).withBias(true, false);
    return new Decoder(
            shape,
            LayerWindows.ofQwen(c, shape.numLayers()).applied(attention),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                false),
            Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6)))
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
