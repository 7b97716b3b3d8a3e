package dev.lamina.models.hybrid;

import dev.lamina.models.Layers;
import dev.lamina.models.MlpSpec.Activation;
import dev.lamina.models.Norm;
import dev.lamina.models.RecurrentLayers;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Mamba: {@code in} gives x and a gate; x is convolved, and {@code x} gives of it the time steps'
 * latent, B and C; then the scan and {@code out}. Source: arXiv:2312.00752.
 *
 * <p>Each channel has a decay for each of its N states, where Mamba 2's scan has one a head. So
 * each state of each channel is a head of that scan, N groups of as many heads as channels, and
 * what the N heads of a channel give is summed.
 *
 * @param layer 0-based
 * @param channels width of x
 * @param stateSize N
 * @param rank of the time steps' latent
 * @param taps rows that the convolution sees, its own included
 * @param biased whether {@code in} and {@code out} add a bias
 * @param convBiased whether the convolution does
 * @param norm of the latent, B and C, null for none; modules {@code dtNorm}, {@code bNorm} and
 *     {@code cNorm} if it has weights
 */
public record MambaMixer(
    int layer,
    int channels,
    int stateSize,
    int rank,
    int taps,
    boolean biased,
    boolean convBiased,
    @Nullable Norm norm)
    implements Branch {
  /**
   * Names of its weights.
   *
   * @param names to add to
   * @param module its own
   * @param stored the same in checkpoints
   * @return a new map
   */
  public static WeightNames named(WeightNames names, String module, String stored) {
    return names
        .with(module, stored)
        .with(module + ".in", stored + ".in_proj")
        .with(module + ".conv", stored + ".conv1d")
        .with(module + ".x", stored + ".x_proj")
        .with(module + ".dt", stored + ".dt_proj")
        .with(module + ".out", stored + ".out_proj");
  }

  /**
   * Reads the width of the time steps' latent.
   *
   * @param c a model's configuration
   * @param key of the number, or of {@code auto}
   * @param hiddenSize H
   * @return the width, a sixteenth of H if it is not said
   * @throws ModelException if it is malformed
   */
  public static int rank(ModelConfig c, String key, int hiddenSize) throws ModelException {
    int roundedUp = (hiddenSize + 15) / 16;
    return c.isText(key) && c.string(key).equals("auto")
        ? roundedUp
        : c.positiveInt(key, roundedUp);
  }

  /**
   * Reads the activation, which the scan and its gate have too.
   *
   * @param c a model's configuration
   * @return silu
   * @throws ModelException if it is another
   */
  public static Activation activation(ModelConfig c) throws ModelException {
    if (Activation.parse(c, "hidden_act", "silu") != Activation.SILU) {
      throw c.refuse("hidden_act", "silu");
    }
    return Activation.SILU;
  }

  @Override
  public Value mix(Layers l, Value input, String module) throws ModelException {
    Ops g = l.graph();
    Dim t = input.shape().dim(0);
    Value both = l.linear(input, module + ".in", 2L * channels, biased);
    Value[] parts = RecurrentLayers.split(g, both, channels, channels);
    Value x =
        RecurrentLayers.convolution(l, parts[0], layer, module + ".conv", taps, convBiased, true);
    Value all = l.linear(x, module + ".x", rank + 2L * stateSize, false);
    Value[] selected = RecurrentLayers.split(g, all, rank, stateSize, stateSize);
    Value latent = normed(l, selected[0], module + ".dtNorm");
    Value b = normed(l, selected[1], module + ".bNorm");
    Value c = normed(l, selected[2], module + ".cNorm");
    Value raw = l.linear(latent, module + ".dt", channels, true);
    Value steps = RecurrentLayers.softplus(g, g.cast(raw, DType.F32));
    Value log = RecurrentLayers.vector(l, module + ".A_log", channels, stateSize);
    long heads = (long) stateSize * channels;
    Value rate = RecurrentLayers.decayRate(g, g.view(g.permute(log, 1, 0), Dim.of(heads)));

    Shape each = Shape.of(t, Dim.of(stateSize), Dim.of(channels));
    Shape one = Shape.of(t, Dim.of(heads), Dim.of(1));
    Shape groups = Shape.of(t, Dim.of(stateSize), Dim.of(1));
    Value out =
        RecurrentLayers.ssdScan(
            l,
            g.view(g.broadcast(x, each, 0, 2), one),
            g.view(g.broadcast(steps, each, 0, 2), t, Dim.of(heads)),
            rate,
            g.view(b, groups),
            g.view(c, groups),
            layer);
    Value sum = g.reduce(ReduceKind.SUM, g.view(out, each), 1);
    Value skip = g.cast(RecurrentLayers.vector(l, module + ".D", channels), x.dtype());
    Value y = g.add(sum, RecurrentLayers.timesEach(g, x, skip));
    return g.mul(y, g.mul(parts[1], g.unary(UnaryKind.SIGMOID, parts[1])));
  }

  private Value normed(Layers l, Value x, String module) throws ModelException {
    return norm == null ? x : l.norm(x, module, norm);
  }

  @Override
  public Value project(Layers l, Value mixed, String module, int hiddenSize) throws ModelException {
    return l.linear(mixed, module + ".out", hiddenSize, biased);
  }

  @Override
  public List<StateSpec.Entry> state() {
    return List.of(
        RecurrentLayers.convolutionState(layer, taps, channels),
        RecurrentLayers.memory(layer, stateSize * channels, 1, 1));
  }
}
