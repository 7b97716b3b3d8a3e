package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;

/** Pools: append, copy, export and import against a pool in memory. */
final class PoolCases {
  private static final Dim T = Dim.sym("T", 0, 4096);
  private static final int SLOTS = 32;

  private PoolCases() {}

  static void addTo(CaseList list) {
    for (DType dtype : Dtypes.FLOATS) {
      append(list, DType.F32, dtype);
      if (dtype != DType.F32) {
        append(list, dtype, dtype);
      }
      copy(list, dtype);
      exchange(list, dtype);
      for (int rows : new int[] {0, 1, 2, 33, 130}) {
        appendMany(list, dtype, rows);
      }
      copyMany(list, dtype, "pages", PoolCases::pages);
      copyMany(list, dtype, "chain", PoolCases::chain);
      copyMany(list, dtype, "padded", PoolCases::padded);
      copyMany(list, dtype, "one", PoolCases::one);
      copyMany(list, dtype, "none", g -> new Pairs(new long[0], new long[0]));
      copyMany(list, dtype, "to-itself", PoolCases::toItself);
      limits(list, dtype);
    }
  }

  /** Entries of two layers; K and V differ in width. */
  private static StateSpec spec(DType dtype) {
    List<StateSpec.Entry> entries = new ArrayList<>();
    for (int layer = 0; layer < 2; layer++) {
      entries.add(new StateSpec.Entry("k", layer, dtype, List.of(2, 5)));
      entries.add(new StateSpec.Entry("v", layer, dtype, List.of(2, 3)));
    }
    Dim slots = new Dim.Sym("slots.kv", 16, 1 << 20, 16);
    return new StateSpec("kv", 16, slots, entries);
  }

  private static List<RefTensor> content(CompositeSpec g, StateSpec spec) {
    return content(g, spec, SLOTS);
  }

  /** Random content of every entry. */
  static List<RefTensor> content(CompositeSpec g, StateSpec spec, int slots) {
    List<RefTensor> entries = new ArrayList<>();
    for (StateSpec.Entry e : spec.entries()) {
      long[] sizes = {slots, e.shape().get(0), e.shape().get(1)};
      entries.add(g.make(Regime.NORMAL, e.dtype(), sizes));
    }
    return entries;
  }

  /** The pool with rows written, each rounded to the pool's dtype. */
  static RefTensor written(RefTensor pool, RefTensor slots, RefTensor rows) {
    RefTensor.Builder out = new RefTensor.Builder(pool.dtype(), pool.sizes());
    int width = pool.size(1) * pool.size(2);
    for (int i = 0; i < pool.count(); i++) {
      out.copy(i, pool, i);
    }
    for (int i = 0; i < slots.count(); i++) {
      for (int j = 0; j < width && slots.integer(i) >= 0; j++) {
        out.near((int) slots.integer(i) * width + j, rows.real(i * width + j), 0);
      }
    }
    return out.build();
  }

  private static RefTensor read(RefTensor pool, RefTensor slots) {
    int width = pool.size(1) * pool.size(2);
    RefTensor.Builder out =
        new RefTensor.Builder(pool.dtype(), slots.count(), pool.size(1), pool.size(2));
    for (int i = 0; i < out.count(); i++) {
      long slot = slots.integer(i / width);
      if (slot >= 0) {
        out.copy(i, pool, (int) slot * width + i % width);
      }
    }
    return out.build();
  }

  private static void append(CaseList list, DType dtype, DType stored) {
    list.composite(
        "kv_append",
        dtype.text(),
        Dtypes.shape(9, SLOTS),
        "pool=" + stored.text(),
        g -> {
          StateSpec spec = spec(stored);
          List<RefTensor> entries = content(g, spec);
          Value pool = g.pool(spec, entries);
          RefTensor slots = g.make(Source.distinctRows(SLOTS), DType.I32, 9);
          Value at = g.tensor(slots, T);
          List<RefTensor> expected = new ArrayList<>(entries);
          for (int layer = 1; layer >= 0; layer--) {
            RefTensor k = g.make(Regime.NORMAL, dtype, 9, 2, 5);
            RefTensor v = g.make(Regime.NORMAL, dtype, 9, 2, 3);
            Value keys = g.tensor(k, T, Dim.of(2), Dim.of(5));
            Value values = g.tensor(v, T, Dim.of(2), Dim.of(3));
            pool = g.ops.kvAppend(pool, layer, keys, values, at);
            expected.set(2 * layer, written(entries.get(2 * layer), slots, k));
            expected.set(2 * layer + 1, written(entries.get(2 * layer + 1), slots, v));
          }
          g.out(spec, pool, expected);
        },
        Rule.R1,
        Rule.R8);
  }

