package dev.lamina.models.minimax;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.RopeParameters.Keys;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.AttentionBranch;
import dev.lamina.models.hybrid.Branch;
import dev.lamina.models.hybrid.HybridDecoder;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.HybridDecoder.Joint;
import dev.lamina.models.hybrid.LayerTypes;
import dev.lamina.models.hybrid.MoeBranch;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.ArrayList;
import java.util.List;

/** MiniMax Text 01: what goes on behind a branch is the normed stream, with a factor. */
public final class MiniMaxFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA_MIXTRAL
          .with("layers.*.lightning.norm", "model.layers.*.input_layernorm")
          .with("layers.*.lightning.qkv", "model.layers.*.self_attn.qkv_proj")
          .with("layers.*.lightning.gate", "model.layers.*.self_attn.output_gate")
          .with("layers.*.lightning.outNorm", "model.layers.*.self_attn.norm")
          .with("layers.*.lightning.out", "model.layers.*.self_attn.out_proj");

  /** For the service loader. */
  public MiniMaxFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("minimax");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(8, 0, 131_072));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5));
    Keys keys = Keys.USUAL.withTheta(1_000_000);
    if (c.has("rotary_dim")) {
      keys = keys.withPartial(c.numberAbove("rotary_dim", 0) / shape.headDim());
    }
    int window = c.has("sliding_window") ? c.positiveInt("sliding_window") : 0;
    AttentionSpec attention =
        new AttentionSpec(shape, RopeParameters.parse(c, keys, shape)).withWindow(window);
    Activation activation = Activation.parse(c, "hidden_act", "silu");
    int experts = c.positiveInt("num_local_experts", 8);
    MoeSpec mixture =
        new MoeSpec(
            experts,
            MlpSpec.gated(c.positiveInt("intermediate_size", 14_336), activation, false),
            MoeSpec.chosen(c, "num_experts_per_tok", 2, experts),
            RouteScore.SOFTMAX,
            true);
    Joint lightning = joint(c, "linear_attn");
    Joint full = joint(c, "full_attn");
    Joint mlp = joint(c, "mlp");
    int layers = shape.numLayers();
    List<String> types =
        LayerTypes.parse(
            c,
            "layer_types",
            layers,
            List.of(LayerTypes.LINEAR, LayerTypes.FULL),
            i -> i % 2 == 0 ? LayerTypes.FULL : LayerTypes.LINEAR);
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      if (types.get(i).equals(LayerTypes.FULL)) {
        blocks.add(Block.of(i, "attn", new AttentionBranch(i, attention)).withJoint(full));
      } else {
        Branch branch =
            new LightningAttention(
                i, shape.numHeads(), shape.headDim(), slopes(shape, i), activation);
        blocks.add(Block.of(i, "lightning", branch).withJoint(lightning));
      }
      blocks.add(Block.of(i, "mlp", new MoeBranch(mixture)).withJoint(mlp));
    }
    HeadSpec head = new HeadSpec(c.bool("tie_word_embeddings", false));
    return new HybridDecoder(shape, norm, blocks, NAMES, head);
  }

  private static Joint joint(ModelConfig c, String part) throws ModelException {
    return new Joint(
        true,
        c.numberAbove(part + "_alpha_factor", 0, 1),
        c.numberAbove(part + "_beta_factor", 0, 1),
        0);
  }

  /** Those of ALiBi, less in later layers; the makers' small numbers are in float32. */
  private static List<Float> slopes(DecoderShape shape, int layer) {
    double share = 1 - layer / (shape.numLayers() - 1 + 1e-5) + 1e-5;
    List<Float> slopes = new ArrayList<>();
    for (int h = 1; h <= shape.numHeads(); h++) {
      slopes.add((float) (Math.pow(2, -8.0 * h / shape.numHeads()) * share));
    }
    return slopes;
  }
}
