package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.RecurrentOracle;
import dev.lamina.conformance.oracle.RecurrentOracle.Linear;
import dev.lamina.conformance.oracle.RecurrentOracle.Result;
import dev.lamina.conformance.oracle.RecurrentOracle.Slots;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Composites with a state a sequence, over steps of every make-up. */
final class RecurrentCases {
  private static final Dim T = Dim.sym("T", 0, 4096);
  private static final Dim S = Dim.sym("S", 0, 64);
  private static final Dim BOUNDS = Dim.sym("S1", 1, 65);
  private static final int SLOTS = 9;

  /**
   * A step: rows of each sequence, the slots they read and write, rows of no sequence at the end.
   */
  private record Step(String name, long[] lengths, long[] reads, long[] writes, int padding) {
    Slots slots() {
      long[] cu = new long[lengths.length + 1];
      for (int s = 0; s < lengths.length; s++) {
        cu[s + 1] = cu[s] + lengths[s];
      }
      return RecurrentOracle.slots(reads, writes, cu);
    }

    int rows() {
      return (int) Arrays.stream(lengths).sum() + padding;
    }
  }

  private static final List<Step> STEPS =
      List.of(
          new Step("one-row", row(1), row(3), row(3), 0),
          new Step("start", row(37), row(-1), row(5), 0),
          new Step("chunks", row(130), row(2), row(2), 0),
          new Step("mixed", row(1, 70, 0, 5), row(4, -1, 6, 0), row(4, 1, 8, 0), 0),
          new Step("from-one-checkpoint", row(3, 2), row(7, 7), row(1, 2), 0),
          new Step("dropped", row(4, 3), row(2, -1), row(-1, 6), 0),
          new Step("padded", row(2, 0, 0), row(1, -1, -1), row(3, -1, -1), 5),
          new Step("no-rows", row(0, 0), row(3, -1), row(4, 5), 0));

  /** The range of log decays. */
  private enum Decay {
    USUAL(-1, 0),
    NONE(0, 0),
    EXTREME(-90, 0);

    private final double low;
    private final double high;

    Decay(double low, double high) {
      this.low = low;
      this.high = high;
    }
  }

  private RecurrentCases() {}

  private static long[] row(long... values) {
    return values;
  }

  static void addTo(CaseList list) {
    for (Step step : STEPS) {
      for (DType dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
        convolution(list, step, dtype, 4, true, true);
        delta(list, step, dtype, Decay.USUAL, false);
        scan(list, step, dtype, Decay.USUAL);
      }
      convolution(list, step, DType.F32, 2, false, false);
      convolution(list, step, DType.F32, 3, true, false);
      delta(list, step, DType.F32, Decay.USUAL, true);
      for (Decay decay : List.of(Decay.NONE, Decay.EXTREME)) {
        delta(list, step, DType.F32, decay, false);
        delta(list, step, DType.F32, decay, true);
        scan(list, step, DType.F32, decay);
      }
    }
  }

  private static StateSpec spec(String entry, DType dtype, Integer... sizes) {
    Dim slots = new Dim.Sym("slots.recurrent", 1, 1 << 20, 1);
    StateSpec.Entry e = new StateSpec.Entry(entry, 1, dtype, List.of(sizes));
    return new StateSpec("recurrent", 1, slots, List.of(e));
  }

  private static RefTensor uniform(
      CompositeSpec g, DType dtype, double low, double high, long... sizes) {
    Source source = Source.reals(random -> () -> low + (high - low) * random.nextDouble());
    return g.make(source, dtype, sizes);
  }

  private static Value[] slots(CompositeSpec g, Slots s) {
    return new Value[] {
      g.tensor(s.reads(), S), g.tensor(s.writes(), S), g.tensor(s.cuSeqlensQ(), BOUNDS)
    };
  }

  private static Value rows(CompositeSpec g, RefTensor x) {
    Dim[] dims = Arrays.stream(x.sizes()).mapToObj(Dim::of).toArray(Dim[]::new);
    dims[0] = T;
    return g.tensor(x, dims);
  }

  private static void finish(
      CompositeSpec g, StateSpec spec, List<Value> results, Result expected) {
    g.out(results.getFirst(), expected.out());
    g.out(spec, results.get(1), List.of(expected.entry()));
  }

