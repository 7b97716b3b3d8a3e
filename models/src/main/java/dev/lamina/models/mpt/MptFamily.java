package dev.lamina.models.mpt;

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

/** MPT: attention by distance, layer norms, no biases. */
public final class MptFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("embed", "transformer.wte")
          .with("layers.*.attn.norm", "transformer.blocks.*.norm_1")
          .with("layers.*.attn.qkv", "transformer.blocks.*.attn.Wqkv")
          .with("layers.*.attn.o", "transformer.blocks.*.attn.out_proj")
          .with("layers.*.mlp.norm", "transformer.blocks.*.norm_2")
          .with("layers.*.mlp.up", "transformer.blocks.*.ffn.up_proj")
          .with("layers.*.mlp.down", "transformer.blocks.*.ffn.down_proj")
          .with("norm", "transformer.norm_f");
  private static final DecoderShape.Keys KEYS =
      new DecoderShape.Keys("d_model", "n_layers", "n_heads", "max_seq_len");

  /** For the service loader. */
  public MptFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("mpt");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, KEYS, new DecoderShape.Defaults(0, 0, 2048));
    ModelConfig attention = c.object("attn_config");
    c.only("no_bias", true);
    AttentionSpec spec =
        new AttentionSpec(shape, null).withAlibi(1).withProjection(Projection.FUSED);
    if (attention != null) {
      attention.only("alibi", true);
      attention.only("qk_ln", false);
      attention.only("prefix_lm", false);
      spec =
          spec.withClip(attention.numberOrNull("clip_qkv", 0))
              .withScale(attention.numberAbove("softmax_scale", 0, spec.scale()));
    }
    return new Decoder(
            shape,
            spec,
            // Its makers' code reads expansion_ratio and takes four times the width all the same.
            MlpSpec.plain(4 * shape.hiddenSize(), Activation.GELU, false),
            Norm.layer(c.numberAbove("layer_norm_epsilon", 0, 1e-5), false))
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", true)));
  }
}
