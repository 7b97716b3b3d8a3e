package dev.lamina.models.hybrid;

import dev.lamina.models.Layers;
import dev.lamina.models.RecurrentLayers;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * A gated short convolution as LFM2 has it: {@code in} gives B, C and x, and {@code out(C * conv(B
 * * x))} is the branch.
 *
 * @param layer 0-based
 * @param hiddenSize channels
 * @param taps rows that the convolution sees, its own included
 * @param biased whether convolution and projections add a bias
 */
public record ShortConvolution(int layer, int hiddenSize, int taps, boolean biased)
    implements Branch {
  @Override
  public Value mix(Layers l, Value x, String module) throws ModelException {
    Ops g = l.graph();
    Value all = l.linear(x, module + ".in", 3L * hiddenSize, biased);
    Value[] bcx = RecurrentLayers.split(g, all, hiddenSize, hiddenSize, hiddenSize);
    Value in = g.mul(bcx[0], bcx[2]);
    Value y = RecurrentLayers.convolution(l, in, layer, module + ".conv", taps, biased, false);
    return g.mul(bcx[1], y);
  }

  @Override
  public Value project(Layers l, Value mixed, String module, int width) throws ModelException {
    return l.linear(mixed, module + ".out", width, biased);
  }

  @Override
  public List<StateSpec.Entry> state() {
    return List.of(RecurrentLayers.convolutionState(layer, taps, hiddenSize));
  }
}
