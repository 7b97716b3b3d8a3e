package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CompositeOp.Gate;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;
import org.jspecify.annotations.Nullable;

/**
 * What a feed-forward network does.
 *
 * @param form which matrices it has
 * @param width of the inner vectors
 * @param activation between them
 * @param biased whether the projections add a bias
 * @param innerNorm of the inner vectors before {@code down}, by module {@code innerNorm}; null for
 *     none
 * @param gateScale factor on what the activation takes
 * @param outScale factor on the output
 * @param sparsity share of the gate that is cut to 0 before the activation as if it were normally
 *     distributed, 0 = none; see {@link GaussianCut}
 */
public record MlpSpec(
    Form form,
    int width,
    Activation activation,
    boolean biased,
    @Nullable Norm innerNorm,
    double gateScale,
    double outScale,
    double sparsity) {
  /** Which matrices it has. */
  public enum Form {
    /** {@code down(act(gate(x)) * up(x))}. */
    GATED,
    /** The same with gate above up in one matrix, {@code gateUp}. */
    GATED_FUSED,
    /** {@code down(act(up(x)))}. */
    PLAIN
  }

  /** The function between the matrices. */
  public enum Activation {
    /** {@code x * sigmoid(x)}. */
    SILU(Gate.SWIGLU),
    /** GELU by erf. */
    GELU(Gate.GEGLU_ERF),
    /** GELU by tanh. */
    GELU_TANH(Gate.GEGLU_TANH),
    /** {@code max(x, 0)}. */
    RELU(Gate.REGLU),
    /** {@code max(x, 0)^2}, arXiv:2109.08668. */
    RELU2(Gate.REGLU) {
      @Override
      public Value gated(Ops graph, Value gate, Value up) {
        return super.gated(graph, gate, super.gated(graph, gate, up));
      }
    },
    /** {@link Xielu}, whose trained numbers the module {@code act} has; in plain networks only. */
    XIELU(Gate.SWIGLU) {
      @Override
      public Value gated(Ops graph, Value gate, Value up) {
        throw new IllegalStateException("xIELU has no gated form");
      }
    };

    private final Gate gate;

    Activation(Gate gate) {
      this.gate = gate;
    }

    /**
     * The activation of a gate, times what it gates.
     *
     * @param graph to add to
     * @param gate {@code [.., I]}
     * @param up of the same shape
     * @return {@code act(gate) * up}
     */
    public Value gated(Ops graph, Value gate, Value up) {
      return graph.gatedActivation(this.gate, gate, up);
    }

    // The gated op with a factor of one: exact, and backends have it.
    Value of(Ops graph, Value x) {
      return gated(graph, x, graph.fillLike(x, 1));
    }

    /**
     * The activation that a configuration names.
     *
     * @param config a model's configuration
     * @param key such as {@code hidden_act}
     * @param absent value if the key is absent
     * @return the activation
     * @throws ModelException if it is not known
     */
    public static Activation parse(ModelConfig config, String key, String absent)
        throws ModelException {
      return switch (config.string(key, absent)) {
        case "silu", "swish" -> SILU;
        case "gelu" -> GELU;
        case "gelu_new", "gelu_fast", "gelu_pytorch_tanh" -> GELU_TANH;
        case "relu" -> RELU;
        case "relu2" -> RELU2;
        case "xielu" -> XIELU;
        default ->
            throw config.refuse(key, "one of silu, gelu, gelu_pytorch_tanh, relu, relu2, xielu");
      };
    }
  }

  /**
   * A gated network, gate and up apart.
   *
   * @param width of the inner vectors
   * @param activation of the gate
   * @param biased whether the projections add a bias
   * @return the network
   */
  public static MlpSpec gated(int width, Activation activation, boolean biased) {
    return new MlpSpec(Form.GATED, width, activation, biased, null, 1, 1, 0);
  }

  /**
   * A network without a gate.
   *
   * @param width of the inner vectors
   * @param activation between the two matrices
   * @param biased whether the projections add a bias
   * @return the network
   */
  public static MlpSpec plain(int width, Activation activation, boolean biased) {
    return new MlpSpec(Form.PLAIN, width, activation, biased, null, 1, 1, 0);
  }

  /**
   * This with gate and up in one matrix.
   *
   * @return a new spec
   */
  public MlpSpec fused() {
    return new MlpSpec(
        Form.GATED_FUSED, width, activation, biased, innerNorm, gateScale, outScale, sparsity);
  }

  /**
   * This with a norm before the last matrix.
   *
   * @param norm of the inner vectors
   * @return a new spec
   */
  public MlpSpec withInnerNorm(Norm norm) {
    return new MlpSpec(form, width, activation, biased, norm, gateScale, outScale, sparsity);
  }

  /**
   * This with factors.
   *
   * @param gate on what the activation takes
   * @param out on the output
   * @return a new spec
   */
  public MlpSpec withScales(double gate, double out) {
    return new MlpSpec(form, width, activation, biased, innerNorm, gate, out, sparsity);
  }

  /**
   * This with a gate that is cut; with gate and up apart only.
   *
   * @param share of it, 0 = none
   * @return a new spec
   */
  public MlpSpec withSparsity(double share) {
    return new MlpSpec(form, width, activation, biased, innerNorm, gateScale, outScale, share);
  }
}
