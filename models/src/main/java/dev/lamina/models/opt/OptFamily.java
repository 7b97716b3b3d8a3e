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
import dev.lamina.models.decoder.Decoder.Placement;
import java.util.List;

/** OPT: learned positions from row 2 on, layer norms, a network of ReLUs. */
public final class OptFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("embed", "model.decoder.embed_tokens")
          .with("projectIn", "model.decoder.project_in")
          .with("projectOut", "model.decoder.project_out")
          .with("positions", "model.decoder.embed_positions")
          .with("layers.*.attn.norm", "model.decoder.layers.*.self_attn_layer_norm")
          .with("layers.*.attn.q", "model.decoder.layers.*.self_attn.q_proj")
          .with("layers.*.attn.k", "model.decoder.layers.*.self_attn.k_proj")
          .with("layers.*.attn.v", "model.decoder.layers.*.self_attn.v_proj")
          .with("layers.*.attn.o", "model.decoder.layers.*.self_attn.out_proj")
          .with("layers.*.mlp.norm", "model.decoder.layers.*.final_layer_norm")
          .with("layers.*.mlp.up", "model.decoder.layers.*.fc1")
          .with("layers.*.mlp.down", "model.decoder.layers.*.fc2")
          .with("norm", "model.decoder.final_layer_norm");

  /** For the service loader. */
  public OptFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("opt");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    boolean bias = c.bool("enable_bias", true);
    boolean before = c.bool("do_layer_norm_before", true);
    Norm norm = Norm.layer(1e-5, true);
    int width = c.positiveInt("word_embed_proj_dim", shape.hiddenSize());
    HeadSpec head = new HeadSpec(c.bool("tie_word_embeddings", true));
    return new Decoder(
            shape,
            new AttentionSpec(shape, null).withBias(bias, bias),
            MlpSpec.plain(
                c.positiveInt("ffn_dim"), Activation.parse(c, "activation_function", "relu"), bias),
            c.bool("layer_norm_elementwise_affine", true) ? norm : norm.plain())
        .withNorms(before ? Placement.BEFORE : Placement.JOINED)
        .withFinalNorm(before && !c.bool("_remove_final_layer_norm", false))
        .withEmbeddingWidth(width)
        .withLearnedPositions(2)
        .withNames(NAMES)
        .withHead(width == shape.hiddenSize() ? head : head.withProjection(width));
  }
}
