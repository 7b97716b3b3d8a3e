package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.and;
import static dev.lamina.backend.sdk.Elementwise.atMost;
import static dev.lamina.backend.sdk.Elementwise.less;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.times;

import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.ScanKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.List;

/**
 * Linear attention within a chunk of rows of one sequence, all in F32.
 *
 * <p>With decays {@code d(i, j)} from row j to row i, what row i writes, {@code u_i}, is its value
 * or, by the delta rule, {@code beta_i (v_i - d(i, 0) k_i M - sum over j < i of d(i, j) (k_i k_j)
 * u_j)}: a unit lower triangular system, whose inverse is put together from blocks of 1, 2, 4, ..
 * rows. Each {@code d(i, j)} is the exponential of a sum of its own, never a difference of two
 * sums, so that it stays exact behind an extreme decay.
 *
 * @param length rows
 * @param delta whether what is written is corrected by what the state knows of it
 * @param byChannel whether each channel of a key decays by itself
 * @param scale factor on queries
 */
record RecurrenceChunk(int length, boolean delta, boolean byChannel, double scale) {
  /** What a chunk yields: rows {@code [length, Hv, Dv]}, the state {@code [1, Hv, Dk, Dv]}. */
  record Step(Value out, Value state) {}

  /**
   * Adds the ops.
   *
   * @param g where
   * @param state {@code [1, Hv, Dk, Dv]}
   * @param rows queries, keys {@code [length, Hk, Dk]}, values {@code [length, Hv, Dv]}, log decays
   *     {@code [length, Hv]} or {@code [length, Hv, Dk]}, betas {@code [length, Hv]}
   */
  Step step(Ops g, Value state, List<Value> rows) {
    Dim n = Dim.of(length);
    Dim groups = rows.getFirst().shape().dim(1);
    long valueHeads = rows.get(2).shape().dim(1).upperBound();
    Dim each = Dim.of(valueHeads / groups.upperBound());
    Dim keyDim = rows.getFirst().shape().dim(2);
    Dim valueDim = rows.get(2).shape().dim(2);
    // Axes from here on: query heads, value heads a query head, rows, width.
    Shape keys = Shape.of(groups, each, n, keyDim);
    Value q = g.broadcast(g.permute(rows.get(0), 1, 0, 2), keys, 0, 2, 3);
    q = times(g, q, scale);
    Value k = g.broadcast(g.permute(rows.get(1), 1, 0, 2), keys, 0, 2, 3);
    Value v = g.permute(g.view(rows.get(2), n, groups, each, valueDim), 1, 2, 0, 3);
    Value m = g.view(state, groups, each, keyDim, valueDim);
    Value decay =
        byChannel
            ? g.permute(g.view(rows.get(3), n, groups, each, keyDim), 1, 2, 0, 3)
            : g.permute(g.view(rows.get(3), n, groups, each), 1, 2, 0);

    Value since = since(g, decay, keys);
    Value fromStart = fromStart(g, decay, keys);
    Value seen = products(g, q, k, since);
    Value written = v;
    if (delta) {
      Value beta = g.permute(g.view(rows.get(4), n, groups, each), 1, 2, 0);
      Value known = g.matmul(g.mul(k, fromStart), m, false, DType.F32);
      Value want = g.mul(g.sub(v, known), g.broadcast(beta, v.shape(), 0, 1, 2));
      Value before = below(g, seen.shape());
      Value lower = products(g, k, k, since);
      lower = g.mul(lower, g.broadcast(beta, lower.shape(), 0, 1, 2));
      lower = g.select(before, lower, like(g, lower, 0.0));
      written = g.matmul(inverse(g, lower), want, false, DType.F32);
    }
    Value out =
        g.add(
            g.matmul(g.mul(q, fromStart), m, false, DType.F32),
            g.matmul(seen, written, false, DType.F32));
    Value rest = g.mul(k, toEnd(g, since, keys));
    Value added = g.matmul(g.permute(rest, 0, 1, 3, 2), written, false, DType.F32);
    Value kept = g.mul(m, lastOf(g, fromStart, m.shape()));
    return new Step(
        g.view(g.permute(out, 2, 0, 1, 3), n, Dim.of(valueHeads), valueDim),
        g.view(g.add(kept, added), state.shape()));
  }

