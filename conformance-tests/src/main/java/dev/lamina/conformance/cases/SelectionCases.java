package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.cases.AttentionCases.Batch;
import dev.lamina.conformance.cases.AttentionCases.Heads;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.conformance.oracle.SelectionOracle;
import dev.lamina.spi.ir.CompositeOp.IndexTopk;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * The choice of positions, on the ragged batches of {@link AttentionCases}. Queries, keys and
 * weights are small whole numbers, so that scores are exact in F32 and ties are the rule.
 */
final class SelectionCases {
  private SelectionCases() {}

  static void addTo(CaseList list) {
    Batch padded = new Batch(2, new int[] {3, 1, 0, 0}, 3, 1, 8, 0, 0);
    for (DType stored : Dtypes.FLOATS) {
      add(list, 4, 16, 5, 16, AttentionCases.MIXED, stored);
      add(list, 3, 8, 1, 16, padded, stored);
    }
    for (int k : new int[] {1, 16, 40}) {
      add(list, 2, 6, k, 16, new Batch(0, new int[] {1}, 0, 36), DType.F32);
      add(list, 2, 6, k, 1, AttentionCases.MIXED, DType.F32);
    }
    add(list, 2, 6, 9, 48, new Batch(0, new int[] {131}, 0, 5), DType.F32);
  }

  private static void add(
      CaseList list, int heads, int width, int k, int page, Batch batch, DType stored) {
    list.composite(
        "index_topk",
        "f32",
        Dtypes.shape(batch.tokens(), heads, width, k, page),
        "pool=%s,past=%d".formatted(stored.text(), batch.past()[0]),
        g -> {
          IndexTopk op = new IndexTopk(0, k, 0.5);
          Heads sizes = new Heads(heads, 1, width, width, page);
          int sequences = batch.queries().length;
          int pages = batch.pages(page);
          int numPages = sequences * pages + 2;
          long[] table = AttentionCases.table(g.random, numPages, sequences * pages);
          long slots = (long) numPages * page;
          Source whole = Source.reals(r -> () -> r.nextInt(-3, 4));
          RefTensor keys =
              AttentionCases.poisoned(
                  g.make(whole, stored, slots, 1, width),
                  AttentionCases.owned(AttentionCases.CAUSAL, table, batch, sizes, (int) slots));
          RefTensor q = g.make(whole, DType.F32, batch.tokens(), heads, width);
          RefTensor w = g.make(whole, DType.F32, batch.tokens(), heads);
          RefTensor cu =
              RefTensor.exact(DType.I32, new long[] {sequences + 1L}, batch.cuSeqlensQ());
          RefTensor lens = RefTensor.exact(DType.I32, new long[] {sequences}, batch.kvLens());
          RefTensor blockTable =
              RefTensor.exact(
                  DType.I32,
                  new long[] {sequences, pages},
                  AttentionCases.unused(table, batch, sizes));
          StateSpec pool =
              new StateSpec(
                  "kv",
                  page,
                  new Dim.Sym("slots.kv", page, 1 << 20, page),
                  List.of(new StateSpec.Entry("index", 0, stored, List.of(1, width))));
          Value y =
              g.ops.indexTopk(
                  op,
                  g.tensor(q, AttentionCases.T, Dim.of(heads), Dim.of(width)),
                  g.tensor(w, AttentionCases.T, Dim.of(heads)),
                  g.pool(pool, List.of(keys)),
                  g.tensor(cu, AttentionCases.S1),
                  g.tensor(lens, AttentionCases.S),
                  g.tensor(blockTable, AttentionCases.S, AttentionCases.P));
          g.out(y, new SelectionOracle(op, page, q, w, keys, cu, lens, blockTable).topk());
        },
        Rule.R2,
        Rule.R6);
  }
}
