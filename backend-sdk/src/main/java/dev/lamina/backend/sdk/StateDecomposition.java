package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp.ScatterKind;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;

/** State ops over dense pools: gathers and scatters along the slots. */
final class StateDecomposition {
  private StateDecomposition() {}

  static Pool kvAppend(Ops g, CompositeOp.KvAppend op, Pool pool, Value k, Value v, Value slots) {
    Pool withK = write(g, pool, pool.index("k", op.layer()), k, slots);
    return write(g, withK, pool.index("v", op.layer()), v, slots);
  }

  static Pool importSlots(Ops g, CompositeOp.StateImport op, Pool pool, Value x, Value slots) {
    return write(g, pool, pool.index(op.entry(), op.layer()), x, slots);
  }

  static Value exportSlots(Ops g, CompositeOp.StateExport op, Pool pool, Value slots) {
    return g.gather(pool.entry(op.entry(), op.layer()), slots, 0);
  }

  static Pool copy(Ops g, Pool pool, Value src, Value dst) {
    Value to = Elementwise.dropWhereNegative(g, src, dst);
    Pool next = pool;
    for (int i = 0; i < pool.entries().size(); i++) {
      Value rows = g.gather(pool.entries().get(i), src, 0);
      next = write(g, next, i, rows, to);
    }
    return next;
  }

  private static Pool write(Ops g, Pool pool, int index, Value rows, Value slots) {
    Value entry = pool.entries().get(index);
    Value stored = g.cast(rows, entry.dtype());
    return pool.with(index, g.scatter(ScatterKind.SET, entry, slots, stored, 0));
  }
}
