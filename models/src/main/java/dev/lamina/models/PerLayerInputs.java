package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Value;

/**
 * What each layer of a Gemma reads of the tokens themselves: an embedding of its own, summed with a
 * projection of the first one.
 *
 * @param width of what a layer reads
 * @param vocabSize rows of the embedding
 */
public record PerLayerInputs(int width, int vocabSize) {
  /**
   * Names of its weights.
   *
   * @param names to add to
   * @return a new map
   */
  public static WeightNames named(WeightNames names) {
    return names
        .with("layers.*.perLayer.gate", "model.layers.*.per_layer_input_gate")
        .with("layers.*.perLayer.projection", "model.layers.*.per_layer_projection")
        .with("layers.*.perLayer.norm", "model.layers.*.post_per_layer_input_norm")
        .with("perLayer.embed", "model.embed_tokens_per_layer")
        .with("perLayer.projection", "model.per_layer_model_projection")
        .with("perLayer.norm", "model.per_layer_projection_norm");
  }

  /**
   * What all layers read.
   *
   * @param l layers of the graph
   * @param x {@code [T, H]}, embeddings
   * @param shape H and the number of layers, L
   * @param norm of the projection
   * @return {@code [T, L, width]}
   * @throws ModelException if a weight is missing or misshapen
   */
  public Value of(Layers l, Value x, DecoderShape shape, Norm norm) throws ModelException {
    Dim layers = Dim.of(shape.numLayers());
    Dim t = x.shape().dim(0);
    long all = (long) shape.numLayers() * width;
    Value token = l.lookup("perLayer.embed", vocabSize, all);
    token = l.scale(l.graph.view(token, t, layers, Dim.of(width)), Math.sqrt(width));
    Value stream = l.linear(x, "perLayer.projection", all, false);
    stream = l.scale(stream, 1 / Math.sqrt(shape.hiddenSize()));
    stream = l.norm(l.graph.view(stream, t, layers, Dim.of(width)), "perLayer.norm", norm);
    return l.scale(l.add(stream, token), Math.sqrt(0.5));
  }

  /**
   * A layer's branch: what it reads, gated by the stream, projected and normed.
   *
   * @param l layers of the graph
   * @param x {@code [R, H]}
   * @param all what all layers read, {@code [R, L, width]}
   * @param layer 0-based
   * @param activation of the gate
   * @param norm of the output
   * @return {@code [R, H]}
   * @throws ModelException if a weight is missing or misshapen
   */
  public Value branch(
      Layers l, Value x, Value all, int layer, MlpSpec.Activation activation, Norm norm)
      throws ModelException {
    String module = "layers." + layer + ".perLayer";
    Value row = l.graph.slice(all, 1, layer, Dim.of(1));
    Value own = l.graph.view(row, x.shape().dim(0), Dim.of(width));
    Value gate = l.linear(x, module + ".gate", width, false);
    Value inner = activation.gated(l.graph, gate, own);
    long hidden = x.shape().dim(1).upperBound();
    return l.norm(l.linear(inner, module + ".projection", hidden, false), module + ".norm", norm);
  }
}