  /** Two slots change places, one fills several, pairs with a negative member do nothing. */
  private static void copy(CaseList list, DType stored) {
    list.composite(
        "state_copy",
        stored.text(),
        Dtypes.shape(6, SLOTS),
        "-",
        g -> {
          StateSpec spec = spec(stored);
          List<RefTensor> entries = content(g, spec);
          Value pool = g.pool(spec, entries);
          RefTensor src = g.make(Source.cycle(3, 17, 3, -1, 5, 31), DType.I32, 6);
          RefTensor dst = g.make(Source.cycle(17, 3, 20, 8, -7, 0), DType.I32, 6);
          Value next = g.ops.stateCopy(pool, g.tensor(src, T), g.tensor(dst, T));
          RefTensor to = g.make(Source.cycle(17, 3, 20, -1, -7, 0), DType.I32, 6);
          List<RefTensor> expected = new ArrayList<>();
          entries.forEach(e -> expected.add(written(e, to, read(e, src))));
          g.out(spec, next, expected);
        },
        Rule.R8,
        Rule.ORDER);
  }

  private static void exchange(CaseList list, DType stored) {
    list.composite(
        "state_import",
        stored.text(),
        Dtypes.shape(7, SLOTS),
        "export",
        g -> {
          StateSpec spec = spec(stored);
          List<RefTensor> entries = content(g, spec);
          Value pool = g.pool(spec, entries);
          RefTensor slots = g.make(Source.distinctRows(SLOTS), DType.I32, 7);
          RefTensor rows = g.make(Regime.NANS, stored, 7, 2, 3);
          Value at = g.tensor(slots, T);
          g.out(g.ops.stateExport(pool, "v", 1, at), read(entries.get(3), slots));
          Value x = g.tensor(rows, T, Dim.of(2), Dim.of(3));
          Value next = g.ops.stateImport(pool, "v", 1, x, at);
          RefTensor after = written(entries.get(3), slots, rows);
          g.out(g.ops.stateExport(next, "v", 1, at), read(after, slots));
          List<RefTensor> expected = new ArrayList<>(entries);
          expected.set(3, after);
          g.out(spec, next, expected);
        },
        Rule.R8,
        Rule.STRUCTURE);
  }

  /** Two layers of more heads, K and V alike in width, so that they can be mixed up. */
  private static StateSpec alike(DType dtype) {
    List<StateSpec.Entry> entries = new ArrayList<>();
    for (int layer = 0; layer < 3; layer++) {
      entries.add(new StateSpec.Entry("k", layer, dtype, List.of(3, 8)));
      entries.add(new StateSpec.Entry("v", layer, dtype, List.of(3, 8)));
    }
    Dim slots = new Dim.Sym("slots.kv", 16, 1 << 20, 16);
    return new StateSpec("kv", 16, slots, entries);
  }

  /**
   * Random distinct slots of several pages, padding among them; only the middle layer is written.
   */
  private static void appendMany(CaseList list, DType dtype, int rows) {
    list.composite(
        "kv_append",
        dtype.text(),
        Dtypes.shape(rows, 160),
        "alike",
        g -> {
          StateSpec spec = alike(dtype);
          List<RefTensor> entries = content(g, spec, 160);
          Value pool = g.pool(spec, entries);
          RefTensor slots = g.make(Source.distinctRows(160), DType.I32, rows);
          RefTensor k = g.make(Regime.NORMAL, dtype, rows, 3, 8);
          RefTensor v = g.make(Regime.NORMAL, dtype, rows, 3, 8);
          Value keys = g.tensor(k, T, Dim.of(3), Dim.of(8));
          Value values = g.tensor(v, T, Dim.of(3), Dim.of(8));
          List<RefTensor> expected = new ArrayList<>(entries);
          expected.set(2, written(entries.get(2), slots, k));
          expected.set(3, written(entries.get(3), slots, v));
          g.out(spec, g.ops.kvAppend(pool, 1, keys, values, g.tensor(slots, T)), expected);
        },
        Rule.R8);
  }

