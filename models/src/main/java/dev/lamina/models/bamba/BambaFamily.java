package dev.lamina.models.bamba;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
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
import dev.lamina.models.hybrid.Mamba2Mixer;
import dev.lamina.models.hybrid.MlpBranch;
import java.util.ArrayList;
import java.util.List;

/** Bamba: Mamba 2 in most layers, attention in some, a network behind each. */
public final class BambaFamily implements ModelFamily {
  static final WeightNames NAMES =
      Mamba2Mixer.named(WeightNames.LLAMA, "layers.*.mamba", "model.layers.*.mamba")
          .with("layers.*.mamba.norm", "model.layers.*.input_layernorm")
          .with("layers.*.mlp.norm", "model.layers.*.pre_ff_layernorm")
          .with("layers.*.mlp.gate", "model.layers.*.feed_forward.gate_proj")
          .with("layers.*.mlp.up", "model.layers.*.feed_forward.up_proj")
          .with("layers.*.mlp.down", "model.layers.*.feed_forward.down_proj")
          .with("norm", "model.final_layernorm");

  /** For the service loader. */
  public BambaFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("bamba");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(8, 0, 262_144));
    boolean bias = c.bool("attention_bias", false);
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-5));
    AttentionSpec attention =
        new AttentionSpec(shape, RopeParameters.parse(c, Keys.USUAL.withPartial(0.5), shape))
            .withBias(bias, bias);
    int inner = c.positiveInt("mamba_expand", 2) * shape.hiddenSize();
    Mamba2Mixer.Sizes sizes = Mamba2Mixer.Sizes.ofBamba(c, inner);
    Mamba2Mixer.Options options = Mamba2Mixer.Options.ofBamba(c, norm.eps());
    Branch network =
        new MlpBranch(
            MlpSpec.gated(
                c.positiveInt("intermediate_size", 14_336),
                Activation.parse(c, "hidden_act", "silu"),
                c.bool("mlp_bias", false)));
    List<Integer> attending = c.integers("attn_layer_indices");
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      blocks.add(
          attending.contains(i)
              ? Block.of(i, "attn", new AttentionBranch(i, attention))
              : Block.of(i, "mamba", new Mamba2Mixer(i, sizes, options)));
      blocks.add(Block.of(i, "mlp", network));
    }
    HeadSpec head = new HeadSpec(c.bool("tie_word_embeddings", false));
    return new HybridDecoder(shape, norm, blocks, NAMES, head);
  }
}
