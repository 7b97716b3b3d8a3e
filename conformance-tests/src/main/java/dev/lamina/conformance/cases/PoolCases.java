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
    List<RefTensor> entries = new ArrayList<>();
    for (StateSpec.Entry e : spec.entries()) {
      long[] sizes = {SLOTS, e.shape().get(0), e.shape().get(1)};
      entries.add(g.make(Regime.NORMAL, e.dtype(), sizes));
    }
    return entries;
  }

  /** The pool with rows written, each rounded to the pool's dtype. */
  private static RefTensor written(RefTensor pool, RefTensor slots, RefTensor rows) {
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
}
