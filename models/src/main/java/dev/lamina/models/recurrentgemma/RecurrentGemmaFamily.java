package dev.lamina.models.recurrentgemma;

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
import dev.lamina.models.hybrid.HybridDecoder;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.MlpBranch;
import java.util.ArrayList;
import java.util.List;

/** RecurrentGemma: two recurrent blocks for each that attends, within a window. */
public final class RecurrentGemmaFamily implements ModelFamily {
  private static final WeightNames NAMES =
      WeightNames.LLAMA
          .with("layers.*.attn.norm", "model.layers.*.temporal_pre_norm")
          .with("layers.*.attn.q", "model.layers.*.temporal_block.q_proj")
          .with("layers.*.attn.k", "model.layers.*.temporal_block.k_proj")
          .with("layers.*.attn.v", "model.layers.*.temporal_block.v_proj")
          .with("layers.*.attn.o", "model.layers.*.temporal_block.o_proj")
          .with("layers.*.recurrent.norm", "model.layers.*.temporal_pre_norm")
          .with("layers.*.recurrent.x", "model.layers.*.temporal_block.linear_x")
          .with("layers.*.recurrent.y", "model.layers.*.temporal_block.linear_y")
          .with("layers.*.recurrent.conv", "model.layers.*.temporal_block.conv_1d")
          .with("layers.*.recurrent.unit", "model.layers.*.temporal_block.rg_lru")
          .with("layers.*.recurrent.out", "model.layers.*.temporal_block.linear_out")
          .with("layers.*.mlp.norm", "model.layers.*.channel_pre_norm")
          .with("layers.*.mlp.gate", "model.layers.*.mlp_block.gate_proj")
          .with("layers.*.mlp.up", "model.layers.*.mlp_block.up_proj")
          .with("layers.*.mlp.down", "model.layers.*.mlp_block.down_proj")
          .with("norm", "model.final_norm");

  private static final List<String> PATTERN = List.of("recurrent", "recurrent", "attention");

  /** For the service loader. */
  public RecurrentGemmaFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("recurrent_gemma");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 8192));
    Norm norm = new Norm(Norm.Kind.RMS_PLUS_ONE, c.numberAbove("rms_norm_eps", 0, 1e-6));
    Activation activation = Activation.parse(c, "hidden_activation", "gelu_pytorch_tanh");
    RopeParameters rope = RopeParameters.parse(c, Keys.USUAL.withPartial(0.5), shape);
    AttentionSpec attention =
        new AttentionSpec(shape, rope)
            .withBias(c.bool("attention_bias", false), true)
            .withWindow(c.positiveInt("attention_window_size", 2048));
    int width = c.positiveInt("lru_width", shape.hiddenSize());
    if (width % shape.numHeads() != 0) {
      throw c.refuse("lru_width", "a multiple of num_attention_heads, " + shape.numHeads());
    }
    int both = c.positiveInt("intermediate_size", 7680);
    if (both < 2) {
      throw c.refuse("intermediate_size", "at least 2, of which each matrix has half");
    }
    MlpBranch network = new MlpBranch(MlpSpec.gated(both / 2, activation, true));
    int taps = c.integer("conv1d_width", 2, 4);
    List<String> given = c.strings("block_types");
    List<String> pattern = given == null ? PATTERN : given;
    if (pattern.isEmpty() || !PATTERN.containsAll(pattern)) {
      throw c.refuse("block_types", "recurrent and attention, at least one of them");
    }
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < shape.numLayers(); i++) {
      blocks.add(
          pattern.get(i % pattern.size()).equals("attention")
              ? Block.of(i, "attn", new AttentionBranch(i, attention))
              : Block.of(
                  i,
                  "recurrent",
                  new GatedLinearRecurrence(i, width, shape.numHeads(), taps, activation)));
      blocks.add(Block.of(i, "mlp", network));
    }
    HeadSpec head =
        new HeadSpec(c.bool("tie_word_embeddings", true))
            .withSoftcap(c.numberOrNull("logits_soft_cap", 30));
    return new HybridDecoder(shape, norm, blocks, NAMES, head)
        .withEmbeddingScale(rounded(Math.sqrt(shape.hiddenSize())));
  }

  /** The makers keep the factor in BF16, whatever the weights are in. */
  private static double rounded(double x) {
    int bits = Float.floatToRawIntBits((float) x);
    int up = bits + 0x7fff + (bits >>> 16 & 1);
    return Float.intBitsToFloat(up & 0xffff0000);
  }
}
