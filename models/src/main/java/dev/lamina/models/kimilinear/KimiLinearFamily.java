package dev.lamina.models.kimilinear;

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
import dev.lamina.models.hybrid.Branch;
import dev.lamina.models.hybrid.HybridDecoder;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.KimiDeltaAttention;
import dev.lamina.models.hybrid.LatentBranch;
import dev.lamina.models.hybrid.LayerTypes;
import dev.lamina.models.hybrid.MlpBranch;
import dev.lamina.models.hybrid.MoeBranch;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Kimi Linear: Kimi Delta Attention, latents without positions in some layers, and experts. */
public final class KimiLinearFamily implements ModelFamily {
  private static final DecoderShape.Keys KEYS =
      new DecoderShape.Keys(
          "hidden_size", "num_hidden_layers", "num_attention_heads", "model_max_length");

  private static final WeightNames NAMES =
      MlaSpec.named(WeightNames.LLAMA_MIXTRAL, "layers.*.attn", "model.layers.*.self_attn")
          .with("layers.*.linear.norm", "model.layers.*.input_layernorm")
          .with("layers.*.linear", "model.layers.*.self_attn")
          .with("layers.*.linear.q", "model.layers.*.self_attn.q_proj")
          .with("layers.*.linear.k", "model.layers.*.self_attn.k_proj")
          .with("layers.*.linear.v", "model.layers.*.self_attn.v_proj")
          .with("layers.*.linear.qConv", "model.layers.*.self_attn.q_conv1d")
          .with("layers.*.linear.kConv", "model.layers.*.self_attn.k_conv1d")
          .with("layers.*.linear.vConv", "model.layers.*.self_attn.v_conv1d")
          .with("layers.*.linear.fA", "model.layers.*.self_attn.f_a_proj")
          .with("layers.*.linear.fB", "model.layers.*.self_attn.f_b_proj")
          .with("layers.*.linear.b", "model.layers.*.self_attn.b_proj")
          .with("layers.*.linear.gA", "model.layers.*.self_attn.g_a_proj")
          .with("layers.*.linear.gB", "model.layers.*.self_attn.g_b_proj")
          .with("layers.*.linear.outNorm", "model.layers.*.self_attn.o_norm")
          .with("layers.*.linear.out", "model.layers.*.self_attn.o_proj")
          // Dense layers: as transformers writes them, or as the makers did.
          .with("layers.*.mlp.gate", "model.layers.*.block_sparse_moe.gate_proj")
          .with("layers.*.mlp.up", "model.layers.*.block_sparse_moe.up_proj")
          .with("layers.*.mlp.down", "model.layers.*.block_sparse_moe.down_proj")
          .withOther("layers.*.mlp.gate", "model.layers.*.mlp.gate_proj")
          .withOther("layers.*.mlp.up", "model.layers.*.mlp.up_proj")
          .withOther("layers.*.mlp.down", "model.layers.*.mlp.down_proj")
          .with("layers.*.mlp.selection", "model.layers.*.block_sparse_moe.gate")
          .with(
              "layers.*.mlp.shared.gate",
              "model.layers.*.block_sparse_moe.shared_experts.gate_proj")
          .with("layers.*.mlp.shared.up", "model.layers.*.block_sparse_moe.shared_experts.up_proj")
          .with(
              "layers.*.mlp.shared.down",
              "model.layers.*.block_sparse_moe.shared_experts.down_proj");

