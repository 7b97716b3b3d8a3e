package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp.GatedDelta;

/** The gated delta rule, and states of sequences. */
final class DeltaMutants {
  private DeltaMutants() {}

  static void addTo(MutantList list) {
    list.area("gated delta rule", "gated_delta/*");
    rules(list);
    states(list);
    list.area("gated delta rule", "gated_delta/*by-channel*");
    channels(list);
  }

  private static void rules(MutantList list) {
    list.op(
        "delta-sign-of-decay",
        "states grow where they should decay",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              double logDecay(int t, int h, int i) {
                return -super.logDecay(t, h, i);
              }
            });
    list.op(
        "delta-decay-in-base-2",
        "2^g for e^g",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              double decay(int t, int h, int i) {
                return Math.pow(2, logDecay(t, h, i));
              }
            });
    list.op(
        "delta-decay-after",
        "the decay comes after the write",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              void row(double[] m, int t, int offset) {
                super.row(m, t, offset);
                for (int i = 0; i < m.length; i++) {
                  int row = i / valueDim;
                  m[i] *= super.decay(t, row / keyDim, row % keyDim);
                }
              }

              @Override
              boolean decays(int offset) {
                return false;
              }
            });
    list.op(
        "delta-decays-twice-at-a-start",
        "the first row of a chunk decays twice",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              void row(double[] m, int t, int offset) {
                for (int i = 0; i < m.length && offset == 0; i++) {
                  int row = i / valueDim;
                  m[i] *= decay(t, row / keyDim, row % keyDim);
                }
                super.row(m, t, offset);
              }
            });
    list.op(
        "delta-decay-lost-in-row-64",
        "the first row of a second block of 64 does not decay",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              boolean decays(int offset) {
                return offset == 0 || offset % 64 != 0;
              }
            });
    list.op(
        "delta-not-corrected",
        "writes the value, whatever the state knows of it",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              double known(double[] m, int t, int h, int d) {
                return 0;
              }
            });
    list.op(
        "delta-known-before-decay",
        "what is known is taken from before the decay",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              private double[] before = new double[0];

              @Override
              void row(double[] m, int t, int offset) {
                before = m.clone();
                super.row(m, t, offset);
              }

              @Override
              double known(double[] m, int t, int h, int d) {
                return super.known(before, t, h, d);
              }
            });
    list.op(
        "delta-beta-on-value-only",
        "beta does not scale what is taken back",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              double written(double[] m, int t, int h, int d) {
                return beta(t, h) * value(t, h, d) - known(m, t, h, d);
              }
            });
    list.op(
        "delta-beta-of-head-0",
        "one beta for all heads",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              double beta(int t, int h) {
                return super.beta(t, 0);
              }
            });
    list.op(
        "delta-unscaled",
        "no scale on queries",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              double scaled(double sum) {
                return sum;
              }
            });
    list.op(
        "delta-heads-interleaved",
        "value head h has key head h mod Hk",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              int keyHead(int h) {
                return h % keyHeads;
              }
            });
    list.op(
        "delta-query-is-key",
        "reads with the key",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              double query(int t, int h, int i) {
                return key(t, h, i);
              }
            });
  }

  private static void states(MutantList list) {
    list.op(
        "delta-read-before-write",
        "the result does not know the row's own write",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              private double[] before = new double[0];

              @Override
              void row(double[] m, int t, int offset) {
                before = m.clone();
                super.row(m, t, offset);
                for (int i = 0; i < heads * valueDim; i++) {
                  double sum = 0;
                  int h = i / valueDim;
                  for (int c = 0; c < keyDim; c++) {
                    sum += query(t, h, c) * decay(t, h, c) * before[at(h, c, i % valueDim)];
                  }
                  out.set(row(t, h, i % valueDim), scaled(sum));
                }
              }
            });
    list.op(
        "recurrence-state-not-reset",
        "a new sequence starts from the last one's state",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              double[] before(int s) {
                return read(s) < 0 ? get(Math.max(0, write(s))) : super.before(s);
              }
            });
    list.op(
        "recurrence-padding-updates-state",
        "slot -1 updates a state",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              long write(int s) {
                return Math.max(0, super.write(s));
              }
            });
    list.op(
        "delta-writes-where-it-read",
        "the state goes back into the slot it came from",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              long write(int s) {
                return read(s) < 0 ? super.write(s) : read(s);
              }
            });
    list.op(
        "delta-state-of-first",
        "all sequences read the first one's slot",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              long read(int s) {
                return super.read(0);
              }
            });
    list.op(
        "delta-state-in-bf16",
        "the state is cut to BF16",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              double stored(double v) {
                return Spoils.toBf16(v);
              }
            });
    list.op(
        "delta-last-row-not-kept",
        "the state is stored before the last row's write",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              private double[] last = new double[0];

              @Override
              void row(double[] m, int t, int offset) {
                last = m.clone();
                super.row(m, t, offset);
              }

              @Override
              void put(long slot, double[] state) {
                super.put(slot, last.length == state.length ? last : state);
              }
            });
    list.op(
        "delta-padding-rows-unwritten",
        "rows of no sequence hold 1",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              double ofNoSequence() {
                return 1;
              }
            });
    list.op(
        "delta-no-rows-no-copy",
        "a sequence without rows keeps nothing",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              boolean isKept(int begin, int end) {
                return end > begin;
              }
            });
  }

  private static void channels(MutantList list) {
    list.op(
        "delta-channel-decay-of-head",
        "all channels decay as the first",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              double logDecay(int t, int h, int i) {
                return super.logDecay(t, h, 0);
              }
            });
    list.op(
        "delta-channel-decay-of-values",
        "decays go along the columns of the state",
        GatedDelta.class,
        op ->
            new PlainRecurrence.Delta(op) {
              @Override
              void row(double[] m, int t, int offset) {
                for (int i = 0; i < m.length; i++) {
                  m[i] *= super.decay(t, i / valueDim / keyDim, i % valueDim);
                }
                super.row(m, t, offset);
              }

              @Override
              boolean decays(int offset) {
                return false;
              }
            });
  }
}
