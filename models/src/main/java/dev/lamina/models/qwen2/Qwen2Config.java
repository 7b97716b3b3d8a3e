package dev.lamina.models.qwen2;

import dev.lamina.models.Architecture;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.KvGroup;
import dev.lamina.models.LayerWindows;
import dev.lamina.models.Layers;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CompositeOp.Gate;
import java.util.List;

/**
 * Configuration of a Qwen 2 model.
 *
 * @param shape its sizes
 * @param intermediateSize inner width of the feed-forward network
 * @param gate its activation
 * @param rmsNormEps epsilon of every norm
 * @param rope rotary embedding
 * @param windows positions each layer sees
 * @param tied whether the head is the embedding table
 */
record Qwen2Config(
    DecoderShape shape,
    int intermediateSize,
    Gate gate,
    double rmsNormEps,
    RopeParameters rope,
    LayerWindows windows,
    boolean tied)
    implements Architecture {

  static Qwen2Config parse(ModelConfig c) throws ModelException {
    int kvHeads = c.names("num_key_value_heads") ? 0 : 32;
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(kvHeads, 0, 32768));
    return new Qwen2Config(
        shape,
        c.positiveInt("intermediate_size"),
        Layers.gate(c, "hidden_act"),
        c.numberAbove("rms_norm_eps", 0, 1e-6),
        RopeParameters.parse(c, shape.headDim(), shape.maxPositions()),
        LayerWindows.ofQwen(c, shape.numLayers()),
        c.bool("tie_word_embeddings", false));
  }

  @Override
  public List<KvGroup> kvGroups() {
    return List.of(KvGroup.of(shape, windows.longest()));
  }

  @Override
  public WeightNames weightNames() {
    return WeightNames.LLAMA;
  }

  @Override
  public void build(Layers layers) throws ModelException {
    Qwen2Graph.build(this, layers);
  }
}
