package dev.lamina.models.glm4;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import java.util.List;

/** GLM, before 4-0414: fused gates, neighbours of half a head turned. */
public final class GlmFamily implements ModelFamily {
  static final WeightNames NAMES =
      WeightNames.LLAMA.with("layers.*.mlp.gateUp", "model.layers.*.mlp.gate_up_proj");

  /** For the service loader. */
  public GlmFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("glm");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    return decoder(c);
  }

  /** What GLM 4 adds norms to. */
  static Decoder decoder(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(2, 128, 131072));
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, Keys.USUAL.withPartial(0.5), shape))
                .withRopeStyle(RopeStyle.INTERLEAVED)
                .withBias(c.bool("attention_bias", false), false),
            MlpSpec.gated(
                    c.positiveInt("intermediate_size"),
                    Activation.parse(c, "hidden_act", "silu"),
                    false)
                .fused(),
            Norm.rms(c.numberAbove("rms_norm_eps", 0, 1.5625e-7)))
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
