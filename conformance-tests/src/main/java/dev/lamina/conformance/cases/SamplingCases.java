package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.conformance.oracle.SamplingOracle;
import dev.lamina.conformance.oracle.SamplingOracle.Draw;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Penalties, masks, draws and log-probabilities. */
final class SamplingCases {
  private static final Dim R = Dim.sym("R", 0, 4096);

  /** Logits of which few count: among thousands alike, any cut would hang on rounding. */
  private static final Source PEAKED = Source.reals(random -> () -> 20 * random.nextDouble() - 10);

  private SamplingCases() {}

  static void addTo(CaseList list) {
    for (int vocab : new int[] {1, 5, 64, 257, 1057}) {
      penalties(list, vocab);
      bitmask(list, vocab);
      logprobs(list, vocab, Math.min(vocab, 7));
      sample(list, vocab, "greedy", 3, (random, i) -> draw(random, 0, 0, 1, 0));
      sample(list, vocab, "plain", 5, (random, i) -> draw(random, 0.9f, 0, 1, 0));
      sample(list, vocab, "top-k", 5, (random, i) -> draw(random, 1.1f, 1 + 3 * i, 1, 0));
      sample(list, vocab, "top-p", 5, (random, i) -> draw(random, 2, 0, 0.2f * i, 0));
      sample(list, vocab, "min-p", 5, (random, i) -> draw(random, 1.3f, 0, 1, 0.05f * i));
      sample(list, vocab, "mixed", 24, SamplingCases::mixed);
    }
    list.composite(
        "sample",
        "f32",
        Dtypes.shape(6, 6),
        "ties",
        g -> {
          double none = Double.NEGATIVE_INFINITY;
          Source logits = Source.cycleReals(1, 3, 3, 0, 3, 2, none, none, none, none, none, none);
          Draw greedy = new Draw(0, 0, 1, 0, 1, 1);
          Draw one = new Draw(2, 1, 1, 0, 5, 5);
          Draw sure = new Draw(2, 0, 0, 0, 5, 5);
          List<Draw> draws = List.of(greedy, greedy, one, one, sure, sure);
          run(g, g.make(logits, DType.F32, 6, 6), draws, new long[] {1, 0, 1, 0, 1, 0});
        },
        Rule.R6);
    exactShares(list);
    ties(list);
    logprobs(list, 33, 0);
    logprobs(list, 4099, 40);
    many(list);
    words(list);
    limits(list);
  }

  /** Shares that no rounding touches: a running sum that equals top-p is not below it. */
  private static void exactShares(CaseList list) {
    list.composite(
        "sample",
        "f32",
        Dtypes.shape(4, 6),
        "top-p-exact",
        g -> {
          double none = Double.NEGATIVE_INFINITY;
          Source logits =
              Source.cycleReals(
                  none, 1, none, 1, none, none, 2, none, none, none, none, 2, none, 3, 3, 3, none,
                  3, 1, 1, 1, 1, none, none);
          List<Draw> draws = new ArrayList<>();
          for (float topP : new float[] {0.5f, 0.5f, 0.25f, 0.25f}) {
            draws.add(draw(g.random, 0.5f, 0, topP, 0));
          }
          run(g, g.make(logits, DType.F32, 4, 6), draws, new long[] {1, 0, 1, 0});
        },
        Rule.R6);
  }

  /** Rows for each pair of cuts, so that their order and what each is a part of shows. */
  private static void many(CaseList list) {
    for (int vocab : new int[] {40, 300, 4099}) {
      sample(list, vocab, "many-plain", 65, (random, i) -> draw(random, 0.7f + i % 5, 0, 1, 0));
      sample(list, vocab, "many-top-k", 33, (random, i) -> draw(random, 3, 29 + 3 * i, 1, 0));
      sample(
          list,
          vocab,
          "many-top-k-top-p",
          65,
          (random, i) -> draw(random, 2, 3 + i % 13, 0.3f + 0.1f * (i % 7), 0));
      sample(
          list,
          vocab,
          "many-min-p-top-p",
          130,
          (random, i) -> draw(random, 1.5f, 0, 0.2f + 0.1f * (i % 8), 0.05f + 0.06f * (i % 5)));
      sample(
          list,
          vocab,
          "many-min-p-top-k",
          65,
          (random, i) -> draw(random, 1.5f, 2 + i % 30, 1, 0.02f + 0.1f * (i % 7)));
      sample(
          list,
          vocab,
          "many-all",
          65,
          (random, i) ->
              draw(
                  random,
                  0.5f + 0.4f * (i % 9),
                  1 + i % 50,
                  0.95f - 0.1f * (i % 6),
                  0.03f * (i % 4)));
      sample(list, vocab, "many-mixed", 33, SamplingCases::mixed);
    }
  }

