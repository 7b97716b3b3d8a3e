package dev.lamina.models.longcat;

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
import dev.lamina.models.hybrid.HybridDecoder.Joint;
import dev.lamina.models.hybrid.LatentBranch;
import dev.lamina.models.hybrid.MlpBranch;
import dev.lamina.models.hybrid.MoeBranch;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.ArrayList;
import java.util.List;

/**
 * LongCat Flash: a layer attends twice, over latents that are scaled, and has two networks;
 * experts, some of which give their input as it is, read what the first network reads and join at
 * the layer's end.
 */
public final class LongcatFlashFamily implements ModelFamily {
  private static final DecoderShape.Keys KEYS =
      new DecoderShape.Keys(
          "hidden_size", "num_layers", "num_attention_heads", "max_position_embeddings");

  private static final WeightNames NAMES =
      half(half(WeightNames.LLAMA, 0), 1)
          .with("layers.*.moe.router", "model.layers.*.mlp.router.classifier")
          .with("layers.*.moe.selection", "model.layers.*.mlp.router")
          .with("layers.*.moe.experts.*.gate", "model.layers.*.mlp.experts.*.gate_proj")
          .with("layers.*.moe.experts.*.up", "model.layers.*.mlp.experts.*.up_proj")
          .with("layers.*.moe.experts.*.down", "model.layers.*.mlp.experts.*.down_proj");

  private static WeightNames half(WeightNames names, int half) {
    String stored = "model.layers.*.%s." + half;
    String mlp = "layers.*.mlp" + half;
    String attention = "layers.*.attn" + half;
    return MlaSpec.named(names, attention, stored.formatted("self_attn"))
        .with(attention + ".norm", stored.formatted("input_layernorm"))
        .with(mlp + ".norm", stored.formatted("post_attention_layernorm"))
        .with(mlp + ".gate", stored.formatted("mlps") + ".gate_proj")
        .with(mlp + ".up", stored.formatted("mlps") + ".up_proj")
        .with(mlp + ".down", stored.formatted("mlps") + ".down_proj");
  }

  /** For the service loader. */
  public LongcatFlashFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("longcat_flash");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    int turns = c.positiveInt("qk_rope_head_dim", 64);
    if (turns % 2 != 0) {
      throw c.refuse("qk_rope_head_dim", "an even number");
    }
    int layers = c.positiveInt("num_layers");
    DecoderShape sizes =
        DecoderShape.parse(c, KEYS, 2 * layers, new DecoderShape.Defaults(0, turns, 131_072));
    DecoderShape shape = sizes.withHeads(sizes.numKvHeads(), turns);
    MlaSpec plain = MlaSpec.parse(c, shape, new MlaSpec.Defaults(1536, 512, 128, 128, 10_000_000));
    if (plain.queryRank() == 0) {
      throw c.refuse("q_lora_rank", "a width, by which queries are scaled");
    }
    double hidden = shape.hiddenSize();
    MlaSpec latent =
        plain.withFactors(Math.sqrt(hidden / plain.queryRank()), Math.sqrt(hidden / plain.rank()));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5));
    Activation activation = Activation.parse(c, "hidden_act", "silu");
    Branch network =
        new MlpBranch(MlpSpec.gated(c.positiveInt("ffn_hidden_size", 12_288), activation, false));
    Branch experts = new MoeBranch(experts(c, activation));
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      String layer = "layers." + i;
      blocks.add(Block.of(i, "attn0", new LatentBranch(2 * i, latent)));
      blocks.add(
          new Block(layer + ".mlp0.norm", layer + ".moe", experts).withJoint(Joint.after(3)));
      blocks.add(Block.of(i, "mlp0", network));
      blocks.add(Block.of(i, "attn1", new LatentBranch(2 * i + 1, latent)));
      blocks.add(Block.of(i, "mlp1", network));
    }
    HeadSpec head = new HeadSpec(c.bool("tie_word_embeddings", false));
    return new HybridDecoder(shape, norm, blocks, NAMES, head);
  }

  private static MoeSpec experts(ModelConfig c, Activation activation) throws ModelException {
    c.only("router_bias", false);
    int experts = c.positiveInt("n_routed_experts", 512);
    int identities = c.integer("zero_expert_num", 0, 256);
    MlpSpec expert =
        MlpSpec.gated(c.positiveInt("expert_ffn_hidden_size", 2048), activation, false);
    int chosen = MoeSpec.chosen(c, "moe_topk", 12, experts);
    return new MoeSpec(experts, expert, chosen, RouteScore.SOFTMAX, false)
        .withBiasedGroups(c, 1, 1, 6)
        .withIdentities(identities);
  }
}