  /** Pairs of slots of a pool of 160. */
  private record Pairs(long[] src, long[] dst) {}

  /** Makes pairs. */
  @FunctionalInterface
  private interface PairSource {
    Pairs make(CompositeSpec g);
  }

  /** Three whole pages change places in a ring. */
  private static Pairs pages(CompositeSpec g) {
    long[] src = new long[48];
    long[] dst = new long[48];
    int[] ring = {7, 1, 4};
    for (int i = 0; i < 48; i++) {
      src[i] = ring[i / 16] * 16L + i % 16;
      dst[i] = ring[(i / 16 + 1) % 3] * 16L + i % 16;
    }
    return new Pairs(src, dst);
  }

  /** Every slot moves up by one, the last to 0. */
  private static Pairs chain(CompositeSpec g) {
    long[] src = new long[160];
    long[] dst = new long[160];
    for (int i = 0; i < 160; i++) {
      src[i] = i;
      dst[i] = (i + 1L) % 160;
    }
    return new Pairs(src, dst);
  }

  /** Some sources and some targets are padding; slot 0 and the last one are neither. */
  private static Pairs padded(CompositeSpec g) {
    RefTensor rows = Source.distinctRows(150).make(DType.I32, new long[] {70}, g.random);
    long[] src = new long[70];
    long[] dst = new long[70];
    for (int i = 0; i < 70; i++) {
      dst[i] = rows.integer(i) < 0 ? rows.integer(i) : rows.integer(i) + 5;
      src[i] = i % 7 == 3 ? -1 - i % 2 : g.random.nextInt(160);
    }
    return new Pairs(src, dst);
  }

  private static Pairs one(CompositeSpec g) {
    return new Pairs(new long[] {159}, new long[] {0});
  }

  /** Slots copied to where they are, among others that move. */
  private static Pairs toItself(CompositeSpec g) {
    return new Pairs(new long[] {0, 7, 31, 20, 159}, new long[] {0, 9, 31, 21, 159});
  }

  /** One layer; K and V differ in width. */
  private static StateSpec one(DType dtype, int heads, int key, int value) {
    Dim slots = new Dim.Sym("slots.kv", 16, 1 << 20, 16);
    return new StateSpec(
        "kv",
        16,
        slots,
        List.of(
            new StateSpec.Entry("k", 0, dtype, List.of(heads, key)),
            new StateSpec.Entry("v", 0, dtype, List.of(heads, value))));
  }

  /** Wide slots, slots beyond 16 bits, NaN and infinity, rows that are many or none. */
  private static void limits(CaseList list, DType dtype) {
    StateSpec wide = one(dtype, 5, 40, 33);
    StateSpec narrow = one(dtype, 1, 2, 1);
    Source far = Source.cycle(33599, 32768, 0, -1, 831, 32767, 16000, 33001);
    append(list, dtype, "wide", wide, 48, Regime.NORMAL, Source.distinctRows(48), 20);
    append(list, dtype, "nans", narrow, 48, Regime.NANS, Source.distinctRows(48), 30);
    append(list, dtype, "infinite", narrow, 48, Regime.INFINITE, Source.distinctRows(48), 30);
    append(list, dtype, "far", narrow, 33600, Regime.NORMAL, far, 8);
    copyPairs(list, dtype, "wide", wide, 48, new long[] {40, 3, 17}, new long[] {2, 40, 5});
    copyPairs(
        list,
        dtype,
        "far",
        narrow,
        33600,
        new long[] {33599, 32768, 3, 32767},
        new long[] {1, 33000, 32769, 832});
    for (int rows : new int[] {0, 70}) {
      moveMany(list, dtype, rows);
    }
  }

