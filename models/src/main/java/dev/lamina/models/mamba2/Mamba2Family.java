package dev.lamina.models.mamba2;

import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.HybridDecoder;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.LayerTypes;
import dev.lamina.models.hybrid.Mamba2Mixer;
import java.util.ArrayList;
import java.util.List;

/** Mamba 2: nothing but scans. */
public final class Mamba2Family implements ModelFamily {
  /** The state does not grow with the sequence; the engine wants some longest one. */
  static final int MAX_POSITIONS = 1 << 20;

  private static final WeightNames NAMES =
      Mamba2Mixer.named(WeightNames.LLAMA, "layers.*.mixer", "backbone.layers.*.mixer")
          .with("embed", "backbone.embeddings")
          .with("layers.*.mixer.norm", "backbone.layers.*.norm")
          .with("norm", "backbone.norm_f");

  /** For the service loader. */
  public Mamba2Family() {}

  @Override
  public List<String> modelTypes() {
    return List.of("mamba2");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    int hidden = c.positiveInt("hidden_size", 4096);
    int layers = c.positiveInt("num_hidden_layers", 64);
    int heads = c.positiveInt("num_heads", 128);
    int groups = c.positiveInt("n_groups", 8);
    int headDim = c.positiveInt("head_dim", 64);
    double inner = c.numberAbove("expand", 0, 2) * hidden;
    if (inner != (double) heads * headDim) {
      throw c.refuse("num_heads", "num_heads times head_dim to be expand times hidden_size");
    }
    if (heads % groups != 0) {
      throw c.refuse("n_groups", "a divisor of num_heads, " + heads);
    }
    if (Activation.parse(c, "hidden_act", "silu") != Activation.SILU) {
      throw c.refuse("hidden_act", "silu");
    }
    DecoderShape shape =
        new DecoderShape(
            c.positiveInt("vocab_size", 32_768), hidden, layers, 1, 1, 2, MAX_POSITIONS);
    double eps = c.numberAbove("layer_norm_epsilon", 0, 1e-5);
    double[] limits = c.limits("time_step_limit", 0, Double.POSITIVE_INFINITY);
    Mamba2Mixer.Sizes sizes =
        new Mamba2Mixer.Sizes(
            heads,
            headDim,
            groups,
            c.positiveInt("state_size", 128),
            LayerTypes.taps(c, "conv_kernel", 4));
    Mamba2Mixer.Options options =
        new Mamba2Mixer.Options(
            c.bool("use_bias", false), c.bool("use_conv_bias", true), 1, eps, limits);
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      blocks.add(Block.of(i, "mixer", new Mamba2Mixer(i, sizes, options)));
    }
    HeadSpec head = new HeadSpec(c.bool("tie_word_embeddings", false));
    return new HybridDecoder(shape, Norm.rms(eps), blocks, NAMES, head);
  }
}
