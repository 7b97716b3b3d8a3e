package dev.lamina.models.cohere;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.QkNorm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Branches;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import java.util.List;

/** Command R: parallel branches, neighbours turned. */
public final class CohereFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_norm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_norm");

  /** For the service loader. */
  public CohereFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("cohere");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 8192));
    boolean bias = c.bool("attention_bias", false);
    Norm norm = Norm.layer(c.numberAbove("layer_norm_eps", 0, 1e-5), false);
    QkNorm qkNorm = new QkNorm(norm, QkNorm.Span.OWN_HEAD, false);
    Keys keys = Keys.USUAL.withTheta(500_000);
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, keys, shape))
                .withRopeStyle(RopeStyle.INTERLEAVED)
                .withBias(bias, bias)
                .withQkNorm(c.bool("use_qk_norm", false) ? qkNorm : null),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                false),
            norm)
        .withBranches(Branches.PARALLEL)
        .withNames(NAMES)
        .withHead(
            new HeadSpec(c.bool("tie_word_embeddings", true))
                .withScale(c.numberAbove("logit_scale", 0, 0.0625)));
  }
}
