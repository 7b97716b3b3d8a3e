package dev.lamina.models.hybrid;

import dev.lamina.models.Layers;
import dev.lamina.models.RecurrentLayers;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * Mamba 2: {@code in} gives a gate, what is convolved (x, B, C) and time steps; then the scan, a
 * gated norm and {@code out}.
 *
 * @param layer 0-based
 * @param sizes of its parts
 * @param options how they are joined
 */
public record Mamba2Mixer(int layer, Sizes sizes, Options options) implements Branch {
  /**
   * Sizes of its parts.
   *
   * @param heads H
   * @param headDim P
   * @param groups G, a divisor of H
   * @param stateSize N
   * @param taps rows that the convolution sees, its own included
   */
  public record Sizes(int heads, int headDim, int groups, int stateSize, int taps) {
    int inner() {
      return heads * headDim;
    }

    int convolved() {
      return inner() + 2 * groups * stateSize;
    }
  }

  /**
   * How its parts are joined.
   *
   * @param biased whether the projections add a bias
   * @param convBiased whether the convolution does
   * @param normGroups parts of a row that are normed by themselves, 1 for the whole, 0 for no norm
   * @param eps of the norm
   * @param minStep smallest time step
   * @param maxStep largest time step, infinite for no limit
   */
  public record Options(
      boolean biased,
      boolean convBiased,
      int normGroups,
      double eps,
      double minStep,
      double maxStep) {}

  @Override
  public Value mix(Layers l, Value x, String module) throws ModelException {
    Ops g = l.graph();
    int inner = sizes.inner();
    long width = (long) inner + sizes.convolved() + sizes.heads;
    Value all = l.linear(x, module + ".in", width, options.biased);
    Value[] parts = RecurrentLayers.split(g, all, inner, sizes.convolved(), sizes.heads);
    Value y =
        RecurrentLayers.convolution(
            l, parts[1], layer, module + ".conv", sizes.taps, options.convBiased, true);
    long bc = (long) sizes.groups * sizes.stateSize;
    Value[] xbc = RecurrentLayers.split(g, y, inner, bc, bc);
    Value heads = RecurrentLayers.heads(g, xbc[0], sizes.heads);
    Value rate =
        RecurrentLayers.decayRate(g, RecurrentLayers.vector(l, module + ".A_log", sizes.heads));
    Value out =
        RecurrentLayers.ssdScan(
            l,
            heads,
            steps(l, parts[2], module),
            rate,
            RecurrentLayers.heads(g, xbc[1], sizes.groups),
            RecurrentLayers.heads(g, xbc[2], sizes.groups),
            layer);
    Value skip = RecurrentLayers.vector(l, module + ".D", sizes.heads);
    Value skipped = g.mul(heads, g.broadcast(g.cast(skip, x.dtype()), heads.shape(), 1));
    Value sum = g.view(g.add(out, skipped), x.shape().dim(0), Dim.of(inner));
    return normed(l, g.mul(sum, silu(g, parts[0])), module);
  }

  private static Value silu(Ops g, Value x) {
    return g.mul(x, g.unary(UnaryKind.SIGMOID, x));
  }

  /** Time steps within their limits, F32 {@code [T, H]}. */
  private Value steps(Layers l, Value dt, String module) throws ModelException {
    Ops g = l.graph();
    Value bias = RecurrentLayers.vector(l, module + ".dt_bias", sizes.heads);
    Value steps =
        RecurrentLayers.softplus(g, RecurrentLayers.plusEach(g, g.cast(dt, DType.F32), bias));
    if (options.minStep > 0) {
      steps = g.binary(BinaryKind.MAX, steps, g.fillLike(steps, options.minStep));
    }
    if (options.maxStep < Double.POSITIVE_INFINITY) {
      steps = g.binary(BinaryKind.MIN, steps, g.fillLike(steps, options.maxStep));
    }
    return steps;
  }

  /** Root mean square norm of each group of the row, then factors a channel. */
  private Value normed(Layers l, Value x, String module) throws ModelException {
    if (options.normGroups == 0) {
      return x;
    }
    Ops g = l.graph();
    Value parts = RecurrentLayers.heads(g, x, options.normGroups);
    Value flat = g.view(g.rmsNorm(parts, null, options.eps, false), x.shape());
    Value w = RecurrentLayers.vector(l, module + ".outNorm.weight", sizes.inner());
    return RecurrentLayers.timesEach(g, flat, g.cast(w, x.dtype()));
  }

  @Override
  public Value project(Layers l, Value mixed, String module, int hiddenSize) throws ModelException {
    return l.linear(mixed, module + ".out", hiddenSize, options.biased);
  }

  @Override
  public boolean mixes() {
    return true;
  }

  @Override
  public List<StateSpec.Entry> state() {
    return List.of(
        RecurrentLayers.convolutionState(layer, sizes.taps, sizes.convolved()),
        RecurrentLayers.memory(layer, sizes.heads, sizes.stateSize, sizes.headDim));
  }
}
