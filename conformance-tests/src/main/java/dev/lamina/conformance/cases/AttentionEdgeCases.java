package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.cases.AttentionCases.Batch;
import dev.lamina.conformance.cases.AttentionCases.Contents;
import dev.lamina.conformance.cases.AttentionCases.Heads;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.CompositeOp.PagedAttention;
import dev.lamina.spi.ir.DType;
import java.util.List;
import java.util.Random;

/**
 * Paged attention where kernels turn corners: many sequences, long ones, full pages, tiles of
 * queries, logits far from zero; and batches, heads and masks that differ from seed to seed.
 */
final class AttentionEdgeCases {
  private static final int NUM_ANY = 48;

  private AttentionEdgeCases() {}

  static void addTo(CaseList list) {
    far(list);
    batches(list);
    lengths(list);
    farPages(list);
    limits(list);
    for (int i = 0; i < NUM_ANY; i++) {
      any(list, i);
    }
  }

  private static PagedAttention with(double scale, boolean sinks, boolean alibi, double softcap) {
    return new PagedAttention(0, scale, true, 0, 0, softcap, sinks, alibi);
  }

  /** Values that one kind of content alone shows. */
  private static void far(CaseList list) {
    for (DType dtype : Dtypes.FLOATS) {
      Contents below = new Contents(Regime.NEGATIVE, Regime.NORMAL);
      add(list, "all-logits-far-below-zero", AttentionCases.CAUSAL, dtype, Regime.POSITIVE, below);
      Contents outliers = new Contents(Regime.OUTLIERS, Regime.OUTLIERS);
      add(list, "outliers", with(0.05, true, false, 0), dtype, Regime.NORMAL, outliers);
      Contents positive = new Contents(Regime.NORMAL, Regime.POSITIVE);
      add(list, "positive-values", with(0.1, false, false, 0), dtype, Regime.NORMAL, positive);
      Contents alike = new Contents(Regime.TIES, Regime.POSITIVE);
      add(list, "ties", with(0.3, true, true, 30), dtype, Regime.TIES, alike);
    }
  }

  /** Pages all over a pool of more slots than 16 bits number. */
  private static void farPages(CaseList list) {
    Heads narrow = new Heads(2, 1, 8, 8, 16);
    Batch batch = new Batch(0, new int[] {1, 3}, 0, 400, 250);
    list.composite(
        "paged_attention",
        "f32",
        narrow.text(batch),
        "far-pages",
        g -> {
          RefTensor q = g.make(Regime.NORMAL, DType.F32, AttentionCases.shape(batch, narrow));
          Contents far = new Contents(Regime.NORMAL, Regime.NORMAL, 4200);
          AttentionCases.write(g, AttentionCases.CAUSAL, narrow, batch, q, DType.F32, far);
        },
        Rule.R2);
  }

