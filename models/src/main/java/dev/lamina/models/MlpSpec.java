package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelConfig;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.CompositeOp.Gate;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;

/**
 * What a feed-forward network does.
 *
 * @param form which matrices it has
 * @param width of the inner vectors
 * @param activation between them
 * @param biased whether the projections add a bias
 */
public record MlpSpec(Form form, int width, Activation activation, boolean biased) {
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
    RELU(Gate.REGLU);

    private final Gate gate;

    Activation(Gate gate) {
      this.gate = gate;
    }

    /**
     * The op that computes it.
     *
     * @return the gated form
     */
    public Gate gate() {
      return gate;
    }

    // The gated op with a factor of one: exact, and backends have it.
    Value of(Ops graph, Value x) {
      return graph.gatedActivation(gate, x, graph.fillLike(x, 1));
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
        default -> throw config.refuse(key, "one of silu, gelu, gelu_pytorch_tanh, relu");
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
    return new MlpSpec(Form.GATED, width, activation, biased);
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
    return new MlpSpec(Form.PLAIN, width, activation, biased);
  }

  /**
   * This with gate and up in one matrix.
   *
   * @return a new spec
   */
  public MlpSpec fused() {
    return new MlpSpec(Form.GATED_FUSED, width, activation, biased);
  }
}
