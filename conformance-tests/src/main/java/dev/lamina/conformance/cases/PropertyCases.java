package dev.lamina.conformance.cases;

import dev.lamina.conformance.Check;
import dev.lamina.conformance.CheckFailedException;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.FloatCodec;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.CompileOptions;
import dev.lamina.spi.State;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.Value;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Laws that need no oracle: what one run gives follows from what another gave. */
final class PropertyCases {
  private PropertyCases() {}

  static void addTo(CaseList list) {
    for (DType dtype : List.of(DType.F32, DType.F16, DType.BF16)) {
      add(list, dtype, "softmax,shift", Rule.R2, (c, seed) -> softmaxShift(c, dtype, seed));
      add(list, dtype, "matmul,power-of-two", Rule.R2, (c, seed) -> scaling(c, dtype, null, seed));
      add(list, dtype, "state,export-import", Rule.STRUCTURE, (c, s) -> exchange(c, dtype, s));
    }
    for (QuantFormat f : QuantCases.PLAIN) {
      String name = "linear,power-of-two,w=" + f.text();
      add(list, DType.F32, name, Rule.R2, (c, seed) -> scaling(c, DType.F32, f, seed));
    }
    add(list, DType.F32, "logprobs,shift", Rule.R2, PropertyCases::logprobsShift);
    for (CompositeOp.RopeStyle style : CompositeOp.RopeStyle.values()) {
      add(list, DType.F32, "rope,shift," + style, Rule.R1, (c, s) -> ropeShift(c, style, s));
    }
    for (RowOps.Kind kind : RowOps.all()) {
      add(list, kind.dtype(), kind + ",row-permutation", Rule.R5, (c, s) -> rows(c, kind, s));
    }
    PagedProperties.addTo(list);
  }

  private static void add(
      CaseList list, DType dtype, String attrs, Rule rule, CaseList.SeededBody body) {
    list.seeded(
        Level.L2,
        "property",
        dtype.text(),
        "-",
        attrs,
        rule,
        (context, seed) ->
            context.info().dtypes().contains(dtype)
                ? body.run(context, seed)
                : Outcome.unsupported("the device does not declare [" + dtype + "]"));
  }

  /** Sizes small enough, and multiples of 1/8, so that adding c is exact in every dtype. */
  private static Source eighths(double c) {
    return (dtype, sizes, random) -> {
      RefTensor.Builder out = new RefTensor.Builder(dtype, sizes);
      for (int i = 0; i < out.count(); i++) {
        out.near(i, (random.nextInt(17) - 8) / 8.0 + c, 0);
      }
      return out.build();
    };
  }

  private static Outcome softmaxShift(Context context, DType dtype, long seed)
      throws BackendException {
    Drift drift = new Drift("softmax.shift." + dtype.text(), context.has(Cap.RUN_TO_RUN));
    List<RefTensor> plain = List.of();
    for (double c : new double[] {0, 4, -8, 16}) {
      RowOp g = new RowOp("softmax", seed);
      g.out(RowOps.softmax(g, g.rows(eighths(c), dtype, 67)));
      try (Evaluation e = g.compile(context.device(), Drift.options(context, Cap.RUN_TO_RUN))) {
        List<RefTensor> got = g.run(e, IntStream.range(0, 16).toArray());
        plain = plain.isEmpty() ? got : plain;
        drift.compare("all logits moved by " + c, plain, got);
      }
    }
    drift.report(context, "run_to_run");
    return Outcome.EXACT;
  }

  private static Outcome logprobsShift(Context context, long seed) throws BackendException {
    int vocab = 131;
    double worst = 0;
    for (boolean decompose : new boolean[] {false, true}) {
      List<RefTensor> plain = List.of();
      for (double c : new double[] {0, 64, -1024, 65536}) {
        RowOp g = new RowOp("logprobs", seed);
        Value logits = g.rows(eighths(c), DType.F32, vocab);
        Value ids = g.rows(Source.between(0, vocab), DType.I32);
        List<Value> y = g.ops.addAll(new CompositeOp.Logprobs(9), List.of(logits, ids));
        g.out(y.toArray(Value[]::new));
        CompileOptions options = Drift.options(context, decompose, Cap.RUN_TO_RUN);
        try (Evaluation e = g.compile(context.device(), options)) {
          List<RefTensor> got = g.run(e, IntStream.range(0, 16).toArray());
          plain = plain.isEmpty() ? got : plain;
          String what = "all logits moved by " + c;
          worst = Math.max(worst, logprobsAlike(what, plain, got, vocab, c));
        }
      }
    }
    return Outcome.passed(worst);
  }

