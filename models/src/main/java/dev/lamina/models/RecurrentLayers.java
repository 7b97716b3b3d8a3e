package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.WeightSpec.Use;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.Arrays;
import java.util.List;

/**
 * Layers with a state a sequence: short convolutions and linear attention, over one step's inputs.
 *
 * <p>What they keep between steps are entries of {@link Architecture#recurrentState}.
 */
public final class RecurrentLayers {
  /** Entry of the rows that a convolution looks back on. */
  private static final String CONV = "conv";

  /** Entry of the matrices that linear attention keeps, a head each. */
  private static final String MEMORY = "memory";

  private RecurrentLayers() {}

  /**
   * What a convolution keeps.
   *
   * @param layer 0-based
   * @param taps K
   * @param channels C
   * @return an entry {@code [K - 1, C]}, F32
   */
  public static StateSpec.Entry convolutionState(int layer, int taps, int channels) {
    return new StateSpec.Entry(CONV, layer, DType.F32, List.of(taps - 1, channels));
  }

  /**
   * What linear attention keeps.
   *
   * @param layer 0-based
   * @param heads heads of values
   * @param keyDim width of a key
   * @param valueDim width of a value
   * @return an entry {@code [heads, keyDim, valueDim]}, F32
   */
  public static StateSpec.Entry memory(int layer, int heads, int keyDim, int valueDim) {
    return new StateSpec.Entry(MEMORY, layer, DType.F32, List.of(heads, keyDim, valueDim));
  }

  /**
   * Convolves each channel over its own past.
   *
   * @param l layers of the graph
   * @param x {@code [T, C]}
   * @param layer 0-based
   * @param w factors {@code [C, K]}, as {@link #filter} gives them
   * @param silu whether the sum goes through silu
   * @param bias {@code [C]}, none or one
   * @return {@code [T, C]}
   */
  public static Value convolution(
      Layers l, Value x, int layer, Value w, boolean silu, Value... bias) {
    RecurrentPool pool = pool(l);
    CompositeOp.CausalConv1d op = new CompositeOp.CausalConv1d(CONV, layer, silu, bias.length == 1);
    Value[] in = {pool.state, x, w, pool.reads, pool.writes, l.cuSeqlensQ};
    Value[] all = Arrays.copyOf(in, in.length + bias.length);
    System.arraycopy(bias, 0, all, in.length, bias.length);
    return successor(pool, l.graph.causalConv1d(op, all));
  }

  /**
   * A convolution with the weights of a module.
   *
   * @param l layers of the graph
   * @param x {@code [T, C]}
   * @param layer 0-based
   * @param module {@code weight [C, 1, K]} and, if biased, {@code bias [C]}
   * @param taps K
   * @param biased whether a bias is added
   * @param silu whether the sum goes through silu
   * @return {@code [T, C]}
   * @throws ModelException if a weight is missing or misshapen
   */
  public static Value convolution(
      Layers l, Value x, int layer, String module, int taps, boolean biased, boolean silu)
      throws ModelException {
    long channels = x.shape().dim(1).upperBound();
    Value w = filter(l, module, channels, taps);
    return biased
        ? convolution(l, x, layer, w, silu, l.weights.get(module + ".bias", Use.PLAIN, channels))
        : convolution(l, x, layer, w, silu);
  }

  /**
   * Factors of a convolution.
   *
   * @param l layers of the graph
   * @param module {@code weight [C, 1, K]}
   * @param channels C
   * @param taps K
   * @return {@code [C, K]}
   * @throws ModelException if the weight is missing or misshapen
   */
  public static Value filter(Layers l, String module, long channels, int taps)
      throws ModelException {
    Value w = l.weights.get(module + ".weight", Use.PLAIN, channels, 1, taps);
    return l.graph.view(w, Dim.of(channels), Dim.of(taps));
  }