  /** Numbers whose low word has its highest bit; all cuts at once, of which each takes tokens. */
  private static void words(CaseList list) {
    sample(
        list,
        40,
        "unsigned-words",
        33,
        (random, i) ->
            new Draw(
                0.9f, 0, 1, 0, random.nextLong(), (random.nextInt() | 0x8000_0000) & 0xFFFF_FFFFL));
    sample(list, 40, "each-cut", 65, (random, i) -> draw(random, 1, 20 + i % 9, 0.98f, 0.3f));
  }

  /** More tokens than 16 bits number, most of them hidden; more rows; none. */
  private static void limits(CaseList list) {
    int many = LimitCases.MANY;
    sample(list, many, "peaked-greedy", 3, (random, i) -> draw(random, 0, 0, 1, 0));
    sample(list, many, "peaked-plain", 3, (random, i) -> draw(random, 0.2f, 0, 1, 0));
    sample(list, many, "peaked-top-k", 3, (random, i) -> draw(random, 0.2f, 40, 0.9f, 0));
    for (int vocab : new int[] {40, 1057}) {
      sample(list, vocab, "hidden-plain", 33, (random, i) -> draw(random, 1.5f, 0, 1, 0));
      sample(list, vocab, "hidden-top-k", 33, (random, i) -> draw(random, 2, 40, 0.8f, 0));
      sample(list, vocab, "hidden-greedy", 9, (random, i) -> draw(random, 0, 0, 1, 0));
    }
    sample(list, 33, "no-rows", 0, (random, i) -> draw(random, 0, 0, 1, 0));
    penalties(list, 40000, 2, 70);
    penalties(list, 33, 5, 0);
    penalties(list, 33, 0, 5);
    bitmask(list, 40000);
    bitmask(list, 33, 0);
    Source hidden = LOGITS_HIDDEN;
    logprobs(list, many, 5, 2, "peaked", LimitCases.peaked(many));
    logprobs(list, 130, 4, 9, "hidden", hidden);
    logprobs(list, 33, 4, 0, "empty", Regime.NORMAL);
    logprobs(list, 70, 40, 33, "ties", Regime.TIES);
  }

  /** Three of four tokens are -inf. */
  private static final Source LOGITS_HIDDEN =
      Source.reals(
          random -> () -> random.nextInt(4) > 0 ? Double.NEGATIVE_INFINITY : random.nextGaussian());

  /** Cuts that go through equal logits, of which the lowest ids stay. */
  private static void ties(CaseList list) {
    for (int vocab : new int[] {9, 130, 1057}) {
      sample(list, vocab, "ties-top-k", 65, (random, i) -> draw(random, 3, 1 + i % 40, 1, 0));
      sample(list, vocab, "ties-min-p-1", 33, (random, i) -> draw(random, 3, i % 3, 1, 1));
      sample(list, vocab, "ties-top-p-0", 9, (random, i) -> draw(random, 3, 0, 0, 0));
      sample(list, vocab, "ties-greedy", 9, (random, i) -> draw(random, 0, 0, 1, 0));
    }
  }

  private static Source logits(String name, int vocab) {
    if (name.startsWith("peaked")) {
      return LimitCases.peaked(vocab);
    }
    if (name.startsWith("hidden")) {
      return LOGITS_HIDDEN;
    }
    return name.startsWith("ties") ? Regime.TIES : vocab > 1500 ? PEAKED : Regime.NORMAL;
  }

  /** Parameters of row i. */
  @FunctionalInterface
  private interface Draws {
    Draw make(Random random, int i);
  }

  private static Draw draw(Random random, float temperature, int topK, float topP, float minP) {
    return new Draw(temperature, topK, topP, minP, random.nextLong(), random.nextLong());
  }

  private static Draw mixed(Random random, int i) {
    float temperature = i % 5 == 0 ? 0 : 0.5f + 0.3f * (i % 4);
    float topP = new float[] {1, 0.5f, 0.9f}[i % 3];
    return draw(random, temperature, new int[] {0, 2, 40}[i / 3 % 3], topP, i % 2 * 0.02f);
  }

  /** Rows are drawn until none hangs on rounding. */
  private static void sample(CaseList list, int vocab, String name, int rows, Draws draws) {
    list.composite(
        "sample",
        "f32",
        Dtypes.shape(rows, vocab),
        name,
        g -> {
          RefTensor.Builder logits = new RefTensor.Builder(DType.F32, rows, vocab);
          List<Draw> chosen = new ArrayList<>();
          long[] ids = new long[rows];
          for (int r = 0; r < rows; r++) {
            Draw draw;
            RefTensor row;
            do {
              draw = draws.make(g.random, r);
              row = g.make(logits(name, vocab), DType.F32, vocab);
              double[] x = new double[vocab];
              for (int v = 0; v < vocab; v++) {
                x[v] = row.real(v);
              }
              ids[r] = SamplingOracle.sample(x, draw);
            } while (ids[r] == SamplingOracle.UNDECIDED);
            chosen.add(draw);
            for (int v = 0; v < vocab; v++) {
              logits.copy(r * vocab + v, row, v);
            }
          }
          run(g, logits.build(), chosen, ids);
        },
        Rule.R6);
  }