  /** A log-softmax may subtract the log of the sum from x, which rounds in units of x. */
  private static double logprobsAlike(
      String what, List<RefTensor> a, List<RefTensor> b, int vocab, double c) {
    double allowed = (4 * Math.sqrt(vocab) + 24) * 0x1p-24 * (8 + Math.abs(c));
    double worst = 0;
    for (int out = 0; out < 2; out++) {
      for (int i = 0; i < a.get(out).count(); i++) {
        double apart = Math.abs(a.get(out).real(i) - b.get(out).real(i));
        if (!(apart <= allowed)) {
          throw new CheckFailedException(
              "%s: expected log-probability %d within %.3g of the other run's, got %.3g apart"
                  .formatted(what, i, allowed, apart),
              apart / allowed,
              null);
        }
        worst = Math.max(worst, apart / allowed);
      }
    }
    for (int i = 0; i < a.get(2).count(); i++) {
      Check.equal(what + ": id of rank " + i, a.get(2).integer(i), b.get(2).integer(i));
    }
    return worst;
  }

  /** A factor of 2^n changes exponents only, whatever the order of the sums. */
  private static Outcome scaling(
      Context context, DType dtype, @Nullable QuantFormat format, long seed)
      throws BackendException {
    String name = (format == null ? "matmul." + dtype.text() : "linear." + format.text());
    Drift drift = new Drift(name + ".power-of-two", context.has(Cap.RUN_TO_RUN));
    for (boolean decompose : new boolean[] {false, true}) {
      List<RefTensor> plain = List.of();
      for (int power : new int[] {0, 1, -3, 7}) {
        double factor = Math.scalb(1.0, power);
        RowOp g = new RowOp("scaled", seed);
        Source uniform =
            (d, sizes, random) -> scaled(Regime.POSITIVE.make(d, sizes, random), factor);
        Value x = g.rows(uniform, dtype, 160);
        if (format == null) {
          g.out(g.ops.matmul(x, g.weight(Regime.NORMAL, dtype, 160, 37), false, DType.F32));
        } else {
          g.out(g.ops.linear(x, g.blocked(format, 37, 160), null, DType.F32));
        }
        CompileOptions options = Drift.options(context, decompose, Cap.RUN_TO_RUN);
        try (Evaluation e = g.compile(context.device(), options)) {
          List<RefTensor> got = g.run(e, IntStream.range(0, 21).toArray());
          List<RefTensor> back = List.of(scaled(got.getFirst(), 1 / factor));
          plain = plain.isEmpty() ? back : plain;
          drift.compare("inputs times 2^" + power, plain, back);
        }
      }
    }
    drift.report(context, "run_to_run");
    return Outcome.EXACT;
  }

  private static RefTensor scaled(RefTensor t, double factor) {
    RefTensor.Builder out = new RefTensor.Builder(t.dtype(), t.sizes());
    for (int i = 0; i < t.count(); i++) {
      out.exact(i, FloatCodec.of(t.dtype()).encode(t.real(i) * factor));
    }
    return out.build();
  }

  /** Frequencies are powers of two, so that angles are exact at every position. */
  private static Outcome ropeShift(Context context, CompositeOp.RopeStyle style, long seed)
      throws BackendException {
    int d = 32;
    CompositeOp.Rope op = new CompositeOp.Rope(style, d, 1, List.of());
    double worst = 0;
    for (boolean decompose : new boolean[] {false, true}) {
      RefTensor plain = null;
      for (long shift : new long[] {0, 1, 100, 5000, 1 << 19}) {
        RowOp g = new RowOp("rope", seed);
        Value x = g.rows(Regime.NORMAL, DType.F32, 1, d);
        int[] at = {0};
        Source positions = Source.integers(random -> () -> shift + at[0]++ * 7L % 50);
        Source halves =
            Source.reals(random -> {
              int[] i = {0};
              return () -> Math.scalb(1.0, -i[0]++);
            });
        g.out(g.ops.rope(op, x, g.positions(positions), g.weight(halves, DType.F32, d / 2)));
        CompileOptions options = Drift.options(context, decompose, Cap.RUN_TO_RUN);
        try (Evaluation e = g.compile(context.device(), options)) {
          RefTensor got = g.run(e, IntStream.range(0, 24).toArray()).getFirst();
          plain = plain == null ? got : plain;
          worst = Math.max(worst, dotsAlike("positions moved by " + shift, plain, got, d));
        }
      }
    }
    return Outcome.passed(worst);
  }

