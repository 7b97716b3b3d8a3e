package dev.lamina.models.opt;

import dev.lamina.models.AttentionSpec;
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
import java.util.List;

/** BioGPT: learned positions from row 2 on, scaled embeddings, layer norms. */
public final class BioGptFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("embed", "biogpt.embed_tokens")
          .with("positions", "biogpt.embed_positions")
          .with("layers.*.attn.norm", "biogpt.layers.*.self_attn_layer_norm")
          .with("layers.*.attn.q", "biogpt.layers.*.self_attn.q_proj")
          .with("layers.*.attn.k", "biogpt.layers.*.self_attn.k_proj")
          .with("layers.*.attn.v", "biogpt.layers.*.self_attn.v_proj")
          .with("layers.*.attn.o", "biogpt.layers.*.self_attn.out_proj")
          .with("layers.*.mlp.norm", "biogpt.layers.*.final_layer_norm")
          .with("layers.*.mlp.up", "biogpt.layers.*.fc1")
          .with("layers.*.mlp.down", "biogpt.layers.*.fc2")
          .with("norm", "biogpt.layer_norm")
          .with("head", "output_projection");

  /** For the service loader. */
  public BioGptFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("biogpt");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 1024));
    boolean scaled = c.bool("scale_embedding", true);
    return new Decoder(
            shape,
            new AttentionSpec(shape, null).withBias(true, true),
            MlpSpec.plain(
                c.positiveInt("intermediate_size"),
                Activation.parse(c, "hidden_act", "gelu"),
                true),
            Norm.layer(c.numberAbove("layer_norm_eps", 0, 1e-12), true))
        .withEmbeddingScale(scaled ? Math.sqrt(shape.hiddenSize()) : 1)
        .withLearnedPositions(2)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", true)));
  }
}
