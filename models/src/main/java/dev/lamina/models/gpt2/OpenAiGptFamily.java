package dev.lamina.models.gpt2;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.AttentionSpec.Projection;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Placement;
import java.util.List;

/** GPT, the first: norms after each sum. */
public final class OpenAiGptFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("embed", "transformer.tokens_embed")
          .with("positions", "transformer.positions_embed")
          .with("layers.*.attn.norm", "transformer.h.*.ln_1")
          .with("layers.*.attn.qkv", "transformer.h.*.attn.c_attn")
          .with("layers.*.attn.o", "transformer.h.*.attn.c_proj")
          .with("layers.*.mlp.norm", "transformer.h.*.ln_2")
          .with("layers.*.mlp.up", "transformer.h.*.mlp.c_fc")
          .with("layers.*.mlp.down", "transformer.h.*.mlp.c_proj")
          .withTransposed(
              "layers.*.attn.qkv", "layers.*.attn.o", "layers.*.mlp.up", "layers.*.mlp.down");

  /** For the service loader. */
  public OpenAiGptFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("openai-gpt");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape =
        DecoderShape.parse(c, DecoderShape.Keys.GPT2, new DecoderShape.Defaults(0, 0, 512));
    // Its "gelu" is the form by tanh.
    String act = c.string("afn", "gelu");
    return new Decoder(
            shape,
            new AttentionSpec(shape, null).withProjection(Projection.FUSED).withBias(true, true),
            MlpSpec.plain(
                4 * shape.hiddenSize(),
                act.equals("gelu") ? Activation.GELU_TANH : Activation.parse(c, "afn", "gelu"),
                true),
            Norm.layer(c.numberAbove("layer_norm_epsilon", 0, 1e-5), true))
        .withNorms(Placement.JOINED)
        .withFinalNorm(false)
        .withLearnedPositions(0)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", true)));
  }
}
