package dev.lamina.models.gemma;

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

/** Gemma, the first: norms by 1 + weight, scaled embeddings. */
public final class GemmaFamily implements ModelFamily {
  /** For the service loader. */
  public GemmaFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("gemma");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(16, 256, 8192));
    boolean bias = c.bool("attention_bias", false);
    c.only("use_bidirectional_attention", false);
    String act = c.has("hidden_activation") ? "hidden_activation" : "hidden_act";
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, shape)).withBias(bias, bias),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, act, "gelu_pytorch_tanh"),
                false),
            new Norm(Norm.Kind.RMS_PLUS_ONE, c.numberAbove("rms_norm_eps", 0, 1e-6)))
        .withEmbeddingScale(Math.sqrt(shape.hiddenSize()))
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", true)));
  }
}
