package dev.lamina.models.gptneo;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import java.util.List;

/** GPT-Neo: learned positions, products without a scale, every other layer slides. */
public final class GptNeoFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("embed", "transformer.wte")
          .with("positions", "transformer.wpe")
          .with("layers.*.attn.norm", "transformer.h.*.ln_1")
          .with("layers.*.attn.q", "transformer.h.*.attn.attention.q_proj")
          .with("layers.*.attn.k", "transformer.h.*.attn.attention.k_proj")
          .with("layers.*.attn.v", "transformer.h.*.attn.attention.v_proj")
          .with("layers.*.attn.o", "transformer.h.*.attn.attention.out_proj")
          .with("layers.*.mlp.norm", "transformer.h.*.ln_2")
          .with("layers.*.mlp.up", "transformer.h.*.mlp.c_fc")
          .with("layers.*.mlp.down", "transformer.h.*.mlp.c_proj")
          .with("norm", "transformer.ln_f");
  private static final DecoderShape.Keys KEYS =
      new DecoderShape.Keys("hidden_size", "num_layers", "num_heads", "max_position_embeddings");

  /** For the service loader. */
  public GptNeoFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("gpt_neo");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, KEYS, new DecoderShape.Defaults(0, 0, 2048));
    AttentionSpec attention = new AttentionSpec(shape, null).withScale(1).withBias(false, true);
    return new Decoder(
            shape,
            LayerWindows.ofNamed(
                    c, "attention_layers", shape.numLayers(), c.positiveInt("window_size", 256))
                .applied(attention),
            MlpSpec.plain(
                c.positiveInt("intermediate_size", 4 * shape.hiddenSize()),
                Activation.parse(c, "activation_function", "gelu_new"),
                true),
            Norm.layer(c.numberAbove("layer_norm_epsilon", 0, 1e-5), true))
        .withLearnedPositions(0)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", true)));
  }
}
