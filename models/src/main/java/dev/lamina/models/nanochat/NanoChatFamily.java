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

/**
 * nanochat: root mean square norms without weights, one of the embeddings too; queries and keys are
 * turned, by negative angles, and then normed; squared ReLUs; bounded logits.
 */
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
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6)).plain();
    boolean bias = c.bool("attention_bias", false);
    AttentionSpec attention =
        new AttentionSpec(shape, backwards(c, RopeParameters.parse(c, shape)))
            .withBias(bias, bias)
            .withQkNorm(new QkNorm(norm, QkNorm.Span.HEAD, true));
    return new Decoder(
            shape,
            attention,
            MlpSpec.plain(
                c.positiveInt("intermediate_size", 8192),
                Activation.parse(c, "hidden_act", "relu2"),
                false),
            norm)
        .withEmbeddingNorm(norm)
        .withNames(NAMES)
        .withHead(
            new HeadSpec(c.bool("tie_word_embeddings", false))
                .withSoftcap(c.numberOrNull("final_logit_softcapping", 15)));
  }

  /** Negative angles are those of frequencies divided by a negative number. */
  private static RopeParameters backwards(ModelConfig c, RopeParameters rope)
      throws ModelException {
    double divisor =
        switch (rope.scaling()) {
          case RopeScaling.Default d -> -1;
          case RopeScaling.Linear l -> -l.factor();
          case RopeScaling.Dynamic d -> throw unscaled(c);
          case RopeScaling.Llama3 l -> throw unscaled(c);
          case RopeScaling.LongRope l -> throw unscaled(c);
          case RopeScaling.Proportional p -> throw unscaled(c);
          case RopeScaling.Yarn y -> throw unscaled(c);
        };
    return new RopeParameters(rope.theta(), rope.rotaryDims(), new RopeScaling.Linear(divisor));
  }

  private static ModelException unscaled(ModelConfig c) {
    return c.refuse("rope_parameters", "rope_type default or linear, others are not built");
  }
}
