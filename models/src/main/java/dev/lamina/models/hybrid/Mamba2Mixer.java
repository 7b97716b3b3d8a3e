package dev.lamina.models.hybrid;

import dev.lamina.models.Layers;
import dev.lamina.models.RecurrentLayers;
import dev.lamina.models.WeightNames;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.Arrays;
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
    /**
     * Width of x, of the gate and of what goes into {@code out}.
     *
     * @return elements
     */
    public int inner() {
      return heads * headDim;
    }

    int convolved() {
      return inner() + 2 * groups * stateSize;
    }

    /**
     * Reads the keys of Bamba and its relatives.
     *
     * @param c a model's configuration
     * @param inner width of x
     * @return the sizes
     * @throws ModelException if one is malformed or does not fit the others
     */
    public static Sizes ofBamba(ModelConfig c, int inner) throws ModelException {
      int heads = c.positiveInt("mamba_n_heads", 128);
      int headDim =
          c.isText("mamba_d_head") && c.string("mamba_d_head").equals("auto")
              ? inner / heads
              : c.positiveInt("mamba_d_head", inner / heads);
      if (heads * headDim != inner) {
        throw c.refuse(
            "mamba_n_heads", "mamba_n_heads times mamba_d_head to be the inner width, " + inner);
      }
      int groups = c.positiveInt("mamba_n_groups", 1);
      if (heads % groups != 0) {
        throw c.refuse("mamba_n_groups", "a divisor of mamba_n_heads, " + heads);
      }
      return new Sizes(
          heads,
          headDim,
          groups,
          c.positiveInt("mamba_d_state", 256),
          LayerTypes.taps(c, "mamba_d_conv", 4));
    }
  }

  /**
   * How its parts are joined.
   *
   * @param biased whether {@code in} adds a bias
   * @param outBiased whether {@code out} does
   * @param convBiased whether the convolution does
   * @param normGroups parts of a row that are normed by themselves, 1 for the whole, 0 for no norm
   * @param normsFirst whether the norm comes before the gate
   * @param eps of the norm
   * @param minStep smallest time step
   * @param maxStep largest time step, infinite for no limit
   * @param factors on what {@code in} gives: gate, x, B, C and time steps; none or five
   */
  public record Options(
      boolean biased,
      boolean outBiased,
      boolean convBiased,
      int normGroups,
      boolean normsFirst,
      double eps,
      double minStep,
      double maxStep,
      List<Double> factors) {
    /** Copies the list. */
    public Options {
      factors = List.copyOf(factors);
    }

    /**
     * As Mamba 2 has them, but for the steps and the norm.
     *
     * @param biased whether both projections add a bias
     * @param convBiased whether the convolution does
     * @param normGroups parts of a row that are normed by themselves
     * @param eps of the norm
     * @param steps smallest and largest time step
     */
    public Options(
        boolean biased, boolean convBiased, int normGroups, double eps, double... steps) {
      this(biased, biased, convBiased, normGroups, false, eps, steps[0], steps[1], List.of());
    }

    /**
     * Reads the keys of Bamba and its relatives.
     *
     * @param c a model's configuration
     * @param eps of the norm
     * @return the options
     * @throws ModelException if a key is malformed
     */
    public static Options ofBamba(ModelConfig c, double eps) throws ModelException {
      return new Options(
          c.bool("mamba_proj_bias", false),
          c.bool("mamba_conv_bias", true),
          1,
          eps,
          c.limits("time_step_limit", 0, Double.POSITIVE_INFINITY));
    }
  }

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
        .with(module + ".outNorm", stored + ".norm")
        .with(module + ".out", stored + ".out_proj");
  }

  @Override
  public Value mix(Layers l, Value x, String module) throws ModelException {
    Ops g = l.graph();
    int inner = sizes.inner();
    long width = (long) inner + sizes.convolved() + sizes.heads;
    Value all = l.linear(x, module + ".in", width, options.biased);
    if (!options.factors.isEmpty()) {
      Value factors = RecurrentLayers.constant(l, "mamba.factors", factors());
      all = RecurrentLayers.timesEach(g, all, g.cast(factors, all.dtype()));
    }
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
    Value gate = silu(g, parts[0]);
    return options.normsFirst
        ? g.mul(normed(l, sum, module), gate)
        : normed(l, g.mul(sum, gate), module);
  }

  /** One factor for each column that {@code in} gives. */
  private float[] factors() {
    int bc = sizes.groups * sizes.stateSize;
    int[] widths = {sizes.inner(), sizes.inner(), bc, bc, sizes.heads};
    float[] all = new float[sizes.inner() + sizes.convolved() + sizes.heads];
    int at = 0;
    for (int i = 0; i < widths.length; i++) {
      Arrays.fill(all, at, at + widths[i], options.factors.get(i).floatValue());
      at += widths[i];
    }
    return all;
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
    return l.linear(mixed, module + ".out", hiddenSize, options.outBiased);
  }

  @Override
  public List<StateSpec.Entry> state() {
    return List.of(
        RecurrentLayers.convolutionState(layer, sizes.taps, sizes.convolved()),
        RecurrentLayers.memory(layer, sizes.heads, sizes.stateSize, sizes.headDim));
  }
}
