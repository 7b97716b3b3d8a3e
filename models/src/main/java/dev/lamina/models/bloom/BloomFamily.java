package dev.lamina.models.bloom;

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
import java.util.List;

/** BLOOM: attention by distance, layer norms, one of the embeddings too. */
public final class BloomFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("embed", "transformer.word_embeddings")
          .with("embedNorm", "transformer.word_embeddings_layernorm")
          .with("layers.*.attn.norm", "transformer.h.*.input_layernorm")
          .with("layers.*.attn.qkv", "transformer.h.*.self_attention.query_key_value")
          .with("layers.*.attn.o", "transformer.h.*.self_attention.dense")
          .with("layers.*.mlp.norm", "transformer.h.*.post_attention_layernorm")
          .with("layers.*.mlp.up", "transformer.h.*.mlp.dense_h_to_4h")
          .with("layers.*.mlp.down", "transformer.h.*.mlp.dense_4h_to_h")
          .with("norm", "transformer.ln_f");

  /** For the service loader. */
  public BloomFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("bloom");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    String layers = c.has("n_layer") ? "n_layer" : "num_hidden_layers";
    String heads = c.has("n_head") ? "n_head" : "num_attention_heads";
    String hidden = c.has("hidden_size") ? "hidden_size" : "n_embed";
    DecoderShape.Keys keys = new DecoderShape.Keys(hidden, layers, heads, "seq_length");
    DecoderShape shape = DecoderShape.parse(c, keys, new DecoderShape.Defaults(0, 0, 2048));
    c.only("apply_residual_connection_post_layernorm", false);
    Norm norm = Norm.layer(c.numberAbove("layer_norm_epsilon", 0, 1e-5), true);
    return new Decoder(
            shape,
            new AttentionSpec(shape, null)
                .withAlibi(1)
                .withProjection(Projection.FUSED_BY_HEAD)
                .withBias(true, true),
            MlpSpec.plain(4 * shape.hiddenSize(), Activation.GELU_TANH, true),
            norm)
        .withEmbeddingNorm(norm)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", true)));
  }
}
