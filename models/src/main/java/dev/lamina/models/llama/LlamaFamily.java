package dev.lamina.models.llama;

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

/** Llama: what the others depart from. */
public final class LlamaFamily implements ModelFamily {
  /** For the service loader. */
  public LlamaFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("llama");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    boolean attentionBias = c.bool("attention_bias", false);
    boolean mlpBias = c.bool("mlp_bias", false);
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, shape))
                .withBias(attentionBias, attentionBias),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                mlpBias),
            Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6)))
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
