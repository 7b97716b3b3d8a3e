package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.cases.AttentionCases.Batch;
import dev.lamina.conformance.cases.AttentionCases.Heads;
import dev.lamina.conformance.oracle.AttentionOracle;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.CompositeOp.MlaAttention;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;

/**
 * Attention over latents, on the ragged batches of {@link AttentionCases}, with NaN in every slot
 * that no sequence owns.
 */
final class LatentCases {
  private LatentCases() {}

  static void addTo(CaseList list) {
    Batch padded = new Batch(2, new int[] {3, 1, 0, 0}, 3, 1, 8, 0, 0);
    for (DType stored : Dtypes.FLOATS) {
      add(list, "mixed", 5, 24, 17, 16, AttentionCases.MIXED, DType.F32, stored, Regime.NORMAL);
      add(list, "large", 3, 9, 8, 16, AttentionCases.MIXED, DType.F32, stored, Regime.LARGE);
      add(list, "model", 16, 96, 64, 16, padded, stored, stored, Regime.NORMAL);
    }
    for (int past : new int[] {0, 15, 16, 130}) {
      Batch decode = new Batch(0, new int[] {1}, 0, past);
      add(list, "decode", 8, 40, 32, 16, decode, DType.F32, DType.F32, Regime.NORMAL);
    }
    Batch prefill = new Batch(0, new int[] {131}, 0, 5);
    add(list, "prefill", 4, 20, 16, 16, prefill, DType.F32, DType.F32, Regime.NORMAL);
    // The whole latent is the value; one element is.
    add(list, "whole", 2, 12, 12, 1, AttentionCases.MIXED, DType.F32, DType.F32, Regime.NORMAL);
    add(list, "one", 2, 12, 1, 48, AttentionCases.MIXED, DType.F32, DType.F32, Regime.NORMAL);
  }

  private static void add(
      CaseList list,
      String name,
      int heads,
      int width,
      int rank,
      int page,
      Batch batch,
      DType dtype,
      DType stored,
      Regime regime) {
    for (boolean selected : new boolean[] {false, true}) {
      add(list, name, heads, width, rank, page, batch, dtype, stored, regime, selected);
    }
  }

  private static void add(
      CaseList list,
      String name,
      int heads,
      int width,
      int rank,
      int page,
      Batch batch,
      DType dtype,
      DType stored,
      Regime regime,
      boolean selected) {
    list.composite(
        "mla_attention",
        dtype.text(),
        Dtypes.shape(batch.tokens(), heads, width, rank, page),
        "%s,pool=%s,past=%d%s"
            .formatted(name, stored.text(), batch.past()[0], selected ? ",select" : ""),
        g -> {
          MlaAttention op = new MlaAttention(0, rank, 0.3, selected);
          Heads sizes = new Heads(heads, 1, width, rank, page);
          int sequences = batch.queries().length;
          int pages = batch.pages(page);
          int numPages = sequences * pages + 2;
          long[] table = AttentionCases.table(g.random, numPages, sequences * pages);
          long slots = (long) numPages * page;
          RefTensor latents = g.make(regime, stored, slots, 1, width);
          latents =
              AttentionCases.poisoned(
                  latents,
                  AttentionCases.owned(AttentionCases.CAUSAL, table, batch, sizes, (int) slots));
          RefTensor q = g.make(regime, dtype, batch.tokens(), heads, width);
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
                  List.of(new StateSpec.Entry("latent", 0, stored, List.of(1, width))));
          // Any positions, none and later ones among them; some tokens get nothing to look at.
          RefTensor select = g.make(Source.between(-3, 40), DType.I32, batch.tokens(), 7);
          List<Value> in = new ArrayList<>();
          in.add(g.tensor(q, AttentionCases.T, Dim.of(heads), Dim.of(width)));
          in.add(g.pool(pool, List.of(latents)));
          in.add(g.tensor(cu, AttentionCases.S1));
          in.add(g.tensor(lens, AttentionCases.S));
          in.add(g.tensor(blockTable, AttentionCases.S, AttentionCases.P));
          if (selected) {
            in.add(g.tensor(select, AttentionCases.T, Dim.of(7)));
          }
          g.out(
              g.ops.mlaAttention(op, in.toArray(Value[]::new)),
              AttentionOracle.latents(
                  op, page, q, latents, cu, lens, blockTable, selected ? select : null));
        },
        Rule.R2,
        Rule.R7);
  }
}
