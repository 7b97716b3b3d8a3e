package dev.lamina.models.olmohybrid;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.QkNorm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.AttentionBranch;
import dev.lamina.models.hybrid.GatedDeltaNet;
import dev.lamina.models.hybrid.HybridDecoder;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.LayerTypes;
import dev.lamina.models.hybrid.MlpBranch;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * OLMo Hybrid: layers that scan norm what their branches read, layers that attend what their
 * branches give.
 */
public final class OlmoHybridFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.qNorm", "model.layers.*.self_attn.q_norm")
          .with("layers.*.attn.kNorm", "model.layers.*.self_attn.k_norm")
          .with("layers.*.attn.postNorm", "model.layers.*.post_attention_layernorm")
          .withOther("layers.*.attn.postNorm", "model.layers.*.feedforward_layer_norm")
          .with("layers.*.mlp.postNorm", "model.layers.*.post_feedforward_layernorm")
          .with("layers.*.mlp.norm", "model.layers.*.feedforward_layer_norm")
          .withOther("layers.*.mlp.norm", "model.layers.*.post_attention_layernorm")
          .with("layers.*.linear.norm", "model.layers.*.attention_layer_norm")
          .withOther("layers.*.linear.norm", "model.layers.*.input_layernorm")
          .with("layers.*.linear", "model.layers.*.linear_attn")
          .with("layers.*.linear.q", "model.layers.*.linear_attn.q_proj")
          .with("layers.*.linear.k", "model.layers.*.linear_attn.k_proj")
          .with("layers.*.linear.v", "model.layers.*.linear_attn.v_proj")
          .with("layers.*.linear.z", "model.layers.*.linear_attn.g_proj")
          .with("layers.*.linear.b", "model.layers.*.linear_attn.b_proj")
          .with("layers.*.linear.a", "model.layers.*.linear_attn.a_proj")
          .with("layers.*.linear.qConv", "model.layers.*.linear_attn.q_conv1d")
          .with("layers.*.linear.kConv", "model.layers.*.linear_attn.k_conv1d")
          .with("layers.*.linear.vConv", "model.layers.*.linear_attn.v_conv1d")
          .with("layers.*.linear.outNorm", "model.layers.*.linear_attn.o_norm")
          .with("layers.*.linear.out", "model.layers.*.linear_attn.o_proj");

  /** Of the heads that the rule gives, whatever the configuration says. */
  private static final Norm HEAD_NORM = Norm.rms(1e-5);

  /** For the service loader. */
  public OlmoHybridFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("olmo_hybrid");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 65_536));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6));
    boolean bias = c.bool("attention_bias", false);
    AttentionSpec attention =
        new AttentionSpec(shape, rope(c, shape))
            .withBias(bias, bias)
            .withQkNorm(new QkNorm(norm, QkNorm.Span.WIDTH, false));
    int heads = shape.numHeads();
    int keyHeads = c.positiveInt("linear_num_key_heads", heads);
    GatedDeltaNet.Heads linear =
        GatedDeltaNet.Heads.parse(
            c,
            new GatedDeltaNet.Heads(
                heads, heads, Math.max(1, (int) (0.75 * shape.hiddenSize() / keyHeads)), 0));
    int taps = LayerTypes.taps(c, "linear_conv_kernel_dim", 4);
    double strength = c.bool("linear_allow_neg_eigval", true) ? 2 : 1;
    MlpBranch network =
        new MlpBranch(
            MlpSpec.gated(
                c.positiveInt("intermediate_size", 11_008),
                Activation.parse(c, "hidden_act", "silu"),
                false));
    int last = shape.numLayers() - 1;
    List<String> types =
        LayerTypes.parse(
            c,
            "layer_types",
            shape.numLayers(),
            List.of(LayerTypes.LINEAR, LayerTypes.FULL),
            i -> i % 4 == 3 || i == last && last < 3 ? LayerTypes.FULL : LayerTypes.LINEAR);
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      if (types.get(i).equals(LayerTypes.FULL)) {
        blocks.add(Block.normedBehind(i, "attn", new AttentionBranch(i, attention)));
        blocks.add(Block.normedBehind(i, "mlp", network));
      } else {
        GatedDeltaNet rule =
            new GatedDeltaNet(
                i, linear, taps, HEAD_NORM, GatedDeltaNet.Projections.ONE_EACH, strength);
        blocks.add(Block.of(i, "linear", rule));
        blocks.add(Block.of(i, "mlp", network));
      }
    }
    HeadSpec head = new HeadSpec(c.bool("tie_word_embeddings", false));
    return new HybridDecoder(shape, norm, blocks, NAMES, head);
  }

  /** A base of null, as the released ones have it, means no positions. */
  private static @Nullable RopeParameters rope(ModelConfig c, DecoderShape shape)
      throws ModelException {
    ModelConfig keys = c.object("rope_parameters");
    boolean none = keys == null ? c.names("rope_parameters") : !keys.has("rope_theta");
    return none ? null : RopeParameters.parse(c, shape);
  }
}
