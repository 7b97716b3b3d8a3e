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
  static final Dim T = Dim.sym("T", 0, 4096);
  static final Dim S = Dim.sym("S", 0, 256);
  static final Dim S1 = Dim.sym("S1", 1, 257);
  static final Dim P = Dim.sym("P", 1, 512);

  /** Two KV heads of three query heads; K is wider than V. */
  static final Heads SMALL = new Heads(6, 2, 9, 5, 16);

  static final Heads MODEL = new Heads(8, 2, 64, 64, 16);

  /** A step with prefill, chunked prefill, decode and an empty sequence. */
  static final Batch MIXED = new Batch(0, new int[] {7, 3, 1, 0, 1}, 0, 0, 14, 32, 0, 30);

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
  record Heads(int query, int kv, int key, int value, int page) {
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
  record Batch(int before, int[] queries, int after, int... past) {
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

  static CompositeOp.PagedAttention op(boolean causal, long window, long chunk) {
    return new CompositeOp.PagedAttention(0, 0.3, causal, window, chunk, 0, false, false);
  }

  static final CompositeOp.PagedAttention CAUSAL = op(true, 0, 0);

  private static final CompositeOp.PagedAttention CAPPED =
      new CompositeOp.PagedAttention(0, 0.3, true, 0, 0, 3, false, false);

  static void addTo(CaseList list) {
    for (DType dtype : Dtypes.FLOATS) {
      masks(list, dtype);
      add(list, "model", CAUSAL, MODEL, MIXED, DType.F32, dtype, Regime.NORMAL);
      if (dtype != DType.F32) {
        add(list, "model", CAUSAL, MODEL, MIXED, dtype, dtype, Regime.NORMAL);
      }
      add(list, "large", CAUSAL, SMALL, MIXED, DType.F32, dtype, Regime.LARGE);
      add(list, "large", CAPPED, SMALL, MIXED, DType.F32, dtype, Regime.LARGE);
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
    ops.addAll(List.of(op(false, 2, 0), op(false, 5, 0), op(false, 0, 5)));
    ops.addAll(List.of(op(false, 17, 0), op(true, 0, 4), op(true, 0, 16), op(true, 3, 16)));
    ops.add(op(true, 1L << 40, 1L << 40));
    ops.add(new CompositeOp.PagedAttention(0, 0.3, true, 0, 0, 1.5, false, false));
    ops.add(new CompositeOp.PagedAttention(0, 0.3, true, 0, 0, 0, true, false));
    ops.add(new CompositeOp.PagedAttention(0, 0.3, true, 0, 0, 0, false, true));
    ops.add(new CompositeOp.PagedAttention(0, 0.3, false, 0, 0, 0, false, true));
    ops.add(new CompositeOp.PagedAttention(0, 0.3, true, 7, 0, 2, true, true));
    for (CompositeOp.PagedAttention op : ops) {
      add(list, "mask", op, SMALL, MIXED, DType.F32, dtype, Regime.NORMAL);
    }
  }

  static void add(
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
        g -> {
          RefTensor q = g.make(regime, dtype, shape(batch, heads));
          write(g, op, heads, batch, q, stored, Contents.NORMAL);
        },
        Rule.R2,
        Rule.R7);
  }

  /**
   * What the pool holds.
   *
   * @param keys regime of K
   * @param values regime of V
   * @param sparePages pages that no sequence owns
   * @param spareColumns columns of the table beyond what the longest sequence needs
   * @param sinks the sinks, if the op has them
   */
  record Contents(Source keys, Regime values, int sparePages, int spareColumns, Source sinks) {
    static final Contents NORMAL = new Contents(Regime.NORMAL, Regime.NORMAL);

    Contents(Source keys, Regime values) {
      this(keys, values, 2);
    }

    Contents(Source keys, Regime values, int sparePages) {
      this(keys, values, sparePages, 0, Regime.NORMAL);
    }
  }

  static long[] shape(Batch batch, Heads heads) {
    return new long[] {batch.tokens(), heads.query(), heads.key()};
  }

  static void write(
      CompositeSpec g,
      CompositeOp.PagedAttention op,
      Heads heads,
      Batch batch,
      RefTensor q,
      DType stored,
      Contents contents) {
    int sequences = batch.queries().length;
    int pages = batch.pages(heads.page());
    int numPages = sequences * pages + contents.sparePages();
    long[] table = table(g.random, numPages, sequences * pages);
    int columns = pages + contents.spareColumns();
    RefTensor blockTable =
        RefTensor.exact(
            DType.I32,
            new long[] {sequences, columns},
            widened(unused(table, batch, heads), pages, columns));
    long slots = (long) numPages * heads.page();
    RefTensor k = g.make(contents.keys(), stored, slots, heads.kv(), heads.key());
    RefTensor v = g.make(contents.values(), stored, slots, heads.kv(), heads.value());
    boolean[] owned = owned(op, table, batch, heads, (int) slots);
    k = poisoned(k, owned);
    v = poisoned(v, owned);
    RefTensor cu = RefTensor.exact(DType.I32, new long[] {sequences + 1L}, batch.cuSeqlensQ());
    RefTensor lens = RefTensor.exact(DType.I32, new long[] {sequences}, batch.kvLens());
    RefTensor sinks = g.make(contents.sinks(), DType.F32, heads.query());
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
  static long[] table(Random random, int available, int count) {
    List<Integer> pages = new ArrayList<>(IntStream.range(0, available).boxed().toList());
    Collections.shuffle(pages, random);
    return pages.stream().limit(count).mapToLong(Integer::longValue).toArray();
  }

  /** The table with -1 past each sequence's last page. */
  static long[] unused(long[] table, Batch batch, Heads heads) {
    int pages = batch.pages(heads.page());
    long[] out = table.clone();
    for (int i = 0; i < out.length; i++) {
      long first = (long) (i % pages) * heads.page();
      out[i] = first < batch.kvLens()[i / pages] ? out[i] : -1;
    }
    return out;
  }

  /** Rows of another length, -1 in what is new. */
  private static long[] widened(long[] table, int pages, int columns) {
    long[] out = new long[table.length / pages * columns];
    Arrays.fill(out, -1);
    for (int i = 0; i < table.length; i++) {
      out[i / pages * columns + i % pages] = table[i];
    }
    return out;
  }

  /** Slots of pages that some row sees something of, up to the sequence's length. */
  static boolean[] owned(
      CompositeOp.PagedAttention op, long[] table, Batch batch, Heads heads, int slots) {
    boolean[] owned = new boolean[slots];
    int pages = batch.pages(heads.page());
    for (int s = 0; s < batch.queries().length; s++) {
      long length = batch.kvLens()[s];
      for (int i = 0; (long) i * heads.page() < length; i++) {
        long first = (long) i * heads.page();
        long end = Math.min(length, first + heads.page());
        for (long j = first; j < end && isSeen(op, batch, s, first, end); j++) {
          owned[(int) (table[s * pages + i] * heads.page() + j - first)] = true;
        }
      }
    }
    return owned;
  }

  /** Whether a row of sequence s sees a key of a range. */
  private static boolean isSeen(
      CompositeOp.PagedAttention op, Batch batch, int s, long first, long end) {
    for (long p = batch.past()[s]; p < batch.kvLens()[s]; p++) {
      for (long j = first; j < end; j++) {
        boolean inWindow = op.window() == 0 || j > p - op.window();
        boolean inChunk = op.chunk() == 0 || j / op.chunk() == p / op.chunk();
        if (inWindow && inChunk && (!op.causal() || j <= p)) {
          return true;
        }
      }
    }
    return false;
  }

  static RefTensor poisoned(RefTensor pool, boolean[] owned) {
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