  /** For the service loader. */
  public KimiLinearFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("kimi_linear");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    DecoderShape sizes = DecoderShape.parse(c, KEYS, new DecoderShape.Defaults(0, 64, 1_048_576));
    int rest = c.positiveInt("qk_rope_head_dim", 64);
    DecoderShape shape = sizes.withHeads(sizes.numKvHeads(), rest);
    MlaSpec latent =
        MlaSpec.parse(c, shape, new MlaSpec.Defaults(0, 512, 128, 128, 10_000)).withoutRope();
    double eps = c.numberAbove("rms_norm_eps", 0, 1e-5);
    Activation activation = Activation.parse(c, "hidden_act", "silu");
    // The makers' own configurations have the sizes of linear attention in an object.
    ModelConfig linear = c.object("linear_attn_config");
    int heads = size(c, linear, "linear_num_heads", "num_heads", 32);
    int headDim = size(c, linear, "linear_head_dim", "head_dim", 128);
    int taps =
        linear != null && linear.has("short_conv_kernel_size")
            ? LayerTypes.taps(linear, "short_conv_kernel_size", 4)
            : LayerTypes.taps(c, "linear_conv_kernel_dim", 4);
    List<String> types = types(c, linear, shape.numLayers());
    int firstDense = c.integer("first_k_dense_replace", 0, 1);
    IntPredicate hasExperts = LayerTypes.sparse(c, shape.numLayers(), i -> i >= firstDense);
    Branch dense =
        new MlpBranch(MlpSpec.gated(c.positiveInt("intermediate_size", 9216), activation, false));
    Branch sparse = new MoeBranch(experts(c, activation));
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      blocks.add(
          types.get(i).equals(LayerTypes.FULL)
              ? Block.of(i, "attn", new LatentBranch(i, latent))
              : Block.of(
                  i, "linear", new KimiDeltaAttention(i, heads, headDim, taps, Norm.rms(eps))));
      blocks.add(Block.of(i, "mlp", hasExperts.test(i) ? sparse : dense));
    }
    HeadSpec head = new HeadSpec(c.bool("tie_word_embeddings", false));
    return new HybridDecoder(shape, Norm.rms(eps), blocks, NAMES, head);
  }

  private static int size(
      ModelConfig c, @Nullable ModelConfig linear, String key, String inObject, int absent)
      throws ModelException {
    return linear != null && linear.has(inObject)
        ? linear.positiveInt(inObject)
        : c.positiveInt(key, absent);
  }

  /** A list of kinds, or two lists of layers counted from 1. */
  private static List<String> types(ModelConfig c, @Nullable ModelConfig linear, int numLayers)
      throws ModelException {
    if (c.has("layer_types") || linear == null || !linear.has("full_attn_layers")) {
      return LayerTypes.parse(
          c,
          "layer_types",
          numLayers,
          List.of(LayerTypes.LINEAR, LayerTypes.FULL),
          i -> i > 0 && i % 4 == 0 ? LayerTypes.FULL : LayerTypes.LINEAR);
    }
    List<Integer> full = linear.integers("full_attn_layers");
    List<Integer> rest = linear.integers("kda_layers");
    List<String> types = new ArrayList<>();
    for (int i = 1; i <= numLayers; i++) {
      if (full.contains(i) == rest.contains(i)) {
        throw linear.refuse("kda_layers", "every layer that full_attn_layers leaves out");
      }
      types.add(full.contains(i) ? LayerTypes.FULL : LayerTypes.LINEAR);
    }
    return types;
  }

  private static MoeSpec experts(ModelConfig c, Activation activation) throws ModelException {
    int width = c.positiveInt("moe_intermediate_size", 1024);
    int experts = c.positiveInt("num_experts", 256);
    int groups = c.positiveInt("num_expert_group", 1);
    if (experts % groups != 0) {
      throw c.refuse("num_expert_group", "a number that cuts %d experts evenly".formatted(experts));
    }
    MoeSpec mixture =
        new MoeSpec(
                experts,
                MlpSpec.gated(width, activation, false),
                MoeSpec.chosen(c, "num_experts_per_token", 8, experts),
                RouteScore.SIGMOID,
                c.bool("moe_renormalize", true))
            .withBiasedGroups(c, groups, 1, 2.446);
    int shared = c.integer("num_shared_experts", 0, 1);
    return shared == 0
        ? mixture
        : mixture.withShared(MlpSpec.gated(width * shared, activation, false), false);
  }
}
