package dev.lamina.models.mistral;

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

/** Mistral: Llama, sliding. */
public final class MistralFamily implements ModelFamily {
  /** For the service loader. */
  public MistralFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("mistral");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    int kvHeads = c.names("num_key_value_heads") ? 0 : 8;
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(kvHeads, 0, 131072));
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, shape))
                .withWindow(LayerWindows.slidingWindow(c)),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                false),
            Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6)))
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
