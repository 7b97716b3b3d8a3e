package dev.lamina.backend.sdk;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What one node's kernel works on in one set of bindings. */
public final class KernelArgs {
  private final @Nullable Tensor[] operands;
  private final @Nullable HostState[] states;
  private final Tensor[] results;
  private final boolean debug;
  private @Nullable Object scratch;

  /**
   * Arguments of a node.
   *
   * @param operands a tensor an operand, null where it is a state
   * @param states a pool an operand, null where it is a tensor; filled in when bound
   * @param results a tensor a result; state results are left out
   * @param debug whether the kernel must check indices
   */
  public KernelArgs(
      @Nullable Tensor[] operands, @Nullable HostState[] states, Tensor[] results, boolean debug) {
    this.operands = operands;
    this.states = states;
    this.results = results;
    this.debug = debug;
  }

  /** Operand i, a tensor. */
  public Tensor in(int i) {
    Tensor t = operands[i];
    if (t == null) {
      throw new IllegalStateException("operand " + i + " is a state");
    }
    return t;
  }

  /** Number of operands, states included. */
  public int numOperands() {
    return operands.length;
  }

  /** Operand i, a pool. */
  public HostState state(int i) {
    HostState s = states[i];
    if (s == null) {
      throw new IllegalStateException("operand " + i + " is not a bound state");
    }
    return s;
  }

  /** Tensor result i; state results do not count. */
  public Tensor out(int i) {
    return results[i];
  }

  /** Number of tensor results. */
  public int numResults() {
    return results.length;
  }

  /** Whether to check indices, duplicates and boxes. */
  public boolean debug() {
    return debug;
  }

  /**
   * The kernel's own scratch for this node and these bindings, kept from run to run.
   *
   * @param make makes it on first use
   * @param <T> its type, the same at each call
   */
  @SuppressWarnings("unchecked")
  public <T> T scratch(Supplier<T> make) {
    Object s = scratch;
    if (s == null) {
      s = make.get();
      scratch = s;
    }
    return (T) s;
  }
}
