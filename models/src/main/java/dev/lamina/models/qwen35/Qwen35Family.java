package dev.lamina.models.qwen35;

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
import dev.lamina.models.hybrid.GatedDeltaNet;
import dev.lamina.models.hybrid.HybridDecoder;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.LayerTypes;
import dev.lamina.models.hybrid.MlpBranch;
import dev.lamina.models.hybrid.MoeBranch;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.ArrayList;
import java.util.List;

/**
 * Qwen3-Next and Qwen 3.5, text: the gated delta rule, and gated attention in every fourth layer;
 * the former has experts, and projects by key head.
 */
public final class Qwen35Family implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA_MOE
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_norm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_norm")
          .with("layers.*.linear.norm", "model.layers.*.input_layernorm")
          .with("layers.*.linear", "model.layers.*.linear_attn")
          .with("layers.*.linear.qkv", "model.layers.*.linear_attn.in_proj_qkv")
          .with("layers.*.linear.qkvz", "model.layers.*.linear_attn.in_proj_qkvz")
          .with("layers.*.linear.ba", "model.layers.*.linear_attn.in_proj_ba")
          .with("layers.*.mlp.shared.gate", "model.layers.*.mlp.shared_expert.gate_proj")
          .with("layers.*.mlp.shared.up", "model.layers.*.mlp.shared_expert.up_proj")
          .with("layers.*.mlp.shared.down", "model.layers.*.mlp.shared_expert.down_proj")
          .with("layers.*.mlp.sharedGate", "model.layers.*.mlp.shared_expert_gate")
          .with("layers.*.linear.z", "model.layers.*.linear_attn.in_proj_z")
          .with("layers.*.linear.b", "model.layers.*.linear_attn.in_proj_b")
          .with("layers.*.linear.a", "model.layers.*.linear_attn.in_proj_a")
          .with("layers.*.linear.conv", "model.layers.*.linear_attn.conv1d")
          .with("layers.*.linear.outNorm", "model.layers.*.linear_attn.norm")
          .with("layers.*.linear.out", "model.layers.*.linear_attn.out_proj");

  /** What a configuration may leave out of linear attention. */
  private static final GatedDeltaNet.Heads LINEAR = new GatedDeltaNet.Heads(16, 32, 128, 128);

  /** For the service loader. */
  public Qwen35Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("qwen3_5_moe_text", "qwen3_5_text", "qwen3_next");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    String type = c.string("model_type");
    boolean next = type.equals("qwen3_next");
    boolean sparse = !type.equals("qwen3_5_text");
    DecoderShape shape =
        DecoderShape.parse(c, new DecoderShape.Defaults(sparse ? 2 : 4, 256, 32_768));
    double eps = c.numberAbove("rms_norm_eps", 0, 1e-6);
    Norm norm = new Norm(Norm.Kind.RMS_PLUS_ONE, eps);
    boolean bias = c.bool("attention_bias", false);
    RopeParameters rope =
        RopeParameters.parse(c, RopeParameters.Keys.USUAL.withPartial(0.25), shape);
    AttentionSpec attention =
        new AttentionSpec(shape, rope)
            .withBias(bias, bias)
            .withQkNorm(new QkNorm(norm))
            .withGate(AttentionSpec.OutputGate.WITH_QUERY);
    GatedDeltaNet.Heads heads = GatedDeltaNet.Heads.parse(c, LINEAR);
    int taps = LayerTypes.taps(c, "linear_conv_kernel_dim", 4);
    GatedDeltaNet.Projections projections =
        next ? GatedDeltaNet.Projections.BY_KEY_HEAD : GatedDeltaNet.Projections.SEPARATE;
    Activation activation = Activation.parse(c, "hidden_act", "silu");
    int width =
        sparse ? c.positiveInt("intermediate_size", 5632) : c.positiveInt("intermediate_size");
    Branch mlp = new MlpBranch(MlpSpec.gated(width, activation, false));
    Branch experts = sparse ? new MoeBranch(experts(c, next, activation)) : mlp;
    int step = next ? c.positiveInt("decoder_sparse_step", 1) : 1;
    List<Integer> dense = next ? c.integers("mlp_only_layers") : List.of();
    int every = c.positiveInt("full_attention_interval", 4);
    List<String> types =
        LayerTypes.parse(
            c,
            "layer_types",
            shape.numLayers(),
            List.of(LayerTypes.LINEAR, LayerTypes.FULL),
            i -> (i + 1) % every == 0 ? LayerTypes.FULL : LayerTypes.LINEAR);
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      blocks.add(
          types.get(i).equals(LayerTypes.FULL)
              ? Block.of(i, "attn", new AttentionBranch(i, attention))
              : Block.of(
                  i, "linear", new GatedDeltaNet(i, heads, taps, Norm.rms(eps), projections, 1)));
      boolean chooses = !dense.contains(i) && (i + 1) % step == 0;
      blocks.add(Block.of(i, "mlp", chooses ? experts : mlp));
    }
    HeadSpec head = new HeadSpec(c.bool("tie_word_embeddings", false));
    return new HybridDecoder(shape, norm, blocks, NAMES, head);
  }

  private static MoeSpec experts(ModelConfig c, boolean next, Activation activation)
      throws ModelException {
    int width = c.positiveInt("moe_intermediate_size", 512);
    int shared = c.positiveInt("shared_expert_intermediate_size", 512);
    int experts = c.positiveInt("num_experts", next ? 512 : 256);
    MoeSpec spec =
        new MoeSpec(
            experts,
            MlpSpec.gated(width, activation, false),
            MoeSpec.chosen(c, "num_experts_per_tok", next ? 10 : 8, experts),
            RouteScore.SOFTMAX,
            !next || c.bool("norm_topk_prob", true));
    return spec.withShared(MlpSpec.gated(shared, activation, false), true);
  }
}