  /** More heads, elements, sequences and columns than a kernel may expect; nothing; NaN. */
  private static void limits(CaseList list) {
    PagedAttention sinks = with(0.2, true, false, 0);
    PagedAttention causal = AttentionCases.CAUSAL;
    Batch mixed = AttentionCases.MIXED;
    // So many that a device is busy where heads that share keys are taken together.
    Batch rows = new Batch(0, new int[] {100, 31}, 0, 0, 40);
    for (PagedAttention op : List.of(causal, sinks)) {
      add(list, "131-rows", op, new Heads(16, 2, 64, 64, 16), rows);
      add(list, "131-rows", op, new Heads(16, 8, 32, 32, 16), rows);
      add(list, "group-of-16", op, new Heads(32, 2, 16, 16, 16), mixed);
      add(list, "group-of-24", op, new Heads(24, 1, 8, 8, 16), mixed);
      add(list, "10-kv-heads", op, new Heads(20, 10, 8, 8, 16), mixed);
      add(list, "wide-heads", op, new Heads(2, 1, 192, 160, 16), mixed);
      add(list, "wide-heads", op, new Heads(4, 2, 256, 256, 16), mixed);
      add(list, "130-sequences", op, new Heads(2, 1, 8, 8, 16), decode(130));
      add(list, "65-rows", op, AttentionCases.SMALL, new Batch(0, new int[] {65}, 0, 3));
      add(list, "129-rows", op, AttentionCases.SMALL, new Batch(0, new int[] {100, 29}, 0, 0, 40));
      add(list, "two-rows", op, AttentionCases.SMALL, new Batch(0, new int[] {2, 2}, 0, 5, 40));
    }
    for (boolean past : new boolean[] {true, false}) {
      add(list, "chunk-of-1", AttentionCases.op(past, 0, 1), AttentionCases.SMALL, mixed);
    }
    add(list, "window", AttentionCases.op(true, 70, 0), AttentionCases.SMALL, decode(33));
    Contents wide = new Contents(Regime.NORMAL, Regime.NORMAL, 2, 3, Regime.NORMAL);
    own(list, "wide-table", causal, Regime.NORMAL, mixed, wide);
    own(list, "wide-table", AttentionCases.op(false, 5, 0), Regime.NORMAL, mixed, wide);
    own(list, "nan-queries", causal, Regime.NANS, mixed, Contents.NORMAL);
    own(list, "nan-queries", sinks, Regime.NANS, mixed, Contents.NORMAL);
    Contents lastKeys = new Contents(nanAtPageEnds(AttentionCases.SMALL), Regime.NORMAL);
    own(list, "nan-keys-at-page-ends", causal, Regime.NORMAL, mixed, lastKeys);
    own(list, "nan-keys-at-page-ends", sinks, Regime.NORMAL, mixed, lastKeys);
    for (Regime regime : List.of(Regime.NANS, Regime.INFINITE)) {
      specialValues(list, causal, regime);
      specialValues(list, sinks, regime);
    }
    Contents below = new Contents(Regime.NEGATIVE, Regime.NORMAL);
    own(list, "below-f16", with(20, false, false, 0), Regime.POSITIVE, mixed, below);
    Source hidden = Source.cycleReals(Double.NEGATIVE_INFINITY, 0.5, -3);
    Contents none = new Contents(Regime.NORMAL, Regime.NORMAL, 2, 0, hidden);
    own(list, "sinks-of-minus-infinity", sinks, Regime.NORMAL, mixed, none);
    own(list, "no-tokens", causal, Regime.NORMAL, new Batch(0, new int[] {0, 0}, 0, 5, 0), wide);
    own(list, "no-sequences", causal, Regime.NORMAL, new Batch(0, new int[0], 3), wide);
    own(list, "nothing", causal, Regime.NORMAL, new Batch(0, new int[0], 0), wide);
  }

  /** Keys of which one element is NaN, of the first head in the last slot of each page. */
  private static Source nanAtPageEnds(Heads heads) {
    int width = heads.kv() * heads.key();
    return Source.reals(random -> {
      int[] i = {0};
      return () -> {
        int at = i[0]++;
        boolean end = at / width % heads.page() == heads.page() - 1;
        return end && at % width == 1 ? Double.NaN : random.nextGaussian();
      };
    });
  }

  /** One row each of so many sequences. */
  private static Batch decode(int sequences) {
    int[] ones = new int[sequences];
    int[] past = new int[sequences];
    for (int s = 0; s < sequences; s++) {
      ones[s] = 1;
      past[s] = s * 37 % 90;
    }
    return new Batch(0, ones, 0, past);
  }

  /** NaN and infinities in values wider than a tile of any kernel, where rows see them. */
  private static void specialValues(CaseList list, PagedAttention op, Regime regime) {
    Heads heads = new Heads(4, 2, 8, 72, 16);
    Batch batch = AttentionCases.MIXED;
    list.composite(
        "paged_attention",
        "f32",
        heads.text(batch),
        "special-values," + regime.text() + (op.sinks() ? ",sinks" : ""),
        g -> {
          RefTensor q = g.make(Regime.NORMAL, DType.F32, AttentionCases.shape(batch, heads));
          Contents contents = new Contents(Regime.NORMAL, regime);
          AttentionCases.write(g, op, heads, batch, q, DType.F32, contents);
        },
        Rule.R7);
  }

