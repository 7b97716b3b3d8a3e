package dev.lamina.models.nanochat;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.QkNorm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeScaling;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import java.util.List;

/** nanochat: norms without weights, heads that turn backwards, squared ReLUs. */
public final class NanoChatFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.mlp.up", "model.layers.*.mlp.fc1")
          .with("layers.*.mlp.down", "model.layers.*.mlp.fc2");

  /** For the service loader. */
  public NanoChatFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("nanochat");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    Norm norm = new Norm(Norm.Kind.RMS_PLAIN, c.numberAbove("rms_norm_eps", 0, 1e-6));
    boolean bias = c.bool("attention_bias", false);
    return new Decoder(
            shape,
            new AttentionSpec(shape, backwards(RopeParameters.parse(c, shape)))
                .withBias(bias, bias)
                .withQkNorm(new QkNorm(norm, QkNorm.Span.HEAD, true)),
            MlpSpec.plain(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "relu2"),
                false),
            norm)
        .withEmbeddingNorm(norm)
        .withNames(NAMES)
        .withHead(
            new HeadSpec(c.bool("tie_word_embeddings", false))
                .withSoftcap(c.numberOrNull("final_logit_softcapping", 15)));
  }

  /** A divisor of -1 turns the other way round. */
  private static RopeParameters backwards(RopeParameters rope) {
    return new RopeParameters(rope.theta(), rope.rotaryDims(), new RopeScaling.Linear(-1));
  }
}
