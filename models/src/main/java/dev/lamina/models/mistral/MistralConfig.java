package dev.lamina.models.mistral;

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
 * Configuration of a Mistral model.
 *
 * @param shape its sizes
 * @param intermediateSize inner width of the feed-forward network
 * @param gate its activation
 * @param rmsNormEps epsilon of every norm
 * @param rope rotary embedding
 * @param slidingWindow positions a layer sees, the own one included, 0 = all
 * @param tied whether the head is the embedding table
 */
record MistralConfig(
    DecoderShape shape,
    int intermediateSize,
    Gate gate,
    double rmsNormEps,
    RopeParameters rope,
    int slidingWindow,
    boolean tied)
    implements Architecture {

  static MistralConfig parse(ModelConfig c) throws ModelException {
    int kvHeads = c.names("num_key_value_heads") ? 0 : 8;
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(kvHeads, 0, 131072));
    return new MistralConfig(
        shape,
        c.positiveInt("intermediate_size"),
        Layers.gate(c, "hidden_act"),
        c.numberAbove("rms_norm_eps", 0, 1e-6),
        RopeParameters.parse(c, shape.headDim(), shape.maxPositions()),
        LayerWindows.slidingWindow(c),
        c.bool("tie_word_embeddings", false));
  }

  @Override
  public List<KvGroup> kvGroups() {
    return List.of(KvGroup.of(shape, slidingWindow));
  }

  @Override
  public WeightNames weightNames() {
    return WeightNames.LLAMA;
  }

  @Override
  public void build(Layers layers) throws ModelException {
    MistralGraph.build(this, layers);
  }
}
