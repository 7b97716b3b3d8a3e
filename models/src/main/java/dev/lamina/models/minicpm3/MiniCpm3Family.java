package dev.lamina.models.minicpm3;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlaSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import java.util.List;

/** MiniCPM 3: DeepSeek's latents, halves turned, and factors as muP has them. */
public final class MiniCpm3Family implements ModelFamily {
  private static final WeightNames NAMES =
      MlaSpec.named(WeightNames.LLAMA, "layers.*.attn", "model.layers.*.self_attn");

  /** For the service loader. */
  public MiniCpm3Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("minicpm3");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    int turns = c.positiveInt("qk_rope_head_dim", 32);
    if (turns % 2 != 0) {
      throw c.refuse("qk_rope_head_dim", "an even number");
    }
    DecoderShape sizes = DecoderShape.parse(c, new DecoderShape.Defaults(0, turns, 32_768));
    DecoderShape shape = sizes.withHeads(sizes.numKvHeads(), turns);
    int hidden = shape.hiddenSize();
    MlaSpec.Defaults absent = new MlaSpec.Defaults(768, 256, 64, hidden / shape.numHeads(), 10_000);
    MlaSpec latent = MlaSpec.parse(c, shape, absent).withRopeStyle(RopeStyle.NEOX);
    // With null there is no factor.
    double depth = c.numberOrNull("scale_depth", 1.4);
    int base = c.names("dim_model_base") ? c.positiveInt("dim_model_base", hidden) : 256;
    return new Decoder(
            shape,
            new AttentionSpec(shape, null).withBias(false, latent.biased()),
            MlpSpec.gated(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "silu"),
                c.bool("mlp_bias", false)),
            Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5)))
        .withLatentAttention(latent)
        .withEmbeddingScale(c.numberAbove("scale_emb", 0, 12))
        .withResidualScale(depth == 0 ? 1 : depth / Math.sqrt(shape.numLayers()))
        .withNames(NAMES)
        .withHead(
            new HeadSpec(c.bool("tie_word_embeddings", true)).withScale((double) base / hidden));
  }
}
