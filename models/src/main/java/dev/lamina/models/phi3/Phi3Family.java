package dev.lamina.models.phi3;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.AttentionSpec.Projection;
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

/** Phi 3: Llama with fused matrices, turning a part of each head. */
public final class Phi3Family implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.qkv", "model.layers.*.self_attn.qkv_proj")
          .with("layers.*.mlp.gateUp", "model.layers.*.mlp.gate_up_proj");

  /** For the service loader. */
  public Phi3Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("phi3");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 4096));
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, shape))
                .withProjection(Projection.FUSED)
                .withWindow(c.has("sliding_window") ? c.positiveInt("sliding_window") : 0),
            MlpSpec.gated(
                    c.positiveInt("intermediate_size"),
                    Activation.parse(c, "hidden_act", "silu"),
                    false)
                .fused(),
            Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5)))
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
