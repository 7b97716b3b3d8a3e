package dev.lamina.models.falcon;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.AttentionSpec.Projection;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.decoder.Decoder.Branches;
import java.util.List;

/** Falcon: parallel branches, fused projections, keys that heads share; 1B RW by distance. */
public final class FalconFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("embed", "transformer.word_embeddings")
          .with("layers.*.attn.norm", "transformer.h.*.input_layernorm")
          .with("layers.*.attn.qkv", "transformer.h.*.self_attention.query_key_value")
          .with("layers.*.attn.o", "transformer.h.*.self_attention.dense")
          .with("layers.*.mlp.norm", "transformer.h.*.post_attention_layernorm")
          .with("layers.*.mlp.up", "transformer.h.*.mlp.dense_h_to_4h")
          .with("layers.*.mlp.down", "transformer.h.*.mlp.dense_4h_to_h")
          .with("norm", "transformer.ln_f");

  /** For the service loader. */
  public FalconFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("falcon");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    boolean grouped = c.bool("new_decoder_architecture", false);
    boolean shared = !grouped && c.bool("multi_query", true);
    DecoderShape all = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    int kvHeads =
        shared ? 1 : grouped ? c.positiveInt("num_kv_heads", all.numHeads()) : all.numHeads();
    if (all.numHeads() % kvHeads != 0) {
      throw c.refuse("num_kv_heads", "a divisor of num_attention_heads, " + all.numHeads());
    }
    DecoderShape shape = all.withHeads(kvHeads, all.headDim());
    boolean bias = c.bool("bias", false);
    boolean byDistance = c.bool("alibi", false);
    AttentionSpec attention =
        new AttentionSpec(shape, byDistance ? null : RopeParameters.parse(c, shape))
            .withProjection(shared ? Projection.FUSED : Projection.FUSED_BY_HEAD)
            .withBias(bias, bias);
    // Its bias by distance is scaled with the products.
    attention = byDistance ? attention.withAlibi(attention.scale()) : attention;
    boolean twoNorms = grouped && c.integer("num_ln_in_parallel_attn", 1, 2) == 2;
    boolean parallel = grouped || c.bool("parallel_attn", true);
    return new Decoder(
            shape,
            attention,
            MlpSpec.plain(
                c.positiveInt("ffn_hidden_size", 4 * shape.hiddenSize()),
                Activation.parse(c, "activation", "gelu"),
                bias),
            Norm.layer(c.numberAbove("layer_norm_epsilon", 0, 1e-5), true))
        .withBranches(
            !parallel
                ? Branches.SEQUENTIAL
                : twoNorms ? Branches.PARALLEL_OWN_NORMS : Branches.PARALLEL)
        .withNames(
            twoNorms
                ? NAMES
                    .with("layers.*.attn.norm", "transformer.h.*.ln_attn")
                    .with("layers.*.mlp.norm", "transformer.h.*.ln_mlp")
                : NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", true)));
  }
}
