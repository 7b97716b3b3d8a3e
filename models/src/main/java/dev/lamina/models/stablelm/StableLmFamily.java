package dev.lamina.models.stablelm;

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
import java.util.List;

/** StableLM: layer norms around a gated network, a quarter of each head turned. */
public final class StableLmFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.qNorm.*", "model.layers.*.self_attn.q_layernorm.norms.*")
          .with("layers.*.attn.kNorm.*", "model.layers.*.self_attn.k_layernorm.norms.*");

  /** For the service loader. */
  public StableLmFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("stablelm");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(32, 0, 4096));
    double eps = c.numberAbove("layer_norm_eps", 0, 1e-5);
    QkNorm qkNorm = new QkNorm(Norm.layer(eps, false), QkNorm.Span.OWN_TENSOR, false);
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, Keys.USUAL.withPartial(0.25), shape))
                .withBias(c.bool("use_qkv_bias", false), false)
                .withQkNorm(c.bool("qk_layernorm", false) ? qkNorm : null),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                false),
            Norm.layer(eps, true))
        .withBranches(
            c.bool("use_parallel_residual", false) ? Branches.PARALLEL : Branches.SEQUENTIAL)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
