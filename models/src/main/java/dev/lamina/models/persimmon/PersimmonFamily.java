package dev.lamina.models.persimmon;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.AttentionSpec.Projection;
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
import java.util.List;

/** Persimmon: fused projections, normed heads, half of each turned, squared ReLUs. */
public final class PersimmonFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.qkv", "model.layers.*.self_attn.query_key_value")
          .with("layers.*.attn.o", "model.layers.*.self_attn.dense")
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_layernorm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_layernorm")
          .with("layers.*.mlp.up", "model.layers.*.mlp.dense_h_to_4h")
          .with("layers.*.mlp.down", "model.layers.*.mlp.dense_4h_to_h")
          .with("norm", "model.final_layernorm");

  /** For the service loader. */
  public PersimmonFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("persimmon");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 16384));
    Norm norm = Norm.layer(c.numberAbove("layer_norm_eps", 0, 1e-5), true);
    Keys keys = Keys.USUAL.withPartial(0.5).withTheta(25_000);
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, keys, shape))
                .withProjection(Projection.FUSED_BY_HEAD)
                .withBias(true, true)
                .withQkNorm(c.bool("qk_layernorm", true) ? new QkNorm(norm) : null),
            MlpSpec.plain(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "relu2"),
                true),
            norm)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
