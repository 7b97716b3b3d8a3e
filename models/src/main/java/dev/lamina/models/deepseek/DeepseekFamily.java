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
import dev.lamina.spi.ir.CompositeOp.RopeStyle;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.Collections;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * DeepSeek V2, V3, V3.2, which looks at chosen positions, and Kimi K2, which is V3 in other sizes.
 */
public final class DeepseekFamily implements ModelFamily {
  /** What V3.2 calls its layers, today's name first. */
  private static final List<String> INDEXED =
      List.of("indexed_attention", "deepseek_sparse_attention");

  private static final WeightNames NAMES =
      MlaSpec.named(WeightNames.LLAMA_MOE, "layers.*.attn", "model.layers.*.self_attn")
          .with("layers.*.attn.index.q", "model.layers.*.self_attn.indexer.wq_b")
          .with("layers.*.attn.index.k", "model.layers.*.self_attn.indexer.wk")
          .with("layers.*.attn.index.kNorm", "model.layers.*.self_attn.indexer.k_norm")
          .with("layers.*.attn.index.weights", "model.layers.*.self_attn.indexer.weights_proj");

  /** For the service loader. */
  public DeepseekFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of(
        "deepseek_v2",
        "deepseek_v3",
        "deepseek_v32",
        "glm4_moe_lite",
        "glm_moe_dsa",
        "kimi_k2",
        "youtu");
  }

  /** What they leave out of a configuration. */
  private record Defaults(
      int maxPositions, MlaSpec.Defaults latent, double eps, int firstDense, Experts experts) {
    static Defaults of(String modelType) {
      MlaSpec.Defaults deepseek = MlaSpec.Defaults.DEEPSEEK;
      return switch (modelType) {
        case "deepseek_v2" ->
            new Defaults(2048, deepseek, 1e-6, 0, new Experts(64, 1407, 8, 2, 1, 1, 1));
        case "glm4_moe_lite" ->
            new Defaults(
                202_752,
                new MlaSpec.Defaults(768, 512, 192, 256, 10_000),
                1e-5,
                1,
                new Experts(64, 1536, 4, 1, 1, 1, 1.8));
        case "glm_moe_dsa" ->
            new Defaults(
                202_752,
                new MlaSpec.Defaults(2048, 512, 192, 256, 10_000),
                1e-5,
                3,
                new Experts(256, 2048, 8, 1, 1, 1, 2.5));
        // Youtu has no experts.
        case "youtu" ->
            new Defaults(
                131_072,
                deepseek,
                1e-6,
                Integer.MAX_VALUE,
                new Experts(256, 2048, 8, 1, 8, 4, 2.5));
        default -> new Defaults(4096, deepseek, 1e-6, 3, new Experts(256, 2048, 8, 1, 8, 4, 2.5));
      };
    }
  }

  /** The same for their experts. */
  private record Experts(
      int count, int width, int chosen, int shared, int groups, int groupsLeft, double scale) {}

  @Override
  public Decoder parse(ModelConfig c) throws ModelException {
    String type = c.string("model_type");
    Defaults absent = Defaults.of(type);
    int turns = c.positiveInt("qk_rope_head_dim", 64);
    if (turns % 2 != 0) {
      throw c.refuse("qk_rope_head_dim", "an even number");
    }
    DecoderShape sizes =
        DecoderShape.parse(c, new DecoderShape.Defaults(0, turns, absent.maxPositions));
    DecoderShape shape = sizes.withHeads(sizes.numKvHeads(), turns);
    MlaSpec latent = MlaSpec.parse(c, shape, absent.latent);
    Activation activation = Activation.parse(c, "hidden_act", "silu");
    AttentionSpec attention = new AttentionSpec(shape, null).withBias(false, latent.biased());
    int firstDense = c.integer("first_k_dense_replace", 0, absent.firstDense);
    int every = c.positiveInt("moe_layer_freq", 1);
    IntPredicate sparse =
        LayerTypes.sparse(c, shape.numLayers(), i -> i >= firstDense && i % every == 0);
    MlpSpec network = MlpSpec.gated(c.positiveInt("intermediate_size"), activation, false);
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, absent.eps));
    return new Decoder(shape, attention, network, norm)
        .withLatentAttention(
            switch (type) {
              case "deepseek_v32" -> indexed(c, latent, shape, 64, RopeStyle.NEOX);
              case "glm_moe_dsa" -> indexed(c, latent, shape, 32, RopeStyle.INTERLEAVED);
              default -> Collections.nCopies(shape.numLayers(), latent);
            })
        .withExperts(experts(c, type, absent.experts, activation), sparse)
        .withNames(NAMES)
        .withHead(new HeadSpec(c.bool("tie_word_embeddings", type.equals("youtu"))));
  }

  /** Every layer looks at chosen positions; some take those of the layer before. */
  private static List<MlaSpec> indexed(
      ModelConfig c, MlaSpec latent, DecoderShape shape, int heads, RopeStyle style)
      throws ModelException {
    if (latent.queryRank() == 0) {
      throw c.refuse("q_lora_rank", "a width, since positions are chosen by the queries' latent");
    }
    int numLayers = shape.numLayers();
    LayerTypes.parse(c, "layer_types", numLayers, INDEXED, i -> INDEXED.getFirst());
    int every = c.positiveInt("index_topk_freq", 1);
    int offset = c.integer("index_skip_topk_offset", 0, 2);
    if (c.has("index_topk_pattern")) {
      throw c.refuse("index_topk_pattern", "the list indexer_types in its place");
    }
    List<String> choosing =
        LayerTypes.parse(
            c,
            "indexer_types",
            numLayers,
            List.of("full", "shared"),
            i -> Math.max(i - offset + 1, 0) % every == 0 ? "full" : "shared");
    if (choosing.getFirst().equals("shared")) {
      throw c.refuse("indexer_types", "a first layer that is full");
    }
    MlaSpec.Index own = MlaSpec.Index.parse(c, shape.headDim(), heads, style);
    return choosing.stream()
        .map(kind -> latent.withIndex(kind.equals("full") ? own : own.borrowing()))
        .toList();
  }

  private static MoeSpec experts(ModelConfig c, String type, Experts absent, Activation activation)
      throws ModelException {
    int width = c.positiveInt("moe_intermediate_size", absent.width);
    int experts = c.positiveInt("n_routed_experts", absent.count);
    int chosen = MoeSpec.chosen(c, "num_experts_per_tok", absent.chosen, experts);
    MlpSpec expert = MlpSpec.gated(width, activation, false);
    MoeSpec mixture =
        type.equals("deepseek_v2")
            ? ofV2(c, experts, expert, chosen)
            : new MoeSpec(
                    experts, expert, chosen, RouteScore.SIGMOID, c.bool("norm_topk_prob", true))
                .withBiasedGroups(c, absent.groups, absent.groupsLeft, absent.scale);
    int shared = c.integer("n_shared_experts", 0, absent.shared);
    return shared == 0
        ? mixture
        : mixture.withShared(MlpSpec.gated(width * shared, activation, false), false);
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
