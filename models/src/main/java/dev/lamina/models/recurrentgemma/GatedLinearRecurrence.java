package dev.lamina.models.recurrentgemma;

import dev.lamina.models.Layers;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.RecurrentLayers;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.hybrid.Branch;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * A recurrent block with the real-gated linear recurrent unit: {@code h = a * h + sqrt(1 - a^2) *
 * (i * x)} for each channel, {@code a = exp(-8 * softplus(c) * r)}, r and i sigmoids of x by
 * blocks; a sequence's first token comes in whole. Source: arXiv:2402.19427, section 2.4.
 *
 * <p>It is Mamba 2's scan with a head for each channel and a state of one number: the step is
 * {@code -log a}, and the input is divided by it. Modules {@code x}, {@code y}, {@code conv},
 * {@code unit} and {@code out}.
 *
 * @param layer 0-based
 * @param width channels
 * @param blocks of the gates' matrices, a divisor of {@code width}
 * @param taps rows that the convolution sees, its own included
 * @param activation of what the unit's output is multiplied by
 */
record GatedLinearRecurrence(int layer, int width, int blocks, int taps, Activation activation)
    implements Branch {
  private static final double SHARPNESS = 8;

  /** A step that changes no state, to divide by in place of 0. */
  private static final double LEAST_STEP = 1e-30;

  @Override
  public Value mix(Layers l, Value input, String module) throws ModelException {
    Ops g = l.graph();
    Dim t = input.shape().dim(0);
    Value x = l.linear(input, module + ".x", width, true);
    x = RecurrentLayers.convolution(l, x, layer, module + ".conv", taps, true, false);
    Value raw = RecurrentLayers.vector(l, module + ".unit.recurrent_param", width);
    Value strength = l.scale(RecurrentLayers.softplus(g, raw), SHARPNESS);
    Value r = gate(l, x, module + ".unit.recurrent_gate");
    Value steps = RecurrentLayers.timesEach(g, r, strength);

    Value decaySquared = g.unary(UnaryKind.EXP, l.scale(steps, -2));
    Value one = g.fillLike(steps, 1);
    Value share = g.unary(UnaryKind.SQRT, g.sub(one, decaySquared));
    share = g.select(RecurrentLayers.first(l, steps), one, share);
    steps = g.binary(BinaryKind.MAX, steps, g.fillLike(steps, LEAST_STEP));
    Value gated = g.mul(g.cast(x, DType.F32), gate(l, x, module + ".unit.input_gate"));
    Value in = g.div(g.mul(gated, share), steps);

    Shape single = Shape.of(t, Dim.of(1), Dim.of(1));
    Value ones = g.fill(single, Scalar.f32(1));
    Value rate = g.fill(Shape.of(Dim.of(width)), Scalar.f32(-1));
    Value h =
        RecurrentLayers.ssdScan(
            l, g.view(in, t, Dim.of(width), Dim.of(1)), steps, rate, ones, ones, layer);
    Value out = g.cast(g.view(h, t, Dim.of(width)), input.dtype());
    return activation.gated(g, l.linear(input, module + ".y", width, true), out);
  }

  /** A sigmoid of x by blocks, F32 {@code [T, width]}. */
  private Value gate(Layers l, Value x, String weights) throws ModelException {
    Ops g = l.graph();
    int each = width / blocks;
    Value heads = RecurrentLayers.heads(g, x, blocks);
    Value y = RecurrentLayers.headwise(l, heads, weights + "_weight", each);
    Value bias = RecurrentLayers.vector(l, weights + "_bias", blocks, each);
    Value sum = RecurrentLayers.plusEach(g, g.cast(y, DType.F32), bias);
    return g.view(g.unary(UnaryKind.SIGMOID, sum), x.shape().dim(0), Dim.of(width));
  }

  @Override
  public Value project(Layers l, Value mixed, String module, int hiddenSize) throws ModelException {
    return l.linear(mixed, module + ".out", hiddenSize, true);
  }

  @Override
  public List<StateSpec.Entry> state() {
    return List.of(
        RecurrentLayers.convolutionState(layer, taps, width),
        RecurrentLayers.memory(layer, width, 1, 1));
  }
}
