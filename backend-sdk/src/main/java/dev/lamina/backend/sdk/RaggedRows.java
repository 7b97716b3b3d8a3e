package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.atMost;
import static dev.lamina.backend.sdk.Elementwise.less;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.plus;

import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;

/**
 * Which rows of a step are whose, all I32.
 *
 * @param begins first row of each sequence, {@code [S]}
 * @param lengths rows of each sequence, {@code [S]}
 * @param sequence each row's sequence, -1 for none, {@code [T]}
 * @param offset each row's place in its sequence, {@code [T]}
 */
record RaggedRows(Value begins, Value lengths, Value sequence, Value offset) {
  /** From {@code cuSeqlensQ[S + 1]}: a row's sequence is how many bounds are at or before it. */
  static RaggedRows of(Ops g, Dim rows, Dim sequences, Value cu) {
    Value begins = g.slice(cu, 0, 0, sequences);
    Value lengths = g.sub(g.slice(cu, 0, 1, sequences), begins);
    Value row = g.iota(Shape.of(rows), 0, DType.I32);
    Shape grid = Shape.of(cu.shape().dim(0), rows);
    Value begun = atMost(g, g.broadcast(cu, grid, 0), g.broadcast(row, grid, 1));
    Value bounds = g.reduce(ReduceKind.SUM, g.cast(begun, DType.I32), 0);
    Value end = g.broadcast(g.reduce(ReduceKind.MAX, cu, 0), Shape.of(rows));
    Value sequence = g.select(less(g, row, end), plus(g, bounds, -1L), like(g, row, -1L));
    Value offset = g.sub(row, g.gather(begins, sequence, 0));
    return new RaggedRows(begins, lengths, sequence, offset);
  }
}
