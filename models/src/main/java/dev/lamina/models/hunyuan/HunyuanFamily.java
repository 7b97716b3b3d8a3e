package dev.lamina.models.hunyuan;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.QkNorm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import java.util.List;

/** Hunyuan, dense: Llama with heads that are normed once they are turned. */
public final class HunyuanFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.query_layernorm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.key_layernorm");

  /** For the service loader. */
  public HunyuanFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("hunyuan_v1_dense");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5));
    boolean bias = c.bool("attention_bias", false);
    return new Decoder(
            shape,
            new AttentionSpec(shape, rope(c, shape))
                .withBias(bias, bias)
                .withQkNorm(new QkNorm(norm, QkNorm.Span.HEAD, true)),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                false),
            norm)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }

  /** A key {@code alpha} stretches the base, once for all lengths. */
  private static RopeParameters rope(ModelConfig c, DecoderShape shape) throws ModelException {
    ModelConfig scaling =
        c.has("rope_scaling") ? c.object("rope_scaling") : c.object("rope_parameters");
    if (scaling == null || !scaling.has("alpha")) {
      return RopeParameters.parse(c, shape);
    }
    double theta = scaling.numberAbove("rope_theta", 0, c.numberAbove("rope_theta", 0, 10_000));
    double d = shape.headDim();
    double alpha = scaling.numberAbove("alpha", 0);
    return RopeParameters.plain(theta * Math.pow(alpha, d / (d - 2)), shape);
  }
}
