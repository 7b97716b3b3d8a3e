package dev.lamina.backend.reference.mutant;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.HostState;
import dev.lamina.backend.sdk.Kernel;
import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.StateSpec;
import java.lang.foreign.MemorySegment;

/** Ops with a state a sequence, row after row as they are defined; bugs override a method. */
final class PlainRecurrence {
  private PlainRecurrence() {}

  /** What all have: whose rows are whose, and each sequence's state before and after them. */
  abstract static class Sequences implements Kernel {
    private final String entry;
    private final int layer;
    private StateSpec.Entry spec;
    private MemorySegment memory;
    private Cells reads;
    private Cells writes;
    private Cells bounds;
    Cells out;

    @SuppressWarnings("NullAway.Init")
    Sequences(String entry, int layer) {
      this.entry = entry;
      this.layer = layer;
    }

    /**
     * Runs all sequences.
     *
     * @param first operand of the reads; writes and bounds follow
     */
    final void run(KernelArgs args, int first) {
      HostState pool = args.state(0);
      spec = pool.spec().entry(entry, layer());
      memory = pool.entry(pool.spec().entries().indexOf(spec));
      reads = Cells.in(args, first);
      writes = Cells.in(args, first + 1);
      bounds = Cells.in(args, first + 2);
      out = Cells.out(args, 0);
      for (int i = 0; i < out.count(); i++) {
        out.set(i, ofNoSequence());
      }
      for (int s = 0; s < reads.count(); s++) {
        double[] state = before(s);
        for (int t = begin(s); t < end(s); t++) {
          row(state, t, t - begin(s));
        }
        if (write(s) >= 0 && isKept(begin(s), end(s))) {
          put(write(s), state);
        }
      }
    }

    /** One row of a sequence: its result, and what becomes of the state. */
    abstract void row(double[] state, int t, int offset);

    double[] before(int s) {
      return read(s) < 0 ? new double[width()] : get(read(s));
    }

    int layer() {
      return layer;
    }

    long read(int s) {
      return reads.integer(s);
    }

    long write(int s) {
      return writes.integer(s);
    }

    int begin(int s) {
      return (int) bounds.integer(s);
    }

    int end(int s) {
      return (int) bounds.integer(s + 1);
    }

    boolean isKept(int begin, int end) {
      return true;
    }

    double ofNoSequence() {
      return 0;
    }

    double stored(double v) {
      return v;
    }

    final int width() {
      return (int) (spec.bytesPerSlot() / spec.dtype().bytes());
    }

    final double[] get(long slot) {
      double[] state = new double[width()];
      for (int i = 0; i < state.length; i++) {
        state[i] = Elements.getFloat(spec.dtype(), memory, at(slot, i));
      }
      return state;
    }

    void put(long slot, double[] state) {
      for (int i = 0; i < state.length; i++) {
        Elements.setFloat(spec.dtype(), memory, at(slot, i), (float) stored(state[i]));
      }
    }

    private long at(long slot, int i) {
      return slot * spec.bytesPerSlot() + (long) i * spec.dtype().bytes();
    }
  }

  /** Causal convolution; the state is the last rows, oldest first. */
  static class Convolution extends Sequences {
    final CompositeOp.CausalConv1d op;
    Cells x;
    Cells w;
    Cells bias;
    int taps;
    int channels;

    @SuppressWarnings("NullAway.Init")
    Convolution(CompositeOp.CausalConv1d op) {
      super(op.entry(), op.layer());
      this.op = op;
    }

    @Override
    public void run(KernelArgs args) {
      x = Cells.in(args, 1);
      w = Cells.in(args, 2);
      bias = op.biased() ? Cells.in(args, 6) : x;
      channels = w.size(0);
      taps = w.size(1);
      run(args, 3);
    }

    @Override
    void row(double[] tail, int t, int offset) {
      for (int c = 0; c < channels; c++) {
        double sum = op.biased() ? bias(c) : 0;
        for (int j = 0; j < taps; j++) {
          sum += factor(c, j) * (j == taps - 1 ? x(t, c) : past(tail, j, c, offset));
        }
        out.set((long) t * channels + c, activated(sum, c));
      }
      shift(tail, t);
    }

    void shift(double[] tail, int t) {
      System.arraycopy(tail, channels, tail, 0, tail.length - channels);
      for (int c = 0; c < channels; c++) {
        tail[tail.length - channels + c] = x(t, c);
      }
    }

    double past(double[] tail, int j, int c, int offset) {
      return tail[j * channels + c];
    }

    final double x(int t, int c) {
      return x.get((long) t * channels + c);
    }

    double factor(int c, int j) {
      return w.get((long) c * taps + j);
    }

    double bias(int c) {
      return bias.get(c);
    }