  /**
   * Decay from row j to row i, 0 for j above i: {@code [.., i, j]}, by channel {@code [.., i, j,
   * Dk]}.
   */
  private Value since(Ops g, Value decay, Shape keys) {
    Dim n = Dim.of(length);
    Shape pairs =
        byChannel
            ? Shape.of(keys.dim(0), keys.dim(1), n, n, keys.dim(3))
            : Shape.of(keys.dim(0), keys.dim(1), n, n);
    int[] axes = byChannel ? new int[] {0, 1, 2, 4} : new int[] {0, 1, 2};
    Value each = g.broadcast(decay, pairs, axes);
    Value later = g.select(below(g, pairs), each, like(g, each, 0.0));
    Value sum = g.scan(ScanKind.SUM, later, 2, false);
    Value factor = g.unary(UnaryKind.EXP, sum);
    Value row = g.iota(pairs, 2, DType.I32);
    Value column = g.iota(pairs, 3, DType.I32);
    return g.select(atMost(g, column, row), factor, like(g, factor, 0.0));
  }

  /** Whether column j is below row i. */
  private static Value below(Ops g, Shape pairs) {
    return less(g, g.iota(pairs, 3, DType.I32), g.iota(pairs, 2, DType.I32));
  }

  /** Decay from before the chunk to row i, as keys are shaped. */
  private Value fromStart(Ops g, Value decay, Shape keys) {
    Value factor = g.unary(UnaryKind.EXP, g.scan(ScanKind.SUM, decay, 2, false));
    return byChannel ? factor : g.broadcast(factor, keys, 0, 1, 2);
  }

  /** Decay from row j to the chunk's end, as keys are shaped. */
  private Value toEnd(Ops g, Value since, Shape keys) {
    Value last = g.slice(since, 2, length - 1L, Dim.of(1));
    return byChannel
        ? g.view(last, keys)
        : g.broadcast(g.view(last, keys.dim(0), keys.dim(1), keys.dim(2)), keys, 0, 1, 2);
  }

  /** Decay over the whole chunk of each row of the state. */
  private Value lastOf(Ops g, Value fromStart, Shape state) {
    Value last = g.slice(fromStart, 2, length - 1L, Dim.of(1));
    return g.broadcast(g.view(last, state.dim(0), state.dim(1), state.dim(2)), state, 0, 1, 2);
  }

  /** {@code sum over channels of a_i b_j d(i, j)}, 0 for j above i. */
  private Value products(Ops g, Value a, Value b, Value since) {
    if (!byChannel) {
      return g.mul(g.matmul(a, b, true, DType.F32), since);
    }
    Shape pairs = since.shape();
    Value both = g.mul(g.broadcast(a, pairs, 0, 1, 2, 4), g.broadcast(b, pairs, 0, 1, 3, 4));
    return g.reduce(ReduceKind.SUM, g.mul(both, since), 4);
  }

  /**
   * {@code (1 + A)^-1} for a strictly lower triangular A: where T holds the inverses of diagonal
   * blocks of so many rows, {@code T - T B T} holds those of blocks twice as large, B being A
   * between the two halves of each.
   */
  private Value inverse(Ops g, Value a) {
    Value row = g.iota(a.shape(), 2, DType.I32);
    Value column = g.iota(a.shape(), 3, DType.I32);
    Value zero = like(g, a, 0.0);
    Value t = g.select(g.compare(CompareKind.EQ, row, column), like(g, a, 1.0), zero);
    for (long half = 1; half < length; half *= 2) {
      long block = 2 * half;
      Value same =
          g.compare(
              CompareKind.EQ, Elementwise.over(g, row, block), Elementwise.over(g, column, block));
      Value low = atMost(g, like(g, row, half), within(g, row, block));
      Value left = less(g, within(g, column, block), like(g, column, half));
      Value b = g.select(and(g, same, and(g, low, left)), a, zero);
      Value correction = g.matmul(g.matmul(t, b, false, DType.F32), t, false, DType.F32);
      t = g.sub(t, correction);
    }
    return t;
  }

  private static Value within(Ops g, Value index, long block) {
    return g.binary(BinaryKind.REM, index, like(g, index, block));
  }
}
