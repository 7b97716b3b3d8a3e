package dev.lamina.models.jamba;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.MoeSpec;
import dev.lamina.models.Norm;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.AttentionBranch;
import dev.lamina.models.hybrid.Branch;
import dev.lamina.models.hybrid.HybridDecoder;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.LayerTypes;
import dev.lamina.models.hybrid.MambaMixer;
import dev.lamina.models.hybrid.MlpBranch;
import dev.lamina.models.hybrid.MoeBranch;
import dev.lamina.spi.ir.CompositeOp.RouteScore;
import java.util.ArrayList;
import java.util.List;

/**
 * Jamba: Mamba with normed steps, B and C; one layer of several attends, without positions; one of
 * several has experts.
 */
public final class JambaFamily implements ModelFamily {
  private static final WeightNames NAMES =
      MambaMixer.named(WeightNames.LLAMA, "layers.*.mamba", "model.layers.*.mamba")
          .with("layers.*.mamba.norm", "model.layers.*.input_layernorm")
          .with("layers.*.mamba.dtNorm", "model.layers.*.mamba.dt_layernorm")
          .with("layers.*.mamba.bNorm", "model.layers.*.mamba.b_layernorm")
          .with("layers.*.mamba.cNorm", "model.layers.*.mamba.c_layernorm")
          .with("layers.*.mlp.norm", "model.layers.*.pre_ff_layernorm")
          .with("layers.*.mlp.gate", "model.layers.*.feed_forward.gate_proj")
          .with("layers.*.mlp.up", "model.layers.*.feed_forward.up_proj")
          .with("layers.*.mlp.down", "model.layers.*.feed_forward.down_proj")
          .with("layers.*.mlp.router", "model.layers.*.feed_forward.router")
          .with("layers.*.mlp.experts.*.gate", "model.layers.*.feed_forward.experts.*.gate_proj")
          .with("layers.*.mlp.experts.*.up", "model.layers.*.feed_forward.experts.*.up_proj")
          .with("layers.*.mlp.experts.*.down", "model.layers.*.feed_forward.experts.*.down_proj")
          .with("norm", "model.final_layernorm");

  /** For the service loader. */
  public JambaFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("jamba");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(8, 0, 262_144));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6));
    Activation activation = MambaMixer.activation(c);
    MlpSpec network = MlpSpec.gated(c.positiveInt("intermediate_size", 14_336), activation, false);
    int experts = c.positiveInt("num_experts", 16);
    Branch dense = new MlpBranch(network);
    Branch sparse =
        experts == 1
            ? dense
            : new MoeBranch(
                new MoeSpec(
                    experts,
                    network,
                    MoeSpec.chosen(c, "num_experts_per_tok", 2, experts),
                    RouteScore.SOFTMAX,
                    false));
    int attendEvery = c.positiveInt("attn_layer_period", 8);
    int attendFirst = offset(c, "attn_layer_offset", 4, attendEvery);
    int expertEvery = c.positiveInt("expert_layer_period", 2);
    int expertFirst = offset(c, "expert_layer_offset", 1, expertEvery);
    AttentionSpec attention = new AttentionSpec(shape, null);
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      blocks.add(
          i % attendEvery == attendFirst
              ? Block.of(i, "attn", new AttentionBranch(i, attention))
              : Block.of(i, "mamba", mixer(c, i, shape.hiddenSize(), norm)));
      blocks.add(Block.of(i, "mlp", i % expertEvery == expertFirst ? sparse : dense));
    }
    HeadSpec head = new HeadSpec(c.bool("tie_word_embeddings", false));
    return new HybridDecoder(shape, norm, blocks, NAMES, head);
  }

  private static int offset(ModelConfig c, String key, int absent, int period)
      throws ModelException {
    int offset = c.integer(key, 0, absent);
    if (offset >= period) {
      throw c.refuse(key, "less than the period, " + period);
    }
    return offset;
  }

  private static MambaMixer mixer(ModelConfig c, int layer, int hidden, Norm norm)
      throws ModelException {
    return new MambaMixer(
        layer,
        c.positiveInt("mamba_expand", 2) * hidden,
        c.positiveInt("mamba_d_state", 16),
        MambaMixer.rank(c, "mamba_dt_rank", hidden),
        LayerTypes.taps(c, "mamba_d_conv", 4),
        c.bool("mamba_proj_bias", false),
        c.bool("mamba_conv_bias", true),
        norm);
  }
}