  /**
   * The gated delta rule.
   *
   * @param l layers of the graph
   * @param heads queries, keys {@code [T, Hk, Dk]}, normed, and values {@code [T, Hv, Dv]}
   * @param g F32 log decays, {@code [T, Hv]} or {@code [T, Hv, Dk]}
   * @param beta F32 {@code [T, Hv]}
   * @param layer 0-based
   * @return {@code [T, Hv, Dv]}
   */
  public static Value gatedDelta(Layers l, Layers.Heads heads, Value g, Value beta, int layer) {
    RecurrentPool pool = pool(l);
    double scale = 1 / Math.sqrt((double) heads.q().shape().dim(2).upperBound());
    CompositeOp.GatedDelta op = new CompositeOp.GatedDelta(MEMORY, layer, scale);
    return successor(
        pool,
        l.graph.gatedDelta(
            op,
            pool.state,
            heads.q(),
            heads.k(),
            heads.v(),
            g,
            beta,
            pool.reads,
            pool.writes,
            l.cuSeqlensQ));
  }

  /**
   * Mamba 2's scan.
   *
   * @param l layers of the graph
   * @param x {@code [T, H, P]}
   * @param dt F32 {@code [T, H]}, at least 0
   * @param a F32 {@code [H]}, at most 0
   * @param b {@code [T, G, N]}
   * @param c {@code [T, G, N]}
   * @param layer 0-based
   * @return {@code [T, H, P]}
   */
  public static Value ssdScan(Layers l, Value x, Value dt, Value a, Value b, Value c, int layer) {
    RecurrentPool pool = pool(l);
    CompositeOp.SsdScan op = new CompositeOp.SsdScan(MEMORY, layer);
    return successor(
        pool,
        l.graph.ssdScan(op, pool.state, x, dt, a, b, c, pool.reads, pool.writes, l.cuSeqlensQ));
  }

  /**
   * Projects each head by a matrix of its own.
   *
   * @param l layers of the graph
   * @param x {@code [T, heads, K]}
   * @param weight its whole name in graphs, {@code [heads, K, N]}
   * @param width N
   * @return {@code [T, heads, N]}
   * @throws ModelException if the weight is missing or misshapen, or not plain floats
   */
  public static Value headwise(Layers l, Value x, String weight, int width) throws ModelException {
    Ops g = l.graph;
    long heads = x.shape().dim(1).upperBound();
    long k = x.shape().dim(2).upperBound();
    StoredTensor stored = l.weights.needed(weight, heads, k, width);
    ExpertTensors.Columns all = new ExpertTensors.Columns(0, 1, width);
    Value w =
        l.weights.made(
            weight, ExpertTensors.turned(stored, width, all), stored.name(), heads, width, k);
    // A head's matrix is that of an expert whom every token chose.
    Value ids = g.iota(Shape.of(x.shape().dim(0), Dim.of(heads)), 1, DType.I32);
    return g.moeLinear(x, w, ids, null, l.activations);
  }

  /**
   * Whether a token is its sequence's first.
   *
   * @param l layers of the graph
   * @param like {@code [T, ..]}
   * @return booleans of its shape
   */
  public static Value first(Layers l, Value like) {
    Value at = l.graph.view(l.positions, l.slots.tokens());
    Value first = l.graph.compare(CompareKind.EQ, at, l.graph.fillLike(at, 0));
    return l.graph.broadcast(first, like.shape(), 0);
  }

  /**
   * A weight that is no matrix of a projection, as F32.
   *
   * @param l layers of the graph
   * @param weight its whole name in graphs
   * @param sizes its shape
   * @return the weight
   * @throws ModelException if it is missing or misshapen
   */
  public static Value vector(Layers l, String weight, long... sizes) throws ModelException {
    return l.graph.cast(l.weights.get(weight, Use.PLAIN, sizes), DType.F32);
  }

  /**
   * A vector that the configuration implies.
   *
   * @param l layers of the graph
   * @param name of the graph's input
   * @param values its elements
   * @return F32 {@code [values.length]}
   */
  public static Value constant(Layers l, String name, float[] values) {
    return l.weights.constant(name, values);
  }