  private static void run(CompositeSpec g, RefTensor logits, List<Draw> draws, long[] ids) {
    int rows = draws.size();
    RefTensor.Builder temperature = new RefTensor.Builder(DType.F32, rows);
    RefTensor.Builder topK = new RefTensor.Builder(DType.I32, rows);
    RefTensor.Builder topP = new RefTensor.Builder(DType.F32, rows);
    RefTensor.Builder minP = new RefTensor.Builder(DType.F32, rows);
    RefTensor.Builder seed = new RefTensor.Builder(DType.I64, rows);
    RefTensor.Builder position = new RefTensor.Builder(DType.I64, rows);
    for (int r = 0; r < rows; r++) {
      Draw d = draws.get(r);
      temperature.near(r, d.temperature(), 0);
      topK.exact(r, d.topK());
      topP.near(r, d.topP(), 0);
      minP.near(r, d.minP(), 0);
      seed.exact(r, d.seed());
      position.exact(r, d.position());
    }
    List<Value> operands = new ArrayList<>();
    operands.add(g.tensor(logits, R, Dim.of(logits.size(1))));
    for (RefTensor.Builder b : List.of(temperature, topK, topP, minP, seed, position)) {
      operands.add(g.tensor(b.build(), R));
    }
    Value drawn = g.ops.add(new CompositeOp.Sample(), operands.toArray(Value[]::new));
    g.out(drawn, RefTensor.exact(DType.I32, new long[] {rows}, ids));
  }

  private static void penalties(CaseList list, int vocab) {
    penalties(list, vocab, 4, 9);
    penalties(list, vocab, 33, 70);
  }

  private static void penalties(CaseList list, int vocab, int rows, int length) {
    list.composite(
        "penalties",
        "f32",
        Dtypes.shape(rows, vocab),
        "history=" + length,
        g -> {
          List<RefTensor> in = new ArrayList<>();
          in.add(g.make(Regime.NORMAL, DType.F32, rows, vocab));
          Source ids =
              Source.integers(random -> () -> random.nextInt(4) == 0 ? -1 : random.nextInt(vocab));
          in.add(g.make(ids, DType.I32, rows, length));
          in.add(g.make(Source.cycle(3, 0, length, 1, 5), DType.I32, rows));
          in.add(g.make(Source.cycleReals(0, 0.5, -0.5, 2), DType.F32, rows));
          in.add(g.make(Source.cycleReals(0.25, 0, 1, -2), DType.F32, rows));
          in.add(g.make(Source.cycleReals(1, 1.3, 2, 0.7), DType.F32, rows));
          List<Value> operands = new ArrayList<>();
          operands.add(g.tensor(in.getFirst(), R, Dim.of(vocab)));
          operands.add(g.tensor(in.get(1), R, Dim.sym("L", 0, 4096)));
          in.subList(2, 6).forEach(t -> operands.add(g.tensor(t, R)));
          Value y = g.ops.add(new CompositeOp.Penalties(), operands.toArray(Value[]::new));
          g.out(y, SamplingOracle.penalties(in));
        },
        Rule.R8);
  }

  private static void bitmask(CaseList list, int vocab) {
    bitmask(list, vocab, 9);
  }

  private static void bitmask(CaseList list, int vocab, int rows) {
    list.composite(
        "apply_bitmask",
        "f32",
        Dtypes.shape(rows, vocab),
        "-",
        g -> {
          RefTensor logits = g.make(Regime.NANS, DType.F32, rows, vocab);
          RefTensor mask = g.make(Regime.WIDE, DType.U32, rows, (vocab + 31) / 32);
          Value y =
              g.ops.add(
                  new CompositeOp.ApplyBitmask(),
                  g.tensor(logits, R, Dim.of(vocab)),
                  g.tensor(mask, R, Dim.of((vocab + 31) / 32)));
          g.out(y, SamplingOracle.masked(logits, mask));
        },
        Rule.STRUCTURE);
  }

  private static void logprobs(CaseList list, int vocab, int k) {
    for (Regime regime : List.of(Regime.NORMAL, Regime.TIES, Regime.LARGE)) {
      logprobs(list, vocab, k, 3, regime.text(), regime);
    }
  }

  private static void logprobs(
      CaseList list, int vocab, int k, int rows, String name, Source source) {
    list.composite(
        "logprobs",
        "f32",
        Dtypes.shape(rows, vocab),
        "k=" + k + "," + name,
        g -> {
          RefTensor logits = g.make(source, DType.F32, rows, vocab);
          RefTensor ids = g.make(Source.between(0, vocab), DType.I32, rows);
          List<Value> y =
              g.ops.addAll(
                  new CompositeOp.Logprobs(k),
                  List.of(g.tensor(logits, R, Dim.of(vocab)), g.tensor(ids, R)));
          List<RefTensor> expected = SamplingOracle.logprobs(logits, ids, k);
          for (int i = 0; i < 3; i++) {
            g.out(y.get(i), expected.get(i));
          }
        },
        Rule.R6);
  }
}
