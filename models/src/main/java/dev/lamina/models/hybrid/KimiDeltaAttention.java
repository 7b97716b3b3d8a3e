package dev.lamina.models.hybrid;

import dev.lamina.models.Layers;
import dev.lamina.models.Norm;
import dev.lamina.models.RecurrentLayers;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * Kimi Delta Attention: the gated delta rule with a decay for each channel of a key; the gates come
 * through a head's width. Source: arXiv:2510.26692, section 3.
 *
 * @param layer 0-based
 * @param heads of queries, keys and values
 * @param headDim width of each
 * @param taps rows that the convolutions see, their own included
 * @param norm of the output heads
 */
public record KimiDeltaAttention(int layer, int heads, int headDim, int taps, Norm norm)
    implements Branch {
  private static final double UNIT_EPS = 1e-6;

  private int width() {
    return heads * headDim;
  }

  @Override
  public Value mix(Layers l, Value x, String module) throws ModelException {
    Ops g = l.graph();
    int width = width();
    Value qkv =
        g.concat(
            1,
            l.linear(x, module + ".q", width, false),
            l.linear(x, module + ".k", width, false),
            l.linear(x, module + ".v", width, false));
    Value filters =
        g.concat(
            0,
            RecurrentLayers.filter(l, module + ".qConv", width, taps),
            RecurrentLayers.filter(l, module + ".kConv", width, taps),
            RecurrentLayers.filter(l, module + ".vConv", width, taps));
    Value y = RecurrentLayers.convolution(l, qkv, layer, filters, true);
    Value[] parts = RecurrentLayers.split(g, y, width, width, width);
    Layers.Heads split =
        new Layers.Heads(
            RecurrentLayers.unitLength(g, byHead(g, parts[0]), UNIT_EPS),
            RecurrentLayers.unitLength(g, byHead(g, parts[1]), UNIT_EPS),
            byHead(g, parts[2]));
    Value b = l.linear(x, module + ".b", heads, false);
    Value beta = g.unary(UnaryKind.SIGMOID, g.cast(b, DType.F32));
    Value out = RecurrentLayers.gatedDelta(l, split, decay(l, x, module), beta, layer);
    Value gate = byHead(g, narrow(l, x, module + ".gA", module + ".gB"));
    Value normed = l.norm(out, module + ".outNorm", norm);
    Value gated = g.mul(normed, g.unary(UnaryKind.SIGMOID, gate));
    return g.view(gated, x.shape().dim(0), Dim.of(width));
  }

  private Value byHead(Ops g, Value x) {
    return RecurrentLayers.heads(g, x, heads);
  }

  /** {@code [T, heads * headDim]} by way of {@code headDim}. */
  private Value narrow(Layers l, Value x, String in, String out) throws ModelException {
    return l.linear(l.linear(x, in, headDim, false), out, width(), false);
  }

  /** {@code -exp(aLog) * softplus(f + dtBias)}, F32 {@code [T, heads, headDim]}. */
  private Value decay(Layers l, Value x, String module) throws ModelException {
    Ops g = l.graph();
    Value log = RecurrentLayers.vector(l, module + ".A_log", 1, 1, heads, 1);
    Value rate = RecurrentLayers.decayRate(g, g.view(log, Dim.of(heads)));
    Value bias = RecurrentLayers.vector(l, module + ".dt_bias", width());
    Value f = g.cast(narrow(l, x, module + ".fA", module + ".fB"), DType.F32);
    Value steps = byHead(g, RecurrentLayers.softplus(g, RecurrentLayers.plusEach(g, f, bias)));
    return g.mul(steps, g.broadcast(rate, steps.shape(), 1));
  }

  @Override
  public Value project(Layers l, Value mixed, String module, int hiddenSize) throws ModelException {
    return l.linear(mixed, module + ".out", hiddenSize, false);
  }

  @Override
  public List<StateSpec.Entry> state() {
    return List.of(
        RecurrentLayers.convolutionState(layer, taps, 3 * width()),
        RecurrentLayers.memory(layer, heads, headDim, headDim));
  }
}