  private static void own(
      CaseList list,
      String name,
      PagedAttention op,
      Regime queries,
      Batch batch,
      Contents contents) {
    Heads heads = AttentionCases.SMALL;
    list.composite(
        "paged_attention",
        "f32",
        heads.text(batch),
        name + ",w=" + op.window() + (op.sinks() ? ",sinks" : ""),
        g -> {
          RefTensor q = g.make(queries, DType.F32, AttentionCases.shape(batch, heads));
          AttentionCases.write(g, op, heads, batch, q, DType.F32, contents);
        },
        Rule.R3,
        Rule.R7);
  }

  private static void add(
      CaseList list,
      String name,
      PagedAttention op,
      DType dtype,
      Regime queries,
      Contents contents) {
    Heads heads = AttentionCases.MODEL;
    Batch batch = AttentionCases.MIXED;
    list.composite(
        "paged_attention",
        dtype.text(),
        heads.text(batch),
        name + (op.sinks() ? ",sinks" : ""),
        g -> {
          // The error of a row's sum is in all its elements, so only rounding to 16 bits is
          // independent.
          g.unbiased = contents.values() == Regime.POSITIVE && dtype != DType.F32;
          RefTensor q = g.make(queries, dtype, AttentionCases.shape(batch, heads));
          AttentionCases.write(g, op, heads, batch, q, dtype, contents);
        },
        Rule.R2);
  }

  private static void add(CaseList list, String name, PagedAttention op, Heads heads, Batch batch) {
    AttentionCases.add(list, name, op, heads, batch, DType.F32, DType.F32, Regime.NORMAL);
  }

  /** Many sequences; rows of none behind one that has some; full tiles of queries. */
  private static void batches(CaseList list) {
    Random random = new Random(7);
    int[] ones = new int[33];
    int[] past = new int[33];
    for (int s = 0; s < 33; s++) {
      ones[s] = s % 11 == 5 ? 0 : 1;
      past[s] = random.nextInt(70);
    }
    Batch decode = new Batch(0, ones, 0, past);
    Batch tail = new Batch(3, new int[] {1, 4}, 5, 17, 33);
    Batch tiles = new Batch(0, new int[] {64, 1, 33}, 0, 16, 63, 31);
    for (boolean sinks : new boolean[] {false, true}) {
      PagedAttention op = with(0.3, sinks, sinks, sinks ? 5 : 0);
      add(list, "33-sequences", op, AttentionCases.SMALL, decode);
      add(list, "rows-behind", op, AttentionCases.SMALL, tail);
      add(list, "tiles", op, AttentionCases.SMALL, tiles);
    }
    PagedAttention window = AttentionCases.op(true, 20, 0);
    add(list, "33-sequences", window, AttentionCases.SMALL, decode);
    add(list, "tiles", window, AttentionCases.SMALL, tiles);
    add(list, "tiles", AttentionCases.op(true, 0, 32), AttentionCases.SMALL, tiles);
    Heads many = new Heads(32, 8, 16, 16, 16);
    add(list, "32-heads", with(0.25, true, true, 0), many, AttentionCases.MIXED);
    Heads each = new Heads(5, 5, 7, 11, 16);
    add(list, "a-kv-head-each", with(0.3, true, true, 0), each, AttentionCases.MIXED);
  }

