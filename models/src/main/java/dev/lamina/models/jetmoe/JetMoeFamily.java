package dev.lamina.models.jetmoe;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.HybridDecoder;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.MoeBranch;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.ArrayList;
import java.util.List;

/** JetMoE: both branches of a layer are mixtures. */
public final class JetMoeFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn", "model.layers.*.self_attention.experts")
          .with("layers.*.attn.router", "model.layers.*.self_attention.experts.router.layer")
          .with("layers.*.attn.in", "model.layers.*.self_attention.experts.input_linear")
          .with("layers.*.attn.out", "model.layers.*.self_attention.experts.output_linear")
          .with("layers.*.attn.kv", "model.layers.*.self_attention.kv_proj")
          .with("layers.*.mlp", "model.layers.*.mlp")
          .with("layers.*.mlp.router", "model.layers.*.mlp.router.layer")
          .with("layers.*.mlp.experts.gateUp", "model.layers.*.mlp.input_linear")
          .with("layers.*.mlp.experts.down", "model.layers.*.mlp.output_linear");

  /** Of the norms in front of branches, whatever the configuration says. */
  private static final Norm BRANCH_NORM = Norm.rms(1e-6);

  /** For the service loader. */
  public JetMoeFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("jetmoe");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    int experts = c.positiveInt("num_local_experts", 8);
    int chosen = MoeSpec.chosen(c, "num_experts_per_tok", 2, experts);
    int kvHeads = c.positiveInt("num_key_value_heads", 16);
    long heads = (long) kvHeads * chosen;
    if (c.has("num_attention_heads")
        ? c.positiveInt("num_attention_heads") != heads
        : heads != (int) heads) {
      throw c.refuse(
          "num_attention_heads", "num_key_value_heads times num_experts_per_tok, " + heads);
    }
    DecoderShape shape =
        DecoderShape.parse(
            c.withAbsent("num_attention_heads", (int) heads),
            new DecoderShape.Defaults(kvHeads, c.positiveInt("kv_channels", 128), 4096));
    Activation activation = Activation.parse(c, "activation_function", "silu");
    MlpSpec expert = MlpSpec.gated(c.positiveInt("intermediate_size", 5632), activation, false);
    MoeSpec mixture =
        new MoeSpec(experts, expert.fused(), chosen, RouteScore.SOFTMAX, true).withSumBias();
    AttentionSpec attention = new AttentionSpec(shape, RopeParameters.parse(c, shape));
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      blocks.add(Block.of(i, "attn", new ExpertAttention(i, attention, mixture)));
      blocks.add(Block.of(i, "mlp", new MoeBranch(mixture)));
    }
    HeadSpec head = new HeadSpec(c.bool("tie_word_embeddings", true));
    return new HybridDecoder(shape, BRANCH_NORM, blocks, NAMES, head)
        .withLastNorm(Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6)));
  }
}
