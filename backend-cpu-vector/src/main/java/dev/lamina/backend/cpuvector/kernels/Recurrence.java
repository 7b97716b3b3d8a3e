package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.AttentionArgs.given;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Linear attention row by row: the gated delta rule and Mamba 2's scan.
 *
 * <p>A part of the loop is one value head of one sequence: its state {@code M[keyDim, valueDim]}
 * comes out of the pool into an array, sees the sequence's rows in turn and goes back. One instance
 * serves one pool of threads; not thread-safe.
 */
public final class Recurrence implements WorkerPool.Task {
  private final WorkerPool pool;
  private final Scratch[] scratch;
  private @Nullable Args args;

  /**
   * Sizes and rule.
   *
   * @param keyHeads heads of queries and keys
   * @param valueHeads heads of values, a multiple of {@code keyHeads}
   * @param keyDim width of a key
   * @param valueDim width of a value
   * @param byChannel whether each channel of a key has a decay of its own
   * @param scale factor on queries
   */
  public record Spec(
      int keyHeads, int valueHeads, int keyDim, int valueDim, boolean byChannel, float scale) {}

  /**
   * What to run.
   *
   * @param spec sizes and rule
   * @param q {@code [T, keyHeads, keyDim]}
   * @param k {@code [T, keyHeads, keyDim]}
   * @param v {@code [T, valueHeads, valueDim]}
   * @param g F32 log decays {@code [T, valueHeads]} or {@code [T, valueHeads, keyDim]}
   * @param rate F32 {@code [valueHeads]}: g is times it, and v times g; null: neither
   * @param beta F32 {@code [T, valueHeads]} of the delta rule, null without
   * @param states the pool's entry, F32, a row a slot
   * @param slots the sequences
   * @param out {@code [T, valueHeads, valueDim]}, rounded once
   */
  public record Args(
      Spec spec,
      Linear.Rows q,
      Linear.Rows k,
      Linear.Rows v,
      Linear.Rows g,
      Linear.@Nullable Rows rate,
      Linear.@Nullable Rows beta,
      Matrix states,
      SequenceSlots slots,
      Linear.Rows out) {}

  /** One thread's arrays. */
  private static final class Scratch {
    float[] m = {};
    float[] q = {};
    float[] k = {};
    float[] decay = {};
    float[] v = {};
    float[] u = {};
    float[] o = {};

    void fit(Spec s) {
      if (m.length != s.keyDim * s.valueDim || q.length != s.keyDim) {
        m = new float[s.keyDim * s.valueDim];
        q = new float[s.keyDim];
        k = new float[s.keyDim];
        decay = new float[s.keyDim];
        v = new float[s.valueDim];
        u = new float[s.valueDim];
        o = new float[s.valueDim];
      }
    }
  }

  /**
   * Makes the kernel.
   *
   * @param pool threads to use
   */
  public Recurrence(WorkerPool pool) {
    this.pool = pool;
    scratch = new Scratch[pool.size()];
    Arrays.setAll(scratch, i -> new Scratch());
  }

  /**
   * Computes all rows.
   *
   * @param a what to run
   */
  public void run(Args a) {
    args = a;
    for (Scratch s : scratch) {
      s.fit(a.spec);
    }
    a.slots.clearOthers(a.out, a.spec.valueHeads * a.spec.valueDim);
    pool.forEach(a.slots.numSeqs() * a.spec.valueHeads, this);
    args = null;
  }

  @Override
  public void run(int index, int worker) {
    Args a = given(args);
    Spec spec = a.spec;
    Scratch w = scratch[worker];
    int s = index / spec.valueHeads;
    int h = index % spec.valueHeads;
    int read = a.slots.read(s);
    long at = (long) h * w.m.length * Float.BYTES;
    if (read < 0) {
      Arrays.fill(w.m, 0);
    } else {
      Elements.load(a.states.type, a.states.data, a.states.row(read) + at, w.m, 0, w.m.length);
    }
    int end = a.slots.begin(s + 1);
    for (int t = a.slots.begin(s); t < end; t++) {
      row(a, w, t, h);
    }
    int write = a.slots.write(s);
    if (write >= 0) {
      Elements.store(a.states.type, a.states.data, a.states.row(write) + at, w.m, 0, w.m.length);
    }
  }

  private static void row(Args a, Scratch w, int t, int h) {
    Spec spec = a.spec;
    int group = h / (spec.valueHeads / spec.keyHeads);
    load(a.q, ((long) t * spec.keyHeads + group) * spec.keyDim, w.q);
    load(a.k, ((long) t * spec.keyHeads + group) * spec.keyDim, w.k);
    long head = (long) t * spec.valueHeads + h;
    load(a.v, head * spec.valueDim, w.v);
    Linear.Rows rate = a.rate;
    Linear.Rows beta = a.beta;
    if (spec.byChannel) {
      load(a.g, head * spec.keyDim, w.decay);
      for (int d = 0; d < spec.keyDim; d++) {
        w.decay[d] = (float) Math.exp(w.decay[d]);
      }
    } else {
      float g = load(a.g, head);
      Arrays.fill(w.decay, (float) Math.exp(rate == null ? g : g * load(rate, h)));
      if (rate != null) {
        for (int e = 0; e < w.v.length; e++) {
          w.v[e] *= g;
        }
      }
    }
    if (beta == null) {
      decay(w.m, w.decay, w.v.length);
    } else {
      Arrays.fill(w.u, 0);
      decayAndRead(w.m, w.decay, w.k, w.u);
      float b = load(beta, head);
      for (int e = 0; e < w.v.length; e++) {
        w.v[e] = b * (w.v[e] - w.u[e]);
      }
    }
    Arrays.fill(w.o, 0);
    writeAndRead(w.m, w.k, w.v, w.q, w.o);
    for (int e = 0; e < w.o.length; e++) {
      w.o[e] *= spec.scale;
    }
    Linear.Rows out = a.out;
    long to = out.offset() + head * spec.valueDim * out.type().bytes();
    Elements.store(out.type(), out.data(), to, w.o, 0, w.o.length);
  }

  private static void decay(float[] m, float[] decay, int width) {
    for (int d = 0; d < decay.length; d++) {
      float f = decay[d];
      int row = d * width;
      for (int e = 0; e < width; e++) {
        m[row + e] *= f;
      }
    }
  }

  /** {@code M = decay M; u = k M}. */
  private static void decayAndRead(float[] m, float[] decay, float[] k, float[] u) {
    for (int d = 0; d < k.length; d++) {
      float f = decay[d];
      float key = k[d];
      int row = d * u.length;
      for (int e = 0; e < u.length; e++) {
        float x = m[row + e] * f;
        m[row + e] = x;
        u[e] += key * x;
      }
    }
  }

  /** {@code M = M + k u; o = q M}. */
  private static void writeAndRead(float[] m, float[] k, float[] u, float[] q, float[] o) {
    for (int d = 0; d < k.length; d++) {
      float key = k[d];
      float query = q[d];
      int row = d * u.length;
      for (int e = 0; e < u.length; e++) {
        float x = m[row + e] + key * u[e];
        m[row + e] = x;
        o[e] += query * x;
      }
    }
  }

  private static void load(Linear.Rows x, long at, float[] to) {
    Elements.load(x.type(), x.data(), x.offset() + at * x.type().bytes(), to, 0, to.length);
  }

  private static float load(Linear.Rows x, long at) {
    return Elements.load(x.type(), x.data(), x.offset() + at * x.type().bytes());
  }
}