  /** Long sequences, such as a kernel splits; lengths at multiples of the page. */
  private static void lengths(CaseList list) {
    Heads narrow = new Heads(4, 2, 8, 8, 16);
    for (int length : new int[] {64, 127, 128, 256, 512, 1023, 1025, 4200}) {
      Batch decode = new Batch(0, new int[] {1}, 0, length - 1);
      add(list, "long", with(0.3, false, true, 0), narrow, decode);
      add(list, "long", AttentionCases.op(true, 100, 0), narrow, decode);
      add(list, "long", with(0.3, true, false, 0), narrow, decode);
    }
    Batch chunk = new Batch(0, new int[] {5, 3}, 0, 4100, 300);
    add(list, "long-chunk", AttentionCases.CAUSAL, narrow, chunk);
    add(list, "long-chunk", AttentionCases.op(true, 50, 0), narrow, chunk);
    add(list, "long-chunk", AttentionCases.op(true, 0, 1000), narrow, chunk);
    for (int page : new int[] {16, 32, 64}) {
      Heads heads = new Heads(4, 2, 8, 6, page);
      Batch full = new Batch(0, new int[] {1, 2, 1}, 0, page - 1, 2 * page - 2, 3 * page - 1);
      Batch over = new Batch(0, new int[] {1, 2, 1}, 0, page, 2 * page - 1, 3 * page);
      add(list, "full-pages", AttentionCases.CAUSAL, heads, full);
      add(list, "page-begun", AttentionCases.CAUSAL, heads, over);
      add(list, "full-pages", AttentionCases.op(true, page, 0), heads, full);
      add(list, "page-begun", AttentionCases.op(true, page, 0), heads, over);
      add(list, "page-begun", AttentionCases.op(true, page - 1, 0), heads, over);
      add(list, "page-begun", AttentionCases.op(true, page + 1, 0), heads, over);
    }
  }

  private static void any(CaseList list, int i) {
    boolean sinks = i % 2 == 0;
    boolean alibi = i % 3 == 0;
    boolean causal = i % 4 != 1;
    double softcap = i % 5 == 0 ? 3 : 0;
    DType stored = Dtypes.FLOATS.get(i % 7 % 3);
    list.composite(
        "paged_attention",
        "f32",
        "any",
        "%d,pool=%s,%s,cap=%s%s%s"
            .formatted(
                i,
                stored.text(),
                causal ? "causal" : "all",
                softcap,
                sinks ? ",sinks" : "",
                alibi ? ",alibi" : ""),
        g -> {
          Heads heads = heads(g);
          PagedAttention op =
              new PagedAttention(
                  0, 0.3, causal, window(g, heads.page()), chunk(g), softcap, sinks, alibi);
          Batch batch = batch(g, heads.page());
          Regime regime = g.size(0, 3) == 0 ? Regime.OUTLIERS : Regime.NORMAL;
          RefTensor q = g.make(regime, DType.F32, AttentionCases.shape(batch, heads));
          AttentionCases.write(g, op, heads, batch, q, stored, Contents.NORMAL);
        },
        Rule.R2,
        Rule.R7);
  }

  private static Heads heads(CompositeSpec g) {
    int kv = g.size(1, 4);
    int[] pages = {1, 16, 16, 32, 48};
    int key = g.size(0, 3) == 0 ? 64 : g.size(1, 24);
    return new Heads(kv * g.size(1, 4), kv, key, g.size(1, 24), pages[g.size(0, 4)]);
  }

  private static long window(CompositeSpec g, int page) {
    return switch (g.size(0, 5)) {
      case 0 -> page;
      case 1 -> page + 1L;
      case 2 -> g.size(1, 4);
      case 3 -> g.size(5, 60);
      default -> 0;
    };
  }

  private static long chunk(CompositeSpec g) {
    return g.size(0, 4) == 0 ? g.size(1, 40) : 0;
  }

  private static Batch batch(CompositeSpec g, int page) {
    int sequences = g.size(1, 12);
    int[] queries = new int[sequences];
    int[] past = new int[sequences];
    for (int s = 0; s < sequences; s++) {
      queries[s] =
          switch (g.size(0, 4)) {
            case 0 -> 0;
            case 1 -> g.size(2, 20);
            case 2 -> g.size(2, 5);
            default -> 1;
          };
      past[s] =
          switch (g.size(0, 3)) {
            case 0 -> 0;
            case 1 -> Math.max(0, page * g.size(1, 3) - queries[s]);
            default -> g.size(0, 90);
          };
    }
    return new Batch(g.size(0, 2), queries, g.size(0, 2), past);
  }
}
