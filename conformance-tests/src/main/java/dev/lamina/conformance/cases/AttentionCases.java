package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.AttentionOracle;
import dev.lamina.conformance.oracle.FloatCodec;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Paged attention on ragged batches: every mask, lengths at the edges of pages, scattered pages,
 * and NaN in every slot that no sequence owns.
 */
final class AttentionCases {
  private static final Dim T = Dim.sym("T", 0, 4096);
  private static final Dim S = Dim.sym("S", 0, 64);
  private static final Dim S1 = Dim.sym("S1", 1, 65);
  private static final Dim P = Dim.sym("P", 1, 64);

  /** Two KV heads of three query heads; K is wider than V. */
  private static final Heads SMALL = new Heads(6, 2, 9, 5, 16);

  private static final Heads MODEL = new Heads(8, 2, 64, 64, 16);

  /** A step with prefill, chunked prefill, decode and an empty sequence. */
  private static final Batch MIXED = new Batch(0, new int[] {7, 3, 1, 0, 1}, 0, 0, 14, 32, 0, 30);

  private AttentionCases() {}

  /**
   * Sizes of the heads.
   *
   * @param query query heads
   * @param kv KV heads
   * @param key width of K
   * @param value width of V
   * @param page slots of a page
   */
  private record Heads(int query, int kv, int key, int value, int page) {
    StateSpec pool(DType dtype) {
      return new StateSpec(
          "kv",
          page,
          new Dim.Sym("slots.kv", page, 1 << 20, page),
          List.of(
              new StateSpec.Entry("k", 0, dtype, List.of(kv, key)),
              new StateSpec.Entry("v", 0, dtype, List.of(kv, value))));
    }

    String text(Batch b) {
      return Dtypes.shape(b.tokens(), query, kv, key, value, page);
    }
  }

  /**
   * A ragged batch.
   *
   * @param before rows before the first sequence
   * @param queries rows of each sequence
   * @param after rows after the last
   * @param past positions of each sequence before this step
   */
  private record Batch(int before, int[] queries, int after, int... past) {
    int tokens() {
      return before + Arrays.stream(queries).sum() + after;
    }

    long[] cuSeqlensQ() {
      long[] cu = new long[queries.length + 1];
      cu[0] = before;
      for (int s = 0; s < queries.length; s++) {
        cu[s + 1] = cu[s] + queries[s];
      }
      return cu;
    }

    long[] kvLens() {
      return IntStream.range(0, queries.length).mapToLong(s -> past[s] + queries[s]).toArray();
    }

    int pages(int page) {
      return (int) Math.max(1, (Arrays.stream(kvLens()).max().orElse(0) + page - 1) / page);
    }
  }

  private static CompositeOp.PagedAttention op(boolean causal, long window, long chunk) {
    return new CompositeOp.PagedAttention(0, 0.3, causal, window, chunk, 0, false, false);
  }

  private static final CompositeOp.PagedAttention CAUSAL = op(true, 0, 0);

  static void addTo(CaseList list) {
    for (DType dtype : Dtypes.FLOATS) {
      masks(list, dtype);
      add(list, "model", CAUSAL, MODEL, MIXED, DType.F32, dtype, Regime.NORMAL);
      if (dtype != DType.F32) {
        add(list, "model", CAUSAL, MODEL, MIXED, dtype, dtype, Regime.NORMAL);
      }
      add(list, "large", CAUSAL, SMALL, MIXED, DType.F32, dtype, Regime.LARGE);
    }
    for (int past : new int[] {0, 14, 15, 16, 31, 32, 130}) {
      Batch decode = new Batch(0, new int[] {1}, 0, past);
      add(list, "decode", CAUSAL, SMALL, decode, DType.F32, DType.F32, Regime.NORMAL);
      add(list, "decode", op(true, 16, 0), SMALL, decode, DType.F32, DType.F32, Regime.NORMAL);
    }
    Batch padded = new Batch(2, new int[] {3, 1, 0, 0}, 3, 1, 8, 0, 0);
    Batch prefill = new Batch(0, new int[] {131}, 0, 5);
    for (boolean sinks : new boolean[] {false, true}) {
      CompositeOp.PagedAttention op =
          new CompositeOp.PagedAttention(0, 0.3, true, 0, 0, 0, sinks, false);
      add(list, "padded", op, SMALL, padded, DType.F32, DType.F32, Regime.NORMAL);
      add(list, "prefill", op, SMALL, prefill, DType.F32, DType.F32, Regime.NORMAL);
    }
    for (int page : new int[] {1, 48, 2048}) {
      Heads heads = new Heads(3, 3, 4, 4, page);
      add(list, "page", CAUSAL, heads, MIXED, DType.F32, DType.F32, Regime.NORMAL);
    }
    Heads multiQuery = new Heads(5, 1, 32, 16, 16);
    add(list, "multi-query", CAUSAL, multiQuery, MIXED, DType.F32, DType.F32, Regime.NORMAL);
  }

