package dev.lamina.models.deepseek;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlaSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.decoder.Decoder;
import dev.lamina.models.hybrid.LayerTypes;
import dev.lamina.spi.ir.CompositeOp.GroupScore;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.List;

/**
 * DeepSeek V2, V3, V3.2, which looks at chosen positions, and Kimi K2, which is V3 in other sizes.
 */
public final class DeepseekFamily implements ModelFamily {
  /** What V3.2 calls its layers, today's name first. */
  private static final List<String> INDEXED =
      List.of("indexed_attention", "deepseek_sparse_attention");

  private static final WeightNames NAMES =
      WeightNames.LLAMA_MOE
          .with("layers.*.attn.qA", "model.layers.*.self_attn.q_a_proj")
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_a_layernorm")
          .with("layers.*.attn.index.q", "model.layers.*.self_attn.indexer.wq_b")
          .with("layers.*.attn.index.k", "model.layers.*.self_attn.indexer.wk")
          .with("layers.*.attn.index.kNorm", "model.layers.*.self_attn.indexer.k_norm")
          .with("layers.*.attn.index.weights", "model.layers.*.self_attn.indexer.weights_proj")
          .with("layers.*.attn.qB", "model.layers.*.self_attn.q_b_proj")
          .with("layers.*.attn.kvA", "model.layers.*.self_attn.kv_a_proj_with_mqa")
          .with("layers.*.attn.kvNorm", "model.layers.*.self_attn.kv_a_layernorm")
          .with("layers.*.attn.kvB", "model.layers.*.self_attn.kv_b_proj");

  /** For the service loader. */
  public DeepseekFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("deepseek_v2", "deepseek_v3", "deepseek_v32", "kimi_k2");
  }

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    boolean v2 = c.string("model_type").equals("deepseek_v2");
    int turns = c.positiveInt("qk_rope_head_dim", 64);
    if (turns % 2 != 0) {
      throw c.refuse("qk_rope_head_dim", "an even number");
    }
    DecoderShape sizes =
        DecoderShape.parse(c, new DecoderShape.Defaults(0, turns, v2 ? 2048 : 4096));
    DecoderShape shape = sizes.withHeads(sizes.numKvHeads(), turns);
    MlaSpec latent = MlaSpec.parse(c, shape, 1536);
    if (c.string("model_type").equals("deepseek_v32")) {
      if (latent.queryRank() == 0) {
        throw c.refuse("q_lora_rank", "a width, since positions are chosen by the queries' latent");
      }
      LayerTypes.parse(c, "layer_types", shape.numLayers(), INDEXED, i -> INDEXED.getFirst());
      latent = latent.withIndex(MlaSpec.Index.parse(c, turns));
    }
    Activation activation = Activation.parse(c, "hidden_act", "silu");
    AttentionSpec attention = new AttentionSpec(shape, null).withBias(false, latent.biased());
    int firstDense = c.integer("first_k_dense_replace", 0, v2 ? 0 : 3);
    int every = c.positiveInt("moe_layer_freq", 1);
    List<String> networks =
        LayerTypes.parse(
            c,
            "mlp_layer_types",
            shape.numLayers(),
            List.of("dense", "sparse"),
            i -> i >= firstDense && i % every == 0 ? "sparse" : "dense");
    return new Decoder(
            shape,
            attention,
            MlpSpec.gated(c.positiveInt("intermediate_size"), activation, false),
            Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6)))
        .withLatentAttention(latent)
        .withExperts(experts(c, v2, activation), i -> networks.get(i).equals("sparse"))
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", false)));
  }

  private static MoeSpec experts(ModelConfig c, boolean v2, Activation activation)
      throws ModelException {
    int width = c.positiveInt("moe_intermediate_size", v2 ? 1407 : 2048);
    int experts = c.positiveInt("n_routed_experts", v2 ? 64 : 256);
    int chosen = MoeSpec.chosen(c, "num_experts_per_tok", 8, experts);
    MlpSpec expert = MlpSpec.gated(width, activation, false);
    MoeSpec mixture = v2 ? ofV2(c, experts, expert, chosen) : ofV3(c, experts, expert, chosen);
    int shared = c.integer("n_shared_experts", 0, v2 ? 2 : 1);
    return shared == 0
        ? mixture
        : mixture.withShared(MlpSpec.gated(width * shared, activation, false), false);
  }

  private static MoeSpec ofV3(ModelConfig c, int experts, MlpSpec expert, int chosen)
      throws ModelException {
    boolean normalised = c.bool("norm_topk_prob", true);
    return new MoeSpec(experts, expert, chosen, RouteScore.SIGMOID, normalised)
        .withBiasedGroups(c, 8, 4, 2.5);
  }

  private static MoeSpec ofV2(ModelConfig c, int experts, MlpSpec expert, int chosen)
      throws ModelException {
    c.only("norm_topk_prob", false);
    MoeSpec mixture = new MoeSpec(experts, expert, chosen, RouteScore.SOFTMAX, false);
    return switch (c.string("topk_method", "greedy")) {
      case "greedy" -> mixture.withGreedyChoice(c);
      case "group_limited_greedy" -> mixture.withGroups(c, 1, 1, 1, false, GroupScore.MAX);
      default -> throw c.refuse("topk_method", "greedy or group_limited_greedy");
    };
  }
}
