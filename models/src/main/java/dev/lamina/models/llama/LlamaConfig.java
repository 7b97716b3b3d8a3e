package dev.lamina.models.llama;

import dev.lamina.models.Architecture;
import dev.lamina.models.DecoderShape;
import dev.lamina.models.KvGroup;
import dev.lamina.models.Layers;
import dev.lamina.models.RopeParameters;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CompositeOp.Gate;
import java.util.List;

/**
 * Configuration of a Llama model.
 *
 * @param shape its sizes
 * @param intermediateSize inner width of the feed-forward network
 * @param gate its activation
 * @param rmsNormEps epsilon of every norm
 * @param rope rotary embedding
 * @param attentionBias whether all four attention projections add a bias
 * @param mlpBias whether the three feed-forward projections add a bias
 * @param tied whether the head is the embedding table
 */
record LlamaConfig(
    DecoderShape shape,
    int intermediateSize,
    Gate gate,
    double rmsNormEps,
    RopeParameters rope,
    boolean attentionBias,
    boolean mlpBias,
    boolean tied)
    implements Architecture {

  static LlamaConfig parse(ModelConfig c) throws ModelException {
    DecoderShape shape = DecoderShape.parse(c, new DecoderShape.Defaults(0, 0, 2048));
    return new LlamaConfig(
        shape,
        c.positiveInt("intermediate_size"),
        Layers.gate(c, "hidden_act"),
        c.numberAbove("rms_norm_eps", 0, 1e-6),
        RopeParameters.parse(c, shape.headDim(), shape.maxPositions()),
        c.bool("attention_bias", false),
        c.bool("mlp_bias", false),
        c.bool("tie_word_embeddings", false));
  }

  @Override
  public List<KvGroup> kvGroups() {
    return List.of(KvGroup.of(shape, 0));
  }

  @Override
  public WeightNames weightNames() {
    return WeightNames.LLAMA;
  }

  @Override
  public void build(Layers layers) throws ModelException {
    LlamaGraph.build(this, layers);
  }
}
