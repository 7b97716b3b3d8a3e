package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.less;
import static dev.lamina.backend.sdk.Elementwise.like;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Value;

/** Row lookup; of a quantised table only the rows looked up are decoded. */
final class EmbeddingDecomposition {
  private EmbeddingDecomposition() {}

  static Value embedding(Ops g, CompositeOp.Embedding op, Value ids, Value table) {
    if (!(table.tensor().layout() instanceof Layout.Blocked b)) {
      return g.cast(g.gather(table, ids, 0), op.out());
    }
    long k = table.shape().dim(1).upperBound();
    Value rows = g.gather(Dequantisation.bytes(g, table), ids, 0);
    Value decoded = Dequantisation.decode(g, b.format(), rows, k);
    // Zero bytes may decode to -0.0.
    Value none = less(g, ids, like(g, ids, 0L));
    Value zeros = like(g, decoded, 0.0);
    Value x = g.select(g.broadcast(none, decoded.shape(), 0), zeros, decoded);
    return g.cast(x, op.out());
  }
}