    double activated(double sum, int c) {
      return op.silu() ? sum / (1 + Math.exp(-sum)) : sum;
    }
  }

  /** A state {@code M[Dk, Dv]} a value head that decays, is written by keys, read by queries. */
  abstract static class Linear extends Sequences {
    Cells q;
    Cells k;
    Cells v;
    int keyHeads;
    int heads;
    int keyDim;
    int valueDim;

    @SuppressWarnings("NullAway.Init")
    Linear(String entry, int layer) {
      super(entry, layer);
    }

    final void run(KernelArgs args, Cells queries, Cells keys, Cells values) {
      q = queries;
      k = keys;
      v = values;
      keyHeads = k.size(1);
      keyDim = k.size(2);
      heads = v.size(1);
      valueDim = v.size(2);
      run(args, 6);
    }

    @Override
    void row(double[] m, int t, int offset) {
      for (int h = 0; h < heads; h++) {
        for (int i = 0; i < keyDim; i++) {
          double decay = decays(offset) ? decay(t, h, i) : 1;
          for (int d = 0; d < valueDim; d++) {
            m[at(h, i, d)] *= decay;
          }
        }
        for (int d = 0; d < valueDim; d++) {
          double written = written(m, t, h, d);
          for (int i = 0; i < keyDim; i++) {
            m[at(h, i, d)] += key(t, h, i) * written;
          }
        }
        for (int d = 0; d < valueDim; d++) {
          double sum = 0;
          for (int i = 0; i < keyDim; i++) {
            sum += query(t, h, i) * m[at(h, i, d)];
          }
          out.set(row(t, h, d), scaled(sum));
        }
      }
    }

    abstract double decay(int t, int h, int i);

    /** What row t writes into column d. */
    abstract double written(double[] m, int t, int h, int d);

    boolean decays(int offset) {
      return true;
    }

    double scaled(double sum) {
      return sum;
    }

    int keyHead(int h) {
      return h / (heads / keyHeads);
    }

    int queryHead(int h) {
      return keyHead(h);
    }

    double key(int t, int h, int i) {
      return k.get(((long) t * keyHeads + keyHead(h)) * keyDim + i);
    }

    double query(int t, int h, int i) {
      return q.get(((long) t * keyHeads + queryHead(h)) * keyDim + i);
    }

    double value(int t, int h, int d) {
      return v.get(row(t, h, d));
    }

    final long row(int t, int h, int d) {
      return ((long) t * heads + h) * valueDim + d;
    }

    final int at(int h, int i, int d) {
      return (h * keyDim + i) * valueDim + d;
    }
  }

  /** The gated delta rule. */
  static class Delta extends Linear {
    final CompositeOp.GatedDelta op;
    Cells log;
    Cells beta;

    @SuppressWarnings("NullAway.Init")
    Delta(CompositeOp.GatedDelta op) {
      super(op.entry(), op.layer());
      this.op = op;
    }

    @Override
    public void run(KernelArgs args) {
      log = Cells.in(args, 4);
      beta = Cells.in(args, 5);
      run(args, Cells.in(args, 1), Cells.in(args, 2), Cells.in(args, 3));
    }

    @Override
    double decay(int t, int h, int i) {
      return Math.exp(logDecay(t, h, i));
    }

    double logDecay(int t, int h, int i) {
      long head = (long) t * heads + h;
      return log.get(log.tensor().rank() == 3 ? head * keyDim + i : head);
    }

    @Override
    double written(double[] m, int t, int h, int d) {
      return beta(t, h) * (value(t, h, d) - known(m, t, h, d));
    }

    double known(double[] m, int t, int h, int d) {
      double sum = 0;
      for (int i = 0; i < keyDim; i++) {
        sum += key(t, h, i) * m[at(h, i, d)];
      }
      return sum;
    }

    double beta(int t, int h) {
      return beta.get((long) t * heads + h);
    }

    @Override
    double scaled(double sum) {
      return op.scale() * sum;
    }
  }

  /** Mamba 2's scan. */
  static class Scan extends Linear {
    Cells dt;
    Cells rate;

    @SuppressWarnings("NullAway.Init")
    Scan(CompositeOp.SsdScan op) {
      super(op.entry(), op.layer());
    }

    @Override
    public void run(KernelArgs args) {
      dt = Cells.in(args, 2);
      rate = Cells.in(args, 3);
      run(args, Cells.in(args, 5), Cells.in(args, 4), Cells.in(args, 1));
    }

    @Override
    double decay(int t, int h, int i) {
      return Math.exp(dt(t, h) * rate(h));
    }

    @Override
    double written(double[] m, int t, int h, int d) {
      return dt(t, h) * value(t, h, d);
    }

    double dt(int t, int h) {
      return dt.get((long) t * heads + h);
    }

    double rate(int h) {
      return rate.get(h);
    }
  }
}
