package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Gated activations {@code f(gate) * up}, in chunks over the pool. Not thread-safe. */
public final class Gates implements WorkerPool.Task {
  private static final int CHUNK = 2048;

  /** The function of the gate. */
  public enum Kind {
    /** {@code g * sigmoid(g)}. */
    SILU,
    /** GELU by tanh; source: arXiv:1606.08415. */
    GELU_TANH,
    /** GELU by erf. */
    GELU_ERF,
    /** {@code max(g, 0)}. */
    RELU
  }

  private final WorkerPool pool;
  private final float[][] gates;
  private final float[][] ups;
  private long elements;
  private Kind kind = Kind.SILU;
  private Linear.@Nullable Rows gate;
  private Linear.@Nullable Rows up;
  private Linear.@Nullable Rows out;

  /**
   * Makes the kernel.
   *
   * @param pool threads to use
   */
  public Gates(WorkerPool pool) {
    this.pool = pool;
    gates = new float[pool.size()][CHUNK];
    ups = new float[pool.size()][CHUNK];
  }

  /**
   * Computes {@code out = f(gate) * up}.
   *
   * @param kind f
   * @param gate contiguous elements
   * @param up as many
   * @param out as many
   * @param elements how many
   */
  public void run(Kind kind, Linear.Rows gate, Linear.Rows up, Linear.Rows out, long elements) {
    this.kind = kind;
    this.gate = gate;
    this.up = up;
    this.out = out;
    this.elements = elements;
    pool.forEach(Math.toIntExact((elements + CHUNK - 1) / CHUNK), this);
  }

  @Override
  public void run(int index, int worker) {
    Linear.Rows g = AttentionArgs.given(gate);
    Linear.Rows u = AttentionArgs.given(up);
    Linear.Rows o = AttentionArgs.given(out);
    long at = (long) index * CHUNK;
    int n = (int) Math.min(CHUNK, elements - at);
    int width = Lanes.roundUp(n, VL);
    float[] x = gates[worker];
    float[] y = ups[worker];
    Elements.load(g.type(), g.data(), g.offset() + at * g.type().bytes(), x, 0, n);
    Elements.load(u.type(), u.data(), u.offset() + at * u.type().bytes(), y, 0, n);
    Arrays.fill(x, n, width, 0);
    Arrays.fill(y, n, width, 0);
    if (HotKernel.GATES.isWarm()) {
      VectorGates.apply(kind, x, y, width);
    } else {
      ScalarGates.apply(kind, x, y, width);
    }
    Elements.store(o.type(), o.data(), o.offset() + at * o.type().bytes(), x, 0, n);
  }
}
