package dev.lamina.models.mamba2;

import dev.lamina.models.DecoderShape;
import dev.lamina.models.HeadSpec;
import dev.lamina.models.ModelFamily;
import dev.lamina.models.Norm;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.HybridDecoder;
import dev.lamina.models.hybrid.HybridDecoder.Block;
import dev.lamina.models.hybrid.LayerTypes;
import dev.lamina.models.hybrid.MambaMixer;
import java.util.ArrayList;
import java.util.List;

/** Mamba, and Falcon Mamba, which norms what the scan is chosen by. */
public final class MambaFamily implements ModelFamily {
  private static final WeightNames NAMES =
      MambaMixer.named(WeightNames.LLAMA, "layers.*.mixer", "backbone.layers.*.mixer")
          .with("embed", "backbone.embeddings")
          .with("layers.*.mixer.norm", "backbone.layers.*.norm")
          .with("norm", "backbone.norm_f");

  /** For the service loader. */
  public MambaFamily() {}

  @Override
  public List<String> modelTypes() {
    return List.of("falcon_mamba", "mamba");
  }

  @Override
  public HybridDecoder parse(ModelConfig c) throws ModelException {
    boolean falcon = c.string("model_type").equals("falcon_mamba");
    int hidden = c.positiveInt("hidden_size", falcon ? 4096 : 768);
    int layers = c.positiveInt("num_hidden_layers", falcon ? 64 : 32);
    MambaMixer.activation(c);
    int vocab = c.positiveInt("vocab_size", falcon ? 65_024 : 50_280);
    DecoderShape shape =
        new DecoderShape(vocab, hidden, layers, 1, 1, 2, Mamba2Family.MAX_POSITIONS);
    Norm plain = Norm.rms(c.numberAbove("mixer_rms_eps", 0, 1e-6)).plain();
    List<Block> blocks = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      MambaMixer mixer =
          new MambaMixer(
              i,
              c.positiveInt("expand", 2) * hidden,
              c.positiveInt("state_size", 16),
              MambaMixer.rank(c, "time_step_rank", hidden),
              LayerTypes.taps(c, "conv_kernel", 4),
              c.bool("use_bias", false),
              c.bool("use_conv_bias", true),
              falcon ? plain : null);
      blocks.add(Block.of(i, "mixer", mixer));
    }
    Norm norm = Norm.rms(c.numberAbove("layer_norm_epsilon", 0, 1e-5));
    HeadSpec head = new HeadSpec(c.bool("tie_word_embeddings", true));
    return new HybridDecoder(shape, norm, blocks, NAMES, head);
  }
}
