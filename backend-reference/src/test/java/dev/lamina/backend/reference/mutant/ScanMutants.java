package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp.SsdScan;
import java.util.Arrays;

/** Mamba 2's scan. */
final class ScanMutants {
  private ScanMutants() {}

  static void addTo(MutantList list) {
    list.area("state space scan", "ssd_scan/*");
    rules(list);
    states(list);
  }

  private static void rules(MutantList list) {
    list.op(
        "ssd-sign-of-decay",
        "states grow where they should decay",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              double rate(int h) {
                return -super.rate(h);
              }
            });
    list.op(
        "ssd-decay-without-step",
        "the decay does not depend on dt",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              double decay(int t, int h, int i) {
                return Math.exp(rate(h));
              }
            });
    list.op(
        "ssd-value-without-step",
        "x is written without dt",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              double written(double[] m, int t, int h, int d) {
                return value(t, h, d);
              }
            });
    list.op(
        "ssd-decay-of-row-before",
        "a row decays by the step before it",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              double decay(int t, int h, int i) {
                return super.decay(Math.max(0, t - 1), h, i);
              }
            });
    list.op(
        "ssd-rate-of-head-0",
        "one rate for all heads",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              double rate(int h) {
                return super.rate(0);
              }
            });
    list.op(
        "ssd-b-c-swapped",
        "writes with c, reads with b",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              double key(int t, int h, int i) {
                return super.query(t, h, i);
              }

              @Override
              double query(int t, int h, int i) {
                return super.key(t, h, i);
              }
            });
    list.op(
        "ssd-groups-interleaved",
        "head h has group h mod G",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              int keyHead(int h) {
                return h % keyHeads;
              }
            });
    list.op(
        "ssd-c-of-group-0",
        "one c for all groups",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              int queryHead(int h) {
                return 0;
              }
            });
  }

  private static void states(MutantList list) {
    list.op(
        "recurrence-chunk-decays-twice",
        "the decay counts twice where a chunk begins",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              void row(double[] m, int t, int offset) {
                for (int i = 0; i < m.length && offset % 64 == 0; i++) {
                  m[i] *= decay(t, i / valueDim / keyDim, 0);
                }
                super.row(m, t, offset);
              }
            });
    list.op(
        "ssd-block-forgets",
        "the second block of 64 rows starts from zeros",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              void row(double[] m, int t, int offset) {
                if (offset == 64) {
                  Arrays.fill(m, 0);
                }
                super.row(m, t, offset);
              }
            });
    list.op(
        "ssd-state-not-carried",
        "each step starts from zeros",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              double[] before(int s) {
                return new double[width()];
              }
            });
    list.op(
        "ssd-state-transposed",
        "the state is stored [P, N]",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              void put(long slot, double[] state) {
                double[] other = new double[state.length];
                for (int i = 0; i < state.length; i++) {
                  int in = i % (keyDim * valueDim);
                  int head = i - in;
                  other[head + in % valueDim * keyDim + in / valueDim] = state[i];
                }
                super.put(slot, other);
              }
            });
    list.op(
        "ssd-slot-one-off",
        "states go one slot too low",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              long write(int s) {
                return super.write(s) < 0 ? -1 : super.write(s) - 1;
              }
            });
    list.op(
        "ssd-dropped-write-kept",
        "a dropped state goes to slot 0",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              @Override
              long write(int s) {
                return Math.max(0, super.write(s));
              }
            });
    list.op(
        "ssd-checkpoint-follows",
        "the slot that was read gets the new state too",
        SsdScan.class,
        op ->
            new PlainRecurrence.Scan(op) {
              private long from;

              @Override
              double[] before(int s) {
                from = read(s);
                return super.before(s);
              }

              @Override
              void put(long slot, double[] state) {
                super.put(slot, state);
                if (from >= 0) {
                  super.put(from, state);
                }
              }
            });
  }
}
