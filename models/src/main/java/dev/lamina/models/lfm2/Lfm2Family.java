package dev.lamina.models.lfm2;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.QkNorm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.AttentionBranch;
import dev.lamina.models.hybrid.Branch;
import dev.lamina.models.hybrid.HybridDecoder;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.LayerTypes;
import dev.lamina.models.hybrid.MlpBranch;
import dev.lamina.models.hybrid.MoeBranch;
import dev.lamina.models.hybrid.ShortConvolution;
import dev.lamina.spi.ir.CompositeOp.GroupScore;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.ArrayList;
import java.util.List;

/** LFM2: gated short convolutions, and attention in some layers. */
public final class Lfm2Family implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.norm", "model.layers.*.operator_norm")
          .with("layers.*.attn.o", "model.layers.*.self_attn.out_proj")
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_layernorm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_layernorm")
          .with("layers.*.conv.norm", "model.layers.*.operator_norm")
          .with("layers.*.conv.in", "model.layers.*.conv.in_proj")
          .with("layers.*.conv.conv", "model.layers.*.conv.conv")
          .with("layers.*.conv.out", "model.layers.*.conv.out_proj")
          .with("layers.*.mlp.norm", "model.layers.*.ffn_norm")
          .with("layers.*.mlp.gate", "model.layers.*.feed_forward.w1")
          .with("layers.*.mlp.up", "model.layers.*.feed_forward.w3")
          .with("layers.*.mlp.down", "model.layers.*.feed_forward.w2")
          .with("layers.*.mlp.router", "model.layers.*.feed_forward.gate")
          .with("layers.*.mlp.selection", "model.layers.*.feed_forward")
          .with("layers.*.mlp.experts.*.gate", "model.layers.*.feed_forward.experts.*.w1")
          .with("layers.*.mlp.experts.*.up", "model.layers.*.feed_forward.experts.*.w3")
          .with("layers.*.mlp.experts.*.down", "model.layers.*.feed_forward.experts.*.w2")
          .with("norm", "model.embedding_norm");

  /** For the service loader. */
  public Lfm2Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("lfm2", "lfm2_moe");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(8, 0, 128_000));
    Norm norm = Norm.rms(c.numberAbove("norm_eps", 0, 1e-5));
    RopeParameters rope =
        RopeParameters.parse(c, RopeParameters.Keys.USUAL.withTheta(1_000_000), shape);
    AttentionSpec attention = new AttentionSpec(shape, rope).withQkNorm(new QkNorm(norm));
    int taps = LayerTypes.taps(c, "conv_L_cache", 3);
    boolean biased = c.bool("conv_bias", false);
    boolean sparse = c.string("model_type").equals("lfm2_moe");
    int width = sparse ? c.positiveInt("intermediate_size", 7168) : mlpWidth(c);
    Branch mlp = new MlpBranch(MlpSpec.gated(width, Activation.SILU, false));
    Branch experts = sparse ? new MoeBranch(experts(c)) : mlp;
    int dense = sparse ? c.integer("num_dense_layers", 0, 2) : shape.numLayers();
    List<Integer> attending = c.integers("full_attn_idxs");
    List<String> types =
        LayerTypes.parse(
            c,
            "layer_types",
            shape.numLayers(),
            List.of("conv", LayerTypes.FULL),
            i -> attending.isEmpty() || attending.contains(i) ? LayerTypes.FULL : "conv");
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      boolean convolves = types.get(i).equals("conv");
      Branch mixer =
          convolves
              ? new ShortConvolution(i, shape.hiddenSize(), taps, biased)
              : new AttentionBranch(i, attention);
      blocks.add(Block.of(i, convolves ? "conv" : "attn", mixer));
      blocks.add(Block.of(i, "mlp", i < dense ? mlp : experts));
    }
    HeadSpec head = new HeadSpec(c.bool("tie_word_embeddings", c.bool("tie_embedding", true)));
    return new HybridDecoder(shape, norm, blocks, NAMES, head);
  }

  private static MoeSpec experts(ModelConfig c) throws ModelException {
    int experts = c.positiveInt("num_experts", 32);
    return new MoeSpec(
            experts,
            MlpSpec.gated(c.positiveInt("moe_intermediate_size", 1792), Activation.SILU, false),
            MoeSpec.chosen(c, "num_experts_per_tok", 4, experts),
            RouteScore.SIGMOID,
            c.bool("norm_topk_prob", true))
        .withGroups(c, 1, 1, 1, c.bool("use_expert_bias", true), GroupScore.MAX)
        .withBiasName("expert_bias");
  }

  /** The width the network has: two thirds of the one named, scaled and rounded up, if asked. */
  private static int mlpWidth(ModelConfig c) throws ModelException {
    int named = c.positiveInt("intermediate_size", c.positiveInt("block_ff_dim", 12_288));
    if (!c.bool("block_auto_adjust_ff_dim", true)) {
      return named;
    }
    int multiple = c.positiveInt("block_multiple_of", 256);
    int width = 2 * named / 3;
    if (c.has("block_ffn_dim_multiplier")) {
      width = (int) (c.numberAbove("block_ffn_dim_multiplier", 0, 1) * width);
    }
    return (width + multiple - 1) / multiple * multiple;
  }
}
