package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.atMost;
import static dev.lamina.backend.sdk.Elementwise.equal;
import static dev.lamina.backend.sdk.Elementwise.f32;
import static dev.lamina.backend.sdk.Elementwise.less;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.plus;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp.ScatterKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.List;

/** Causal convolution as one gather of rows a tap. */
final class ConvolutionDecomposition {
  /** What the op yields. */
  record Result(Value y, Pool pool) {}

  private final Ops g;
  private final int tail;
  private final Value x;
  private final Value old;
  private final RaggedRows rows;

  private ConvolutionDecomposition(Ops g, Value x, Value old, RaggedRows rows) {
    this.g = g;
    this.tail = (int) old.shape().dim(1).upperBound();
    this.x = x;
    this.old = old;
    this.rows = rows;
  }

  /**
   * Adds the ops.
   *
   * @param g where
   * @param op the attributes
   * @param pool the pool
   * @param in the operands after the pool
   */
  static Result convolve(Ops g, CompositeOp.CausalConv1d op, Pool pool, List<Value> in) {
    Value reads = in.get(2);
    Value x = f32(g, in.get(0));
    int index = pool.index(op.entry(), op.layer());
    Value entry = pool.entries().get(index);
    Value old = f32(g, g.gather(entry, reads, 0));
    RaggedRows rows = RaggedRows.of(g, x.shape().dim(0), reads.shape().dim(0), in.get(4));
    ConvolutionDecomposition c = new ConvolutionDecomposition(g, x, old, rows);
    Value bias = op.biased() ? in.get(5) : null;
    Value sum = c.sum(f32(g, g.permute(in.get(1), 1, 0)));
    if (bias != null) {
      sum = g.add(sum, g.broadcast(f32(g, bias), sum.shape(), 1));
    }
    Value act = op.silu() ? g.mul(sum, g.unary(UnaryKind.SIGMOID, sum)) : sum;
    Value none = less(g, rows.sequence(), like(g, rows.sequence(), 0L));
    Value y = g.select(g.broadcast(none, act.shape(), 0), like(g, act, 0.0), act);
    Value kept = g.cast(c.tailAfter(), entry.dtype());
    Pool next = pool.with(index, g.scatter(ScatterKind.SET, entry, in.get(3), kept, 0));
    return new Result(g.cast(y, in.getFirst().dtype()), next);
  }

  /** {@code [T, C]} for factors {@code [K, C]}. */
  private Value sum(Value w) {
    Dim channels = x.shape().dim(1);
    Value row = g.iota(Shape.of(x.shape().dim(0)), 0, DType.I32);
    Value sum = like(g, x, 0.0);
    for (int j = 0; j <= tail; j++) {
      long back = (long) tail - j;
      Value inside = atMost(g, like(g, row, back), rows.offset());
      Value at = g.select(inside, plus(g, row, -back), like(g, row, -1L));
      Value tap = g.gather(x, at, 0);
      for (int r = j; r < tail; r++) {
        // A row this near to its sequence's start sees the tail that came before it.
        Value near = equal(g, rows.offset(), like(g, row, (long) (r - j)));
        Value before = g.gather(tailRow(r), rows.sequence(), 0);
        tap = g.select(g.broadcast(near, x.shape(), 0), before, tap);
      }
      Value factor = g.view(g.slice(w, 0, j, Dim.of(1)), channels);
      sum = g.add(sum, g.mul(tap, g.broadcast(factor, x.shape(), 1)));
    }
    return sum;
  }

  /** Row r of every sequence's tail before the step: {@code [S, C]}. */
  private Value tailRow(int r) {
    Dim s = old.shape().dim(0);
    return g.view(g.slice(old, 1, r, Dim.of(1)), s, old.shape().dim(2));
  }

  /** {@code [S, K - 1, C]}: the last rows of what was before the step and the step's own. */
  private Value tailAfter() {
    Dim s = old.shape().dim(0);
    Value[] each = new Value[tail];
    for (int r = 0; r < tail; r++) {
      Value offset = plus(g, rows.lengths(), (long) r - tail);
      Value inside = atMost(g, like(g, offset, 0L), offset);
      Value at = g.select(inside, g.add(rows.begins(), offset), like(g, offset, -1L));
      Value row = g.gather(x, at, 0);
      for (int from = r; from < tail; from++) {
        Value few = equal(g, rows.lengths(), like(g, offset, (long) (from - r)));
        row = g.select(g.broadcast(few, row.shape(), 0), tailRow(from), row);
      }
      each[r] = g.view(row, s, Dim.of(1), old.shape().dim(2));
    }
    return tail == 1 ? each[0] : g.concat(1, each);
  }
}
