package dev.lamina.models.granite;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Placement;
import java.util.List;

/** Granite: Llama with four factors. HyperCLOVA X multiplies by the last, and may norm outputs. */
public final class GraniteFamily implements ModelFamily {
  private static final WeightNames NAMES =
      GraniteParts.NAMES
          .with("layers.*.attn.postNorm", "model.layers.*.post_norm1")
          .with("layers.*.mlp.postNorm", "model.layers.*.post_norm2");

  /** For the service loader. */
  public GraniteFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("granite", "granitemoe", "granitemoeshared", "hyperclovax");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    boolean bias = c.bool("attention_bias", false);
    boolean clova = c.string("model_type").equals("hyperclovax");
    double usualScale = clova ? 1 / Math.sqrt(shape.headDim()) : 1;
    boolean around = clova && c.bool("use_post_norm", false);
    HeadSpec head = GraniteParts.head(c);
    Decoder granite =
        new Decoder(
                shape,
                new AttentionSpec(shape, RopeParameters.parse(c, shape))
                    .withBias(bias, bias)
                    .withScale(c.numberAbove("attention_multiplier", 0, usualScale)),
                MlpSpec.gated(
                    c.positiveInt("intermediate_size"),
                    Activation.parse(c, "hidden_act", "silu"),
                    c.bool("mlp_bias", false)),
                Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6)))
            .withEmbeddingScale(c.numberAbove("embedding_multiplier", 0, 1))
            .withResidualScale(c.numberAbove("residual_multiplier", 0, 1))
            .withNorms(around ? Placement.AROUND : Placement.BEFORE)
            .withNames(NAMES)
            .withHead(clova ? head.withScale(1 / head.scale()) : head);
    return switch (c.string("model_type")) {
      case "granitemoe" -> granite.withExperts(experts(c, 0), i -> true);
      case "granitemoeshared" ->
          granite.withExperts(experts(c, c.integer("shared_intermediate_size", 0, 0)), i -> true);
      default -> granite;
    };
  }

  private static MoeSpec experts(ModelConfig c, int shared) throws ModelException {
    return GraniteParts.experts(c, c.positiveInt("num_local_experts", 8), shared);
  }
}
