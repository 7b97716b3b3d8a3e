package dev.lamina.models.hybrid;

import dev.lamina.models.Layers;
import dev.lamina.models.Norm;
import dev.lamina.models.RecurrentLayers;
import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * Linear attention by the gated delta rule, as Qwen3-Next, Qwen 3.5 and OLMo Hybrid have it: a
 * convolution over queries, keys and values, the rule, a norm a head and a gate.
 *
 * @param layer 0-based
 * @param heads sizes
 * @param taps rows that the convolution sees, its own included
 * @param norm of the output heads
 * @param projections which matrices there are
 * @param strength factor on beta; 2 lets the state's eigenvalues be negative (arXiv:2411.12537)
 */
public record GatedDeltaNet(
    int layer, Heads heads, int taps, Norm norm, Projections projections, double strength)
    implements Branch {
  private static final double UNIT_EPS = 1e-6;

  /**
   * Sizes of linear attention.
   *
   * @param keyHeads heads of queries and keys
   * @param valueHeads heads of values, a multiple of {@code keyHeads}
   * @param keyDim width of a key
   * @param valueDim width of a value
   */
  public record Heads(int keyHeads, int valueHeads, int keyDim, int valueDim) {
    /**
     * Reads and checks the sizes.
     *
     * @param c a model's configuration
     * @param absent for absent keys; a {@code valueDim} of 0 means twice the key's
     * @return the sizes
     * @throws ModelException if one is missing, malformed or does not fit the others
     */
    public static Heads parse(ModelConfig c, Heads absent) throws ModelException {
      int keyHeads = c.positiveInt("linear_num_key_heads", absent.keyHeads);
      int valueHeads = c.positiveInt("linear_num_value_heads", absent.valueHeads);
      if (valueHeads % keyHeads != 0) {
        throw c.refuse("linear_num_value_heads", "a multiple of linear_num_key_heads, " + keyHeads);
      }
      int keyDim = c.positiveInt("linear_key_head_dim", absent.keyDim);
      int valueDim = absent.valueDim == 0 ? 2 * keyDim : absent.valueDim;
      return new Heads(
          keyHeads, valueHeads, keyDim, c.positiveInt("linear_value_head_dim", valueDim));
    }

    int keyWidth() {
      return keyHeads * keyDim;
    }

    int valueWidth() {
      return valueHeads * valueDim;
    }

    int convolved() {
      return 2 * keyWidth() + valueWidth();
    }
  }

  /** Which matrices project the input. */
  public enum Projections {
    /** {@code qkv}, {@code z}, {@code b} and {@code a}. */
    SEPARATE,
    /** {@code qkvz} and {@code ba}, each by key head. */
    BY_KEY_HEAD,
    /** {@code q}, {@code k}, {@code v}, {@code z}, {@code b} and {@code a}. */
    ONE_EACH
  }

  /** The projected input: what is convolved, the gate, and what beta and the decay come from. */
  private record Projected(Value qkv, Value z, Value b, Value a) {}

  @Override
  public Value mix(Layers l, Value x, String module) throws ModelException {
    Ops g = l.graph();
    Projected p =
        switch (projections) {
          case SEPARATE ->
              apart(l, x, module, l.linear(x, module + ".qkv", heads.convolved(), false));
          case BY_KEY_HEAD -> byKeyHead(l, x, module);
          case ONE_EACH -> apart(l, x, module, oneEach(l, x, module));
        };
    Value y = RecurrentLayers.convolution(l, p.qkv, layer, filter(l, module), true);
    Value[] qkv =
        RecurrentLayers.split(g, y, heads.keyWidth(), heads.keyWidth(), heads.valueWidth());
    Value q = RecurrentLayers.unitLength(g, byHead(g, qkv[0], heads.keyHeads), UNIT_EPS);
    Value k = RecurrentLayers.unitLength(g, byHead(g, qkv[1], heads.keyHeads), UNIT_EPS);
    Value v = byHead(g, qkv[2], heads.valueHeads);
    Value beta = l.scale(g.unary(UnaryKind.SIGMOID, g.cast(p.b, DType.F32)), strength);
    Value decay = decay(l, p.a, module);
    Value out = RecurrentLayers.gatedDelta(l, new Layers.Heads(q, k, v), decay, beta, layer);
    Value z = byHead(g, p.z, heads.valueHeads);
    Value gated = g.mul(l.norm(out, module + ".outNorm", norm), silu(g, z));
    return g.view(gated, x.shape().dim(0), Dim.of(heads.valueWidth()));
  }

  private static Value byHead(Ops g, Value x, int count) {
    return RecurrentLayers.heads(g, x, count);
  }

  private static Value silu(Ops g, Value x) {
    return g.mul(x, g.unary(UnaryKind.SIGMOID, x));
  }

  /** {@code -exp(aLog) * softplus(a + dtBias)}, F32 {@code [T, Hv]}. */
  private Value decay(Layers l, Value a, String module) throws ModelException {
    Ops g = l.graph();
    Value rate =
        RecurrentLayers.decayRate(
            g, RecurrentLayers.vector(l, module + ".A_log", heads.valueHeads));
    Value bias = RecurrentLayers.vector(l, module + ".dt_bias", heads.valueHeads);
    Value dt = RecurrentLayers.plusEach(g, g.cast(a, DType.F32), bias);
    return RecurrentLayers.timesEach(g, RecurrentLayers.softplus(g, dt), rate);
  }

  private Projected apart(Layers l, Value x, String module, Value qkv) throws ModelException {
    return new Projected(
        qkv,
        l.linear(x, module + ".z", heads.valueWidth(), false),
        l.linear(x, module + ".b", heads.valueHeads, false),
        l.linear(x, module + ".a", heads.valueHeads, false));
  }

  private Value oneEach(Layers l, Value x, String module) throws ModelException {
    return l.graph()
        .concat(
            1,
            l.linear(x, module + ".q", heads.keyWidth(), false),
            l.linear(x, module + ".k", heads.keyWidth(), false),
            l.linear(x, module + ".v", heads.valueWidth(), false));
  }

  /** Factors of the convolution, {@code [channels, taps]}. */
  private Value filter(Layers l, String module) throws ModelException {
    if (projections != Projections.ONE_EACH) {
      return RecurrentLayers.filter(l, module + ".conv", heads.convolved(), taps);
    }
    return l.graph()
        .concat(
            0,
            RecurrentLayers.filter(l, module + ".qConv", heads.keyWidth(), taps),
            RecurrentLayers.filter(l, module + ".kConv", heads.keyWidth(), taps),
            RecurrentLayers.filter(l, module + ".vConv", heads.valueWidth(), taps));
  }

  private Projected byKeyHead(Layers l, Value x, String module) throws ModelException {
    Ops g = l.graph();
    Dim t = x.shape().dim(0);
    int each = heads.valueHeads / heads.keyHeads;
    long values = (long) each * heads.valueDim;
    long width = heads.convolved() + (long) heads.valueWidth();
    Value qkvz = byHead(g, l.linear(x, module + ".qkvz", width, false), heads.keyHeads);
    Value[] parts = RecurrentLayers.split(g, qkvz, heads.keyDim, heads.keyDim, values, values);
    Value ba = l.linear(x, module + ".ba", 2L * heads.valueHeads, false);
    Value[] ends = RecurrentLayers.split(g, byHead(g, ba, heads.keyHeads), each, each);
    Value qkv =
        g.concat(
            1,
            g.view(parts[0], t, Dim.of(heads.keyWidth())),
            g.view(parts[1], t, Dim.of(heads.keyWidth())),
            g.view(parts[2], t, Dim.of(heads.valueWidth())));
    return new Projected(
        qkv,
        g.view(parts[3], t, Dim.of(heads.valueWidth())),
        g.view(ends[0], t, Dim.of(heads.valueHeads)),
        g.view(ends[1], t, Dim.of(heads.valueHeads)));
  }

  @Override
  public Value project(Layers l, Value mixed, String module, int hiddenSize) throws ModelException {
    return l.linear(mixed, module + ".out", hiddenSize, false);
  }

  @Override
  public List<StateSpec.Entry> state() {
    return List.of(
        RecurrentLayers.convolutionState(layer, taps, heads.convolved()),
        RecurrentLayers.memory(layer, heads.valueHeads, heads.keyDim, heads.valueDim));
  }
}