  private static void convolution(
      CaseList list, Step step, DType dtype, int taps, boolean silu, boolean biased) {
    int channels = 37;
    list.composite(
        "causal_conv1d",
        dtype.text(),
        Dtypes.shape(step.rows(), channels, taps),
        step.name + (silu ? ",silu" : "") + (biased ? ",biased" : ""),
        g -> {
          StateSpec spec = spec("conv", DType.F32, taps - 1, channels);
          RefTensor entry = g.make(Regime.NORMAL, DType.F32, SLOTS, taps - 1L, channels);
          Value pool = g.pool(spec, List.of(entry));
          RefTensor x = g.make(Regime.NORMAL, dtype, step.rows(), channels);
          RefTensor w = g.make(Regime.NORMAL, dtype, channels, taps);
          RefTensor bias = biased ? g.make(Regime.NORMAL, dtype, channels) : null;
          Value[] in = {pool, rows(g, x), g.tensor(w)};
          CompositeOp.CausalConv1d op = new CompositeOp.CausalConv1d("conv", 1, silu, biased);
          Value[] all = joined(in, slots(g, step.slots()));
          List<Value> out =
              g.ops.causalConv1d(op, bias == null ? all : joined(all, g.tensor(bias)));
          finish(g, spec, out, new RecurrentOracle(step.slots(), entry).convolve(x, w, bias, silu));
        },
        Rule.R1,
        Rule.R8);
  }

  private static Value[] joined(Value[] a, Value... b) {
    Value[] all = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, all, a.length, b.length);
    return all;
  }

  private static void delta(CaseList list, Step step, DType dtype, Decay decay, boolean byChannel) {
    int keyDim = 6;
    int n = step.rows();
    list.composite(
        "gated_delta",
        dtype.text(),
        Dtypes.shape(n, 2, 4, keyDim, 5),
        step.name
            + ","
            + decay.name().toLowerCase(java.util.Locale.ROOT)
            + (byChannel ? ",by-channel" : ""),
        g -> {
          StateSpec spec = spec("memory", DType.F32, 4, keyDim, 5);
          RefTensor entry = g.make(Regime.NORMAL, DType.F32, SLOTS, 4, keyDim, 5);
          Value pool = g.pool(spec, List.of(entry));
          // Keys no longer than 1, as the rule wants them.
          double most = 1 / Math.sqrt(keyDim);
          RefTensor q = g.make(Regime.NORMAL, dtype, n, 2, keyDim);
          RefTensor k = uniform(g, dtype, -most, most, n, 2, keyDim);
          RefTensor v = g.make(Regime.NORMAL, dtype, n, 4, 5);
          RefTensor log =
              byChannel
                  ? uniform(g, DType.F32, decay.low, decay.high, n, 4, keyDim)
                  : uniform(g, DType.F32, decay.low, decay.high, n, 4);
          RefTensor beta = uniform(g, DType.F32, 0, 1, n, 4);
          Value[] in = {pool, rows(g, q), rows(g, k), rows(g, v), rows(g, log), rows(g, beta)};
          CompositeOp.GatedDelta op = new CompositeOp.GatedDelta("memory", 1, 0.375);
          List<Value> out = g.ops.gatedDelta(op, joined(in, slots(g, step.slots())));
          Linear a = new Linear(q, k, v, log, null, beta, 0.375);
          finish(g, spec, out, new RecurrentOracle(step.slots(), entry).attend(a));
        },
        Rule.R2,
        Rule.R8);
  }

  private static void scan(CaseList list, Step step, DType dtype, Decay decay) {
    int n = step.rows();
    list.composite(
        "ssd_scan",
        dtype.text(),
        Dtypes.shape(n, 4, 5, 2, 6),
        step.name + "," + decay.name().toLowerCase(java.util.Locale.ROOT),
        g -> {
          StateSpec spec = spec("memory", DType.F32, 4, 6, 5);
          RefTensor entry = g.make(Regime.NORMAL, DType.F32, SLOTS, 4, 6, 5);
          Value pool = g.pool(spec, List.of(entry));
          RefTensor x = g.make(Regime.NORMAL, dtype, n, 4, 5);
          RefTensor dt = uniform(g, DType.F32, 0, 1, n, 4);
          RefTensor rate = uniform(g, DType.F32, decay.low, decay.high, 4);
          RefTensor b = g.make(Regime.NORMAL, dtype, n, 2, 6);
          RefTensor c = g.make(Regime.NORMAL, dtype, n, 2, 6);
          Value[] in = {pool, rows(g, x), rows(g, dt), g.tensor(rate), rows(g, b), rows(g, c)};
          CompositeOp.SsdScan op = new CompositeOp.SsdScan("memory", 1);
          List<Value> out = g.ops.ssdScan(op, joined(in, slots(g, step.slots())));
          @Nullable RefTensor none = null;
          Linear a = new Linear(c, b, x, dt, rate, none, 1);
          finish(g, spec, out, new RecurrentOracle(step.slots(), entry).attend(a));
        },
        Rule.R2,
        Rule.R8);
  }
}