  /**
   * {@code log(1 + exp(x))}, to the last bits for large and for far negative x: the logarithm of a
   * rounded sum is put right by the rounding's share.
   *
   * @param g the graph
   * @param x F32
   * @return of x's shape
   */
  public static Value softplus(Ops g, Value x) {
    Value zero = g.fillLike(x, 0);
    Value one = g.fillLike(x, 1);
    Value e = g.unary(UnaryKind.EXP, g.unary(UnaryKind.NEG, g.unary(UnaryKind.ABS, x)));
    Value sum = g.add(e, one);
    Value rounded = g.sub(sum, one);
    Value none = g.compare(CompareKind.EQ, rounded, zero);
    Value divisor = g.select(none, one, rounded);
    Value log = g.mul(g.unary(UnaryKind.LOG, sum), g.div(e, divisor));
    return g.add(g.binary(BinaryKind.MAX, x, zero), g.select(none, e, log));
  }

  /**
   * Mamba's decay rate, {@code -exp(x)}.
   *
   * @param g the graph
   * @param log F32
   * @return of its shape
   */
  public static Value decayRate(Ops g, Value log) {
    return g.unary(UnaryKind.NEG, g.unary(UnaryKind.EXP, log));
  }

  /**
   * Sums {@code x[T, ..]} and {@code row[..]}, the same for every token.
   *
   * @param g the graph
   * @param x a tensor
   * @param row of its shape without the first axis
   * @return the sum
   */
  public static Value plusEach(Ops g, Value x, Value row) {
    return g.add(x, g.broadcast(row, x.shape(), later(x)));
  }

  /**
   * Multiplies {@code x[T, ..]} by {@code row[..]}, the same for every token.
   *
   * @param g the graph
   * @param x a tensor
   * @param row of its shape without the first axis
   * @return the product
   */
  public static Value timesEach(Ops g, Value x, Value row) {
    return g.mul(x, g.broadcast(row, x.shape(), later(x)));
  }

  private static int[] later(Value x) {
    return java.util.stream.IntStream.range(1, x.shape().rank()).toArray();
  }

  /**
   * Divides each vector by its length: {@code x / sqrt(sum(x^2) + eps)}.
   *
   * @param g the graph
   * @param x {@code [.., D]}
   * @param eps added inside the root
   * @return of x's shape
   */
  public static Value unitLength(Ops g, Value x, double eps) {
    double d = (double) x.shape().dim(-1).upperBound();
    // By the mean of the squares: x / sqrt(mean + eps / D) is D^0.5 times it.
    Value normed = g.rmsNorm(x, null, eps / d, false);
    return g.mul(normed, g.fillLike(normed, 1 / Math.sqrt(d)));
  }

  /**
   * Splits the last axis.
   *
   * @param g the graph
   * @param x {@code [.., sum of widths]}
   * @param widths of the parts
   * @return the parts
   */
  public static Value[] split(Ops g, Value x, long... widths) {
    Value[] parts = new Value[widths.length];
    long at = 0;
    for (int i = 0; i < widths.length; i++) {
      parts[i] = g.slice(x, x.shape().rank() - 1, at, Dim.of(widths[i]));
      at += widths[i];
    }
    return parts;
  }

  /**
   * Splits a row into heads.
   *
   * @param g the graph
   * @param x {@code [T, heads * width]}
   * @param heads how many
   * @return {@code [T, heads, width]}
   */
  public static Value heads(Ops g, Value x, long heads) {
    long width = x.shape().dim(1).upperBound() / heads;
    return g.view(x, Shape.of(x.shape().dim(0), Dim.of(heads), Dim.of(width)));
  }

  private static Value successor(RecurrentPool pool, List<Value> results) {
    pool.state = results.get(1);
    return results.getFirst();
  }

  private static RecurrentPool pool(Layers l) {
    RecurrentPool pool = l.recurrent;
    if (pool == null) {
      throw new IllegalStateException(
          "recurrent layer: expected its entry in the architecture's recurrentState, got none");
    }
    return pool;
  }
}