  private static void append(
      CaseList list,
      DType dtype,
      String name,
      StateSpec spec,
      int numSlots,
      Regime regime,
      Source at,
      int rows) {
    list.composite(
        "kv_append",
        dtype.text(),
        Dtypes.shape(rows, numSlots),
        name,
        g -> {
          List<RefTensor> entries = content(g, spec, numSlots);
          Value pool = g.pool(spec, entries);
          RefTensor slots = g.make(at, DType.I32, rows);
          List<Value> in = new ArrayList<>();
          List<RefTensor> expected = new ArrayList<>();
          for (int e = 0; e < 2; e++) {
            long[] shape = {rows, entries.get(e).size(1), entries.get(e).size(2)};
            RefTensor x = g.make(regime, dtype, shape);
            in.add(g.tensor(x, T, Dim.of(shape[1]), Dim.of(shape[2])));
            expected.add(written(entries.get(e), slots, x));
          }
          Value next = g.ops.kvAppend(pool, 0, in.get(0), in.get(1), g.tensor(slots, T));
          g.out(spec, next, expected);
        },
        Rule.R3,
        Rule.R8);
  }

  private static void copyPairs(
      CaseList list,
      DType stored,
      String name,
      StateSpec spec,
      int numSlots,
      long[] from,
      long[] to) {
    list.composite(
        "state_copy",
        stored.text(),
        Dtypes.shape(from.length, numSlots),
        name,
        g -> {
          List<RefTensor> entries = content(g, spec, numSlots);
          Value pool = g.pool(spec, entries);
          RefTensor src = RefTensor.exact(DType.I32, new long[] {from.length}, from);
          RefTensor dst = RefTensor.exact(DType.I32, new long[] {to.length}, to);
          Value next = g.ops.stateCopy(pool, g.tensor(src, T), g.tensor(dst, T));
          List<RefTensor> expected = new ArrayList<>();
          entries.forEach(e -> expected.add(written(e, dst, read(e, src))));
          g.out(spec, next, expected);
        },
        Rule.R8);
  }

  /** Many rows, or none, out of one entry and into another of a pool beyond 256 slots. */
  private static void moveMany(CaseList list, DType stored, int rows) {
    StateSpec spec = one(stored, 2, 3, 3);
    list.composite(
        "state_import",
        stored.text(),
        Dtypes.shape(rows, 400),
        "many",
        g -> {
          List<RefTensor> entries = content(g, spec, 400);
          Value pool = g.pool(spec, entries);
          RefTensor slots = g.make(Source.distinctRows(400), DType.I32, rows);
          RefTensor x = g.make(Regime.NORMAL, stored, rows, 2, 3);
          Value at = g.tensor(slots, T);
          g.out(g.ops.stateExport(pool, "k", 0, at), read(entries.get(0), slots));
          Value in = g.tensor(x, T, Dim.of(2), Dim.of(3));
          Value next = g.ops.stateImport(pool, "v", 0, in, at);
          g.out(spec, next, List.of(entries.get(0), written(entries.get(1), slots, x)));
        },
        Rule.R8);
  }

  private static void copyMany(CaseList list, DType stored, String name, PairSource pairs) {
    list.composite(
        "state_copy",
        stored.text(),
        Dtypes.shape(160),
        name,
        g -> {
          StateSpec spec = alike(stored);
          List<RefTensor> entries = content(g, spec, 160);
          Value pool = g.pool(spec, entries);
          Pairs p = pairs.make(g);
          long[] to = p.dst().clone();
          for (int i = 0; i < to.length; i++) {
            to[i] = p.src()[i] < 0 ? -1 : to[i];
          }
          long[] sizes = {to.length};
          RefTensor src = RefTensor.exact(DType.I32, sizes, p.src());
          RefTensor wanted = RefTensor.exact(DType.I32, sizes, to);
          Value from = g.tensor(src, T);
          Value dst = g.tensor(RefTensor.exact(DType.I32, sizes, p.dst()), T);
          Value next = g.ops.stateCopy(pool, from, dst);
          List<RefTensor> expected = new ArrayList<>();
          entries.forEach(e -> expected.add(written(e, wanted, read(e, src))));
          g.out(spec, next, expected);
        },
        Rule.R8,
        Rule.ORDER);
  }
}