  private static void masks(CaseList list, DType dtype) {
    List<CompositeOp.PagedAttention> ops = new ArrayList<>();
    ops.addAll(List.of(CAUSAL, op(false, 0, 0), op(true, 1, 0), op(true, 5, 0), op(true, 16, 0)));
    ops.addAll(List.of(op(false, 17, 0), op(true, 0, 4), op(true, 0, 16), op(true, 3, 16)));
    ops.add(op(true, 1L << 40, 1L << 40));
    ops.add(new CompositeOp.PagedAttention(0, 0.3, true, 0, 0, 1.5, false, false));
    ops.add(new CompositeOp.PagedAttention(0, 0.3, true, 0, 0, 0, true, false));
    ops.add(new CompositeOp.PagedAttention(0, 0.3, true, 0, 0, 0, false, true));
    ops.add(new CompositeOp.PagedAttention(0, 0.3, true, 7, 0, 2, true, true));
    for (CompositeOp.PagedAttention op : ops) {
      add(list, "mask", op, SMALL, MIXED, DType.F32, dtype, Regime.NORMAL);
    }
  }

  private static void add(
      CaseList list,
      String name,
      CompositeOp.PagedAttention op,
      Heads heads,
      Batch batch,
      DType dtype,
      DType stored,
      Regime regime) {
    String attrs =
        "%s,pool=%s,%s,past=%d,w=%d,c=%d,cap=%s%s%s"
            .formatted(
                name,
                stored.text(),
                op.causal() ? "causal" : "all",
                batch.past()[0],
                op.window(),
                op.chunk(),
                op.softcap(),
                op.sinks() ? ",sinks" : "",
                op.alibi() ? ",alibi" : "");
    list.composite(
        "paged_attention",
        dtype.text(),
        heads.text(batch),
        attrs,
        g -> write(g, op, heads, batch, g.make(regime, dtype, shape(batch, heads)), stored),
        Rule.R2,
        Rule.R7);
  }

  private static long[] shape(Batch batch, Heads heads) {
    return new long[] {batch.tokens(), heads.query(), heads.key()};
  }

  private static void write(
      CompositeSpec g,
      CompositeOp.PagedAttention op,
      Heads heads,
      Batch batch,
      RefTensor q,
      DType stored) {
    int sequences = batch.queries().length;
    int pages = batch.pages(heads.page());
    long[] table = table(g.random, sequences * pages + 2, sequences * pages);
    RefTensor blockTable =
        RefTensor.exact(DType.I32, new long[] {sequences, pages}, unused(table, batch, heads));
    long slots = (sequences * pages + 2L) * heads.page();
    RefTensor k = g.make(Regime.NORMAL, stored, slots, heads.kv(), heads.key());
    RefTensor v = g.make(Regime.NORMAL, stored, slots, heads.kv(), heads.value());
    boolean[] owned = owned(table, batch, heads, (int) slots);
    k = poisoned(k, owned);
    v = poisoned(v, owned);
    RefTensor cu = RefTensor.exact(DType.I32, new long[] {sequences + 1L}, batch.cuSeqlensQ());
    RefTensor lens = RefTensor.exact(DType.I32, new long[] {sequences}, batch.kvLens());
    RefTensor sinks = g.make(Regime.NORMAL, DType.F32, heads.query());
    RefTensor alibi = g.make(Regime.UNIFORM, DType.F32, heads.query());

    List<Value> operands = new ArrayList<>();
    operands.add(g.tensor(q, T, Dim.of(heads.query()), Dim.of(heads.key())));
    operands.add(g.pool(heads.pool(stored), List.of(k, v)));
    operands.add(g.tensor(cu, S1));
    operands.add(g.tensor(lens, S));
    operands.add(g.tensor(blockTable, S, P));
    if (op.sinks()) {
      operands.add(g.weight(sinks));
    }
    if (op.alibi()) {
      operands.add(g.weight(alibi));
    }
    AttentionOracle oracle =
        new AttentionOracle(op, heads.page(), q, k, v, cu, lens, blockTable, sinks, alibi);
    g.out(g.ops.pagedAttention(op, operands.toArray(Value[]::new)), oracle.attend());
  }

  /** Distinct pages in random order. */
  private static long[] table(Random random, int available, int count) {
    List<Integer> pages = new ArrayList<>(IntStream.range(0, available).boxed().toList());
    Collections.shuffle(pages, random);
    return pages.stream().limit(count).mapToLong(Integer::longValue).toArray();
  }

  /** The table with -1 past each sequence's last page. */
  private static long[] unused(long[] table, Batch batch, Heads heads) {
    int pages = batch.pages(heads.page());
    long[] out = table.clone();
    for (int i = 0; i < out.length; i++) {
      long first = (long) (i % pages) * heads.page();
      out[i] = first < batch.kvLens()[i / pages] ? out[i] : -1;
    }
    return out;
  }

  private static boolean[] owned(long[] table, Batch batch, Heads heads, int slots) {
    boolean[] owned = new boolean[slots];
    int pages = batch.pages(heads.page());
    for (int s = 0; s < batch.queries().length; s++) {
      for (int j = 0; j < batch.kvLens()[s]; j++) {
        long page = table[s * pages + j / heads.page()];
        owned[(int) page * heads.page() + j % heads.page()] = true;
      }
    }
    return owned;
  }

  private static RefTensor poisoned(RefTensor pool, boolean[] owned) {
    RefTensor.Builder out = new RefTensor.Builder(pool.dtype(), pool.sizes());
    int width = pool.size(1) * pool.size(2);
    for (int i = 0; i < pool.count(); i++) {
      if (owned[i / width]) {
        out.copy(i, pool, i);
      } else {
        out.exact(i, FloatCodec.of(pool.dtype()).nanBits());
      }
    }
    return out.build();
  }
}
