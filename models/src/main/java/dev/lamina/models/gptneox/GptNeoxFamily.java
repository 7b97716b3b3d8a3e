package dev.lamina.models.gptneox;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.AttentionSpec.Projection;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Branches;
import java.util.List;

/** GPT-NeoX: parallel branches, layer norms, a quarter of each head turned. */
public final class GptNeoxFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("embed", "gpt_neox.embed_in")
          .with("layers.*.attn.norm", "gpt_neox.layers.*.input_layernorm")
          .with("layers.*.attn.qkv", "gpt_neox.layers.*.attention.query_key_value")
          .with("layers.*.attn.o", "gpt_neox.layers.*.attention.dense")
          .with("layers.*.mlp.norm", "gpt_neox.layers.*.post_attention_layernorm")
          .with("layers.*.mlp.up", "gpt_neox.layers.*.mlp.dense_h_to_4h")
          .with("layers.*.mlp.down", "gpt_neox.layers.*.mlp.dense_4h_to_h")
          .with("norm", "gpt_neox.final_layer_norm")
          .with("head", "embed_out");
  private static final Keys ROPE = new Keys("rotary_emb_base", "rotary_pct", 10_000, 0.25);

  /** For the service loader. */
  public GptNeoxFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("gpt_neox");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    boolean bias = c.bool("attention_bias", true);
    return new Decoder(
            shape,
            new AttentionSpec(shape, RopeParameters.parse(c, ROPE, shape))
                .withProjection(Projection.FUSED_BY_HEAD)
                .withBias(bias, bias),
            MlpSpec.plain(
                c.positiveInt("intermediate_size", 24576),
                Activation.parse(c, "hidden_act", "gelu"),
                true),
            Norm.layer(c.numberAbove("layer_norm_eps", 0, 1e-5), true))
        .withBranches(
            c.bool("use_parallel_residual", true)
                ? Branches.PARALLEL_OWN_NORMS
                : Branches.SEQUENTIAL)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }
}
