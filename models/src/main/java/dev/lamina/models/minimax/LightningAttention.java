package dev.lamina.models.minimax;

import dev.lamina.models.Layers;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.Norm;
import dev.lamina.models.RecurrentLayers;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.Branch;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * Lightning attention: {@code M = exp(-slope) * M + k v} (outer product), {@code y = q M}, without
 * a softmax; a slope for each head, smaller in later layers. Source: arXiv:2405.17381.
 *
 * <p>It is Mamba 2's scan with steps of one: keys are its B, queries its C, a group a head. Modules
 * {@code qkv} (by head), {@code gate}, {@code outNorm} and {@code out}.
 *
 * @param layer 0-based
 * @param heads of queries, keys and values
 * @param headDim width of each
 * @param slopes one a head
 * @param activation of queries, keys and values
 */
record LightningAttention(
    int layer, int heads, int headDim, List<Float> slopes, Activation activation)
    implements Branch {
  /** Of all heads together, whatever the configuration says. */
  private static final Norm OUT_NORM = Norm.rms(1e-6);

  /** Copies the list. */
  LightningAttention {
    slopes = List.copyOf(slopes);
  }

  @Override
  public Value mix(Layers l, Value x, String module) throws ModelException {
    Ops g = l.graph();
    Dim t = x.shape().dim(0);
    int width = heads * headDim;
    Value all = l.linear(x, module + ".qkv", 3L * width, false);
    Value active = activation.gated(g, all, g.fillLike(all, 1));
    Value[] qkv =
        RecurrentLayers.split(
            g, RecurrentLayers.heads(g, active, heads), headDim, headDim, headDim);
    float[] rates = new float[heads];
    for (int h = 0; h < heads; h++) {
      rates[h] = -slopes.get(h);
    }
    Value y =
        RecurrentLayers.ssdScan(
            l,
            qkv[2],
            g.fill(Shape.of(t, Dim.of(heads)), Scalar.f32(1)),
            RecurrentLayers.constant(l, "lightning.rates", rates),
            qkv[1],
            qkv[0],
            layer);
    Value normed = l.norm(g.view(y, t, Dim.of(width)), module + ".outNorm", OUT_NORM);
    Value gate = g.unary(UnaryKind.SIGMOID, l.linear(x, module + ".gate", width, false));
    return g.mul(gate, normed);
  }

  @Override
  public Value project(Layers l, Value mixed, String module, int hiddenSize) throws ModelException {
    return l.linear(mixed, module + ".out", hiddenSize, false);
  }

  @Override
  public List<StateSpec.Entry> state() {
    return List.of(RecurrentLayers.memory(layer, heads, headDim, headDim));
  }
}
