package dev.lamina.models.gpt2;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.AttentionSpec.Projection;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import java.util.List;

/** StarCoder and SantaCoder: GPT-2 whose heads share one key and value. */
public final class GptBigCodeFamily implements ModelFamily {
  /** For the service loader. */
  public GptBigCodeFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("gpt_bigcode");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    boolean shared = c.bool("multi_query", true);
    DecoderShape shape =
        DecoderShape.parse(
            c, DecoderShape.Keys.GPT2, new DecoderShape.Defaults(shared ? 1 : 0, 0, 1024));
    AttentionSpec attention =
        new AttentionSpec(shape, null)
            .withProjection(shared ? Projection.FUSED : Projection.FUSED_BY_HEAD)
            .withBias(true, true);
    return new Decoder(
            shape,
            c.bool("scale_attn_weights", true) ? attention : attention.withScale(1),
            MlpSpec.plain(
                c.positiveInt("n_inner", 4 * shape.hiddenSize()),
                Activation.parse(c, "activation_function", "gelu_pytorch_tanh"),
                true),
            Norm.layer(c.numberAbove("layer_norm_epsilon", 0, 1e-5), true))
        .withLearnedPositions(0)
        .withNames(Gpt2Family.UPRIGHT)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", true)));
  }
}