  /** Sine and cosine are right within 2^-21 each; a product of two rotations has four of them. */
  private static double dotsAlike(String what, RefTensor a, RefTensor b, int d) {
    double worst = 0;
    int rows = a.size(0);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < rows; j++) {
        double[] one = dot(a, i, j, d);
        double[] other = dot(b, i, j, d);
        double allowed = 8 * (0x1p-21 + 4 * 0x1p-24) * Math.max(one[1], other[1]);
        double apart = Math.abs(one[0] - other[0]);
        if (!(apart <= allowed)) {
          throw new CheckFailedException(
              "%s: expected q.k of rows %d and %d within %.3g of %.9g, got %.9g"
                  .formatted(what, i, j, allowed, one[0], other[0]),
              apart / allowed,
              null);
        }
        worst = Math.max(worst, apart / allowed);
      }
    }
    return worst;
  }

  /** The product of two rows, and the product of their lengths, in which a rotation errs. */
  private static double[] dot(RefTensor t, int i, int j, int d) {
    double sum = 0;
    double first = 0;
    double second = 0;
    for (int e = 0; e < d; e++) {
      double x = t.real(i * d + e);
      double y = t.real(j * d + e);
      sum += x * y;
      first += x * x;
      second += y * y;
    }
    return new double[] {sum, Math.sqrt(first * second)};
  }

  private static Outcome rows(Context context, RowOps.Kind kind, long seed)
      throws BackendException {
    Drift drift =
        new Drift(
            kind + "." + kind.dtype().text() + ".order",
            kind.exact() || context.has(Cap.BATCH_INVARIANT));
    for (boolean decompose : new boolean[] {false, true}) {
      RowOp g = kind.make(seed);
      CompileOptions options =
          Drift.options(context, decompose, Cap.RUN_TO_RUN, Cap.BATCH_INVARIANT);
      int[] order = IntStream.range(0, 45).toArray();
      try (Evaluation e = g.compile(context.device(), options)) {
        List<RefTensor> plain = g.run(e, order);
        Random random = new Random(seed);
        for (int round = 0; round < 3; round++) {
          int[] mixed = shuffled(order, random);
          List<RefTensor> expected = plain.stream().map(t -> RowOp.pick(t, 0, mixed)).toList();
          drift.compare("rows in another order", expected, g.run(e, mixed));
        }
      }
    }
    drift.report(context, "batch_invariant");
    return Outcome.EXACT;
  }

  private static int[] shuffled(int[] from, Random random) {
    int[] out = from.clone();
    for (int i = out.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int keep = out[i];
      out[i] = out[j];
      out[j] = keep;
    }
    return out;
  }

  /** Out of one pool and into another at other slots, there and back: every bit returns. */
  private static Outcome exchange(Context context, DType dtype, long seed) throws BackendException {
    int slots = 48;
    StateSpec spec =
        new StateSpec(
            "kv",
            16,
            new Dim.Sym("slots.kv", 16, 1 << 20, 16),
            List.of(
                new StateSpec.Entry("k", 0, dtype, List.of(2, 5)),
                new StateSpec.Entry("v", 0, dtype, List.of(3))));
    Random random = new Random(seed);
    RefTensor k = Regime.WIDE.make(dtype, new long[] {slots, 2, 5}, random);
    RefTensor v = Regime.INFINITE.make(dtype, new long[] {slots, 3}, random);
    for (boolean decompose : new boolean[] {false, true}) {
      CompileOptions options = Drift.options(context, decompose);
      try (Evaluation in = new Evaluation(context.device(), importing(spec), options);
          Evaluation out = new Evaluation(context.device(), exporting(spec), options);
          State first = in.newPool(spec, slots);
          State second = in.newPool(spec, slots)) {
        RefTensor rows = rows(IntStream.range(0, slots).toArray());
        in.pool("kv", first).run(Map.of("k", k, "v", v, "slots", rows));
        List<RefTensor> moved = out.pool("kv", first).run(Map.of("slots", rows));
        RefTensor others = rows(shuffled(IntStream.range(0, slots).toArray(), random));
        in.pool("kv", second).run(Map.of("k", moved.get(0), "v", moved.get(1), "slots", others));
        List<RefTensor> back = out.pool("kv", second).run(Map.of("slots", others));
        same("k", k, back.get(0));
        same("v", v, back.get(1));
      }
    }
    return Outcome.EXACT;
  }

  private static void same(String name, RefTensor expected, RefTensor got) {
    long[] a = IntStream.range(0, expected.count()).mapToLong(expected::bits).toArray();
    long[] b = IntStream.range(0, got.count()).mapToLong(got::bits).toArray();
    int at = Arrays.mismatch(a, b);
    Check.that(
        at < 0,
        "%s after export and import: expected 0x%x at element %d, got 0x%x",
        name,
        at < 0 ? 0 : a[at],
        at,
        at < 0 ? 0 : b[at]);
  }

  private static RefTensor rows(int[] slots) {
    long[] wide = Arrays.stream(slots).asLongStream().toArray();
    return RefTensor.exact(DType.I32, new long[] {slots.length}, wide);
  }

  private static Graph importing(StateSpec spec) {
    Ops g = new Ops("import");
    Value pool = g.state(spec);
    Dim n = Dim.sym("N", 0, 4096);
    Value slots = g.tensor("slots", TensorType.of(DType.I32, n));
    DType dtype = spec.entries().getFirst().dtype();
    Value k = g.tensor("k", TensorType.of(dtype, n, Dim.of(2), Dim.of(5)));
    Value v = g.tensor("v", TensorType.of(dtype, n, Dim.of(3)));
    pool = g.stateImport(pool, "k", 0, k, slots);
    g.output("kv", g.stateImport(pool, "v", 0, v, slots));
    return g.build();
  }

  private static Graph exporting(StateSpec spec) {
    Ops g = new Ops("export");
    Value pool = g.state(spec);
    Value slots = g.tensor("slots", TensorType.of(DType.I32, Dim.sym("N", 0, 4096)));
    g.output("k", g.stateExport(pool, "k", 0, slots));
    g.output("v", g.stateExport(pool, "v", 0, slots));
    return g.build();
  }
}
