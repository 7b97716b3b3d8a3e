package dev.lamina.models.granite;

import dev.lamina.models.AttentionSpec;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.AttentionBranch;
import dev.lamina.models.hybrid.Branch;
import dev.lamina.models.hybrid.HybridDecoder;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.HybridDecoder.Joint;
import dev.lamina.models.hybrid.LayerTypes;
import dev.lamina.models.hybrid.Mamba2Mixer;
import dev.lamina.models.hybrid.MlpBranch;
import dev.lamina.models.hybrid.MoeBranch;
import java.util.ArrayList;
import java.util.List;

/** Granite 4: Mamba 2 in most layers, attention in some, experts or a network behind each. */
public final class GraniteHybridFamily implements ModelFamily {
  private static final WeightNames NAMES =
      Mamba2Mixer.named(GraniteParts.NAMES, "layers.*.mamba", "model.layers.*.mamba")
          .with("layers.*.mamba.norm", "model.layers.*.input_layernorm")
          .with("layers.*.mlp.gateUp", "model.layers.*.shared_mlp.input_linear")
          .with("layers.*.mlp.down", "model.layers.*.shared_mlp.output_linear");

  /** For the service loader. */
  public GraniteHybridFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("granitemoehybrid");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    boolean bias = c.bool("attention_bias", false);
    boolean turned = c.string("position_embedding_type", "nope").equals("rope");
    AttentionSpec attention =
        new AttentionSpec(shape, turned ? RopeParameters.parse(c, shape) : null)
            .withBias(bias, bias)
            .withScale(c.numberAbove("attention_multiplier", 0, 1));
    Norm norm = Norm.rms(c.numberAbove("rms_norm_eps", 0, 1e-6));
    Mamba2Mixer.Sizes sizes =
        Mamba2Mixer.Sizes.ofBamba(c, c.positiveInt("mamba_expand", 2) * shape.hiddenSize());
    Mamba2Mixer.Options options = Mamba2Mixer.Options.ofBamba(c, norm.eps());
    int shared = c.positiveInt("shared_intermediate_size", 1024);
    int experts = c.integer("num_local_experts", 0, 8);
    Branch network =
        experts == 0
            ? new MlpBranch(GraniteParts.network(c, shared))
            : new MoeBranch(GraniteParts.experts(c, experts, shared));
    List<String> types = LayerTypes.mambaOrAttention(c, shape.numLayers());
    Joint joint = Joint.scaled(c.numberAbove("residual_multiplier", 0, 1));
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      Block mixer =
          types.get(i).equals(LayerTypes.FULL)
              ? Block.of(i, "attn", new AttentionBranch(i, attention))
              : Block.of(i, "mamba", new Mamba2Mixer(i, sizes, options));
      blocks.add(mixer.withJoint(joint));
      blocks.add(Block.of(i, "mlp", network).withJoint(joint));
    }
    return new HybridDecoder(shape, norm, blocks, NAMES, GraniteParts.head(c))
        .withEmbeddingScale(c.numberAbove("embedding_multiplier", 0, 1));
  }
}
