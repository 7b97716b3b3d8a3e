package dev.lamina.conformance.cases;

import dev.lamina.conformance.Context;
import dev.lamina.conformance.Level;
import dev.lamina.conformance.Outcome;
import dev.lamina.conformance.Rule;
import dev.lamina.conformance.cases.TinyModel.Span;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.CompileOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * BATCH_INVARIANT: a row's bits alone, in batches of every size and at every place, beside other
 * rows, and of a model in any mixture of prefill and decode.
 */
final class InvarianceCases {
  private static final int[] BATCHES = {1, 2, 3, 8, 33};

  private InvarianceCases() {}

  static void addTo(CaseList list) {
    for (RowOps.Kind kind : RowOps.all()) {
      add(list, kind.toString(), kind.dtype().text(), (c, seed) -> rows(c, kind, seed));
    }
    for (TinyModel.Shipped m : TinyModel.SHIPPED) {
      add(list, "model=" + m.name(), m.dtype(), (c, seed) -> model(c, m.name(), seed));
    }
  }

  private static void add(CaseList list, String op, String dtype, CaseList.SeededBody body) {
    list.seeded(Level.L3, "batch_invariant", dtype, "-", op, Rule.R5, body);
  }

  private static Outcome rows(Context context, RowOps.Kind kind, long seed)
      throws BackendException {
    if (!context.info().dtypes().contains(kind.dtype())) {
      return Outcome.unsupported("the device does not declare " + kind.dtype());
    }
    String name = kind + "." + kind.dtype().text();
    Drift drift = new Drift(name, kind.exact() || context.has(Cap.BATCH_INVARIANT));
    RowOp g = kind.make(seed);
    try (Evaluation e =
        g.compile(context.device(), Drift.options(context, Cap.RUN_TO_RUN, Cap.BATCH_INVARIANT))) {
      List<RefTensor> whole = g.run(e, IntStream.range(0, RowOp.ROWS).toArray());
      for (int n : BATCHES) {
        for (int from = 0; from < RowOp.ROWS; from += n) {
          int first = Math.min(from, RowOp.ROWS - n);
          compare(drift, g, e, whole, IntStream.range(first, first + n).toArray());
        }
      }
      Random random = new Random(seed);
      for (int n : new int[] {2, 3, 8, 33, 100, 256}) {
        compare(drift, g, e, whole, random.ints(n, 0, RowOp.ROWS).toArray());
      }
    }
    drift.report(context, "batch_invariant");
    return Outcome.EXACT;
  }

  private static void compare(
      Drift drift, RowOp g, Evaluation e, List<RefTensor> whole, int[] chosen)
      throws BackendException {
    List<RefTensor> expected = whole.stream().map(t -> RowOp.pick(t, 0, chosen)).toList();
    String what = "batch of %d from row %d".formatted(chosen.length, chosen[0]);
    drift.compare(what, expected, g.run(e, chosen));
  }

  private static Outcome model(Context context, String name, long seed) throws BackendException {
    int[] lengths = IntStream.range(0, 36).map(s -> s == 0 ? 45 : s == 1 ? 17 : 6).toArray();
    TinyModel model = new TinyModel(name, lengths, seed);
    if (!model.lacking(context).isEmpty()) {
      return Outcome.unsupported("the device does not declare " + model.lacking(context));
    }
    Drift drift = new Drift("model." + name, context.has(Cap.BATCH_INVARIANT));
    CompileOptions options = Drift.options(context, Cap.RUN_TO_RUN, Cap.BATCH_INVARIANT);
    List<List<List<Span>>> schedules = new ArrayList<>();
    schedules.add(List.of(model.whole()));
    schedules.add(tokenByToken(lengths, 33));
    Random random = new Random(seed);
    for (int i = 0; i < 6; i++) {
      schedules.add(mixed(lengths, random));
    }
    try (Evaluation compiled = model.compile(context.device(), options)) {
      List<List<Span>> each = model.whole().stream().map(List::of).toList();
      List<RefTensor> alone = model.run(compiled, each, 0);
      for (List<List<Span>> steps : schedules) {
        compare(drift, alone, steps, model.run(compiled, steps, 0));
      }
    }
    drift.report(context, "batch_invariant");
    return Outcome.EXACT;
  }

  /** All sequences but for their last five tokens, then decode of many at once. */
  private static List<List<Span>> tokenByToken(int[] lengths, int batch) {
    List<List<Span>> steps = new ArrayList<>();
    for (int token = -1; token < 5; token++) {
      List<Span> step = new ArrayList<>();
      for (int s = 0; s < batch; s++) {
        int prompt = lengths[s] - 5;
        int from = token < 0 ? 0 : prompt + token;
        step.add(new Span(s, from, token < 0 ? prompt : from + 1));
      }
      steps.add(step);
    }
    return steps;
  }

  /** Steps of a few sequences each, some a chunk of prefill and some one token. */
  private static List<List<Span>> mixed(int[] lengths, Random random) {
    List<List<Span>> steps = new ArrayList<>();
    int[] done = new int[lengths.length];
    for (int left = IntStream.of(lengths).sum(); left > 0; ) {
      List<Span> step = new ArrayList<>();
      for (int s = 0; s < lengths.length; s++) {
        int rest = lengths[s] - done[s];
        if (rest > 0 && random.nextInt(3) == 0) {
          int n = random.nextBoolean() ? 1 : 1 + random.nextInt(rest);
          step.add(new Span(s, done[s], done[s] + n));
          done[s] += n;
          left -= n;
        }
      }
      if (!step.isEmpty()) {
        steps.add(step);
      }
    }
    return steps;
  }

  private static void compare(
      Drift drift, List<RefTensor> alone, List<List<Span>> steps, List<RefTensor> logits) {
    for (int i = 0; i < logits.size(); i++) {
      int row = 0;
      for (Span span : steps.get(i)) {
        int n = span.to() - span.from();
        int[] expected = IntStream.range(span.from(), span.to()).toArray();
        int[] rows = IntStream.range(row, row + n).toArray();
        String what =
            "positions %d to %d of sequence %d beside %d others"
                .formatted(span.from(), span.to(), span.sequence(), steps.get(i).size() - 1);
        RefTensor got = RowOp.pick(logits.get(i), 0, rows);
        drift.compare(what, RowOp.pick(alone.get(span.sequence()), 0, expected), got);
        row += n;
      }
    }
  }
}
