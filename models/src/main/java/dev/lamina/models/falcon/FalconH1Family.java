package dev.lamina.models.falcon;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.AttentionBranch;
import dev.lamina.models.hybrid.HybridDecoder;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.Mamba2Mixer;
import dev.lamina.models.hybrid.MlpBranch;
import dev.lamina.models.hybrid.ParallelBranch;
import dev.lamina.models.hybrid.ParallelBranch.Part;
import java.util.ArrayList;
import java.util.List;

/** Falcon H1: Mamba 2 and attention side by side in each layer, factors on every part. */
public final class FalconH1Family implements ModelFamily {
  private static final WeightNames NAMES =
      Mamba2Mixer.named(WeightNames.LLAMA, "layers.*.mixer.mamba", "model.layers.*.mamba")
          .with("layers.*.mixer.norm", "model.layers.*.input_layernorm")
          .with("layers.*.mixer.attn.q", "model.layers.*.self_attn.q_proj")
          .with("layers.*.mixer.attn.k", "model.layers.*.self_attn.k_proj")
          .with("layers.*.mixer.attn.v", "model.layers.*.self_attn.v_proj")
          .with("layers.*.mixer.attn.o", "model.layers.*.self_attn.o_proj")
          .with("layers.*.mlp.norm", "model.layers.*.pre_ff_layernorm")
          .with("layers.*.mlp.gate", "model.layers.*.feed_forward.gate_proj")
          .with("layers.*.mlp.up", "model.layers.*.feed_forward.up_proj")
          .with("layers.*.mlp.down", "model.layers.*.feed_forward.down_proj")
          .with("norm", "model.final_layernorm");

  /** For the service loader. */
  public FalconH1Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("falcon_h1");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(8, 0, 8192));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5));
    boolean bias = c.bool("attention_bias", false);
    // A factor on keys is one on their products.
    double keys = factor(c, "key_multiplier");
    AttentionSpec attention =
        new AttentionSpec(shape, RopeParameters.parse(c, shape))
            .withBias(bias, bias)
            .withScale(keys / Math.sqrt(shape.headDim()));
    boolean expands = c.names("mamba_d_ssm") && !c.has("mamba_d_ssm");
    int inner =
        expands
            ? c.positiveInt("mamba_expand", 2) * shape.hiddenSize()
            : c.positiveInt("mamba_d_ssm", 1024);
    Mamba2Mixer.Sizes sizes = Mamba2Mixer.Sizes.ofBamba(c, inner);
    Mamba2Mixer.Options options = options(c, sizes, norm.eps());
    List<Double> mlp = c.numbers("mlp_multipliers", 2, 1);
    MlpSpec network =
        MlpSpec.gated(
                c.positiveInt("intermediate_size", 14_336),
                Activation.parse(c, "hidden_act", "silu"),
                c.bool("mlp_bias", false))
            .withScales(mlp.get(0), mlp.get(1));
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      Part scan =
          new Part(
              "mamba",
              new Mamba2Mixer(i, sizes, options),
              inner,
              factor(c, "ssm_in_multiplier"),
              factor(c, "ssm_out_multiplier"));
      Part look =
          new Part(
              "attn",
              new AttentionBranch(i, attention),
              shape.queryWidth(),
              factor(c, "attention_in_multiplier"),
              factor(c, "attention_out_multiplier"));
      blocks.add(Block.of(i, "mixer", new ParallelBranch(List.of(scan, look))));
      blocks.add(Block.of(i, "mlp", new MlpBranch(network)));
    }
    HeadSpec head =
        new HeadSpec(c.bool("tie_word_embeddings", false))
            .withScale(factor(c, "lm_head_multiplier"));
    return new HybridDecoder(shape, norm, blocks, NAMES, head)
        .withEmbeddingScale(factor(c, "embedding_multiplier"));
  }

  private static double factor(ModelConfig c, String key) throws ModelException {
    return c.numberAbove(key, 0, 1);
  }

  private static Mamba2Mixer.Options options(ModelConfig c, Mamba2Mixer.Sizes sizes, double eps)
      throws ModelException {
    double[] steps = c.limits("time_step_limit", 0, Double.POSITIVE_INFINITY);
    return new Mamba2Mixer.Options(
        c.bool("mamba_proj_bias", false),
        c.bool("projectors_bias", false),
        c.bool("mamba_conv_bias", true),
        c.bool("mamba_rms_norm", false) ? sizes.groups() : 0,
        c.bool("mamba_norm_before_gate", true),
        eps,
        steps[0],
        steps[1],
        c.numbers("ssm_multipliers", 5, 1));
  }
}
