package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.and;
import static dev.lamina.backend.sdk.Elementwise.atMost;
import static dev.lamina.backend.sdk.Elementwise.equal;
import static dev.lamina.backend.sdk.Elementwise.less;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.max;
import static dev.lamina.backend.sdk.Elementwise.over;
import static dev.lamina.backend.sdk.Elementwise.plus;
import static dev.lamina.backend.sdk.Elementwise.times;

import dev.lamina.backend.sdk.AttentionDecomposition.Tokens;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;

/**
 * Attention of some tokens over the pages of their sequences, with a running softmax: largest
 * logit, sum of exponentials and weighted sum of values, all F32.
 *
 * @param op the attributes
 * @param page slots of a page
 * @param kvHeads KV heads
 * @param group query heads a KV head
 * @param keyDim width of queries and keys
 * @param valueDim width of values
 * @param selects whether the last of what is shared are the positions that each token looks at
 */
record PageLoop(
    CompositeOp.PagedAttention op,
    int page,
    int kvHeads,
    long group,
    int keyDim,
    int valueDim,
    boolean selects) {

  static PageLoop of(CompositeOp.PagedAttention op, Pool pool, Value q) {
    List<Integer> k = pool.spec().entry("k", op.layer()).shape();
    List<Integer> v = pool.spec().entry("v", op.layer()).shape();
    long group = q.shape().dim(1).upperBound() / k.getFirst();
    int page = pool.spec().slotsPerPage();
    return new PageLoop(op, page, k.getFirst(), group, k.get(1), v.get(1), false);
  }

  static PageLoop of(CompositeOp.MlaAttention op, Pool pool, Value q) {
    int width = pool.spec().entry("latent", op.layer()).shape().getLast();
    CompositeOp.PagedAttention plain =
        new CompositeOp.PagedAttention(op.layer(), op.scale(), true, 0, 0, 0, false, false);
    long heads = q.shape().dim(1).upperBound();
    return new PageLoop(
        plain, pool.spec().slotsPerPage(), 1, heads, width, op.rank(), op.selected());
  }

  /** {@code [n, Hq, Dv]}. */
  Shape result(Dim n) {
    return Shape.of(n, Dim.of(kvHeads * group), Dim.of(valueDim));
  }

  private Shape heads(Dim n) {
    return Shape.of(n, Dim.of(kvHeads), Dim.of(group));
  }

  private Shape heads(Dim n, long width) {
    return Shape.of(n, Dim.of(kvHeads), Dim.of(group), Dim.of(width));
  }

  /**
   * Attends.
   *
   * @param g where to add the ops
   * @param q {@code [n, Hq, Dk]}
   * @param tokens of the rows of q
   * @param shared k and v pools, block table, sinks and alibi slopes if any
   * @return {@code [n, Hq, Dv]} of q's dtype
   */
  Value attend(Ops g, Value q, Tokens tokens, List<Value> shared) {
    Dim n = q.shape().dim(0);
    Value longest = g.reduce(ReduceKind.MAX, tokens.length(), 0);
    Value atLeastNone = max(g, longest, like(g, longest, 0L));
    List<Value> operands = new ArrayList<>();
    operands.add(over(g, plus(g, atLeastNone, page - 1L), page));
    // A sink is a logit without a value: it opens the running softmax.
    operands.add(
        op.sinks()
            ? g.broadcast(g.view(shared.get(3), Dim.of(kvHeads), Dim.of(group)), heads(n), 1, 2)
            : g.fill(heads(n), Scalar.f32(Double.NEGATIVE_INFINITY)));
    operands.add(g.fill(heads(n), Scalar.f32(op.sinks() ? 1 : 0)));
    operands.add(g.fill(heads(n, valueDim), Scalar.f32(0)));
    operands.add(g.view(q, heads(n, keyDim)));
    operands.addAll(List.of(tokens.sequence(), tokens.position(), tokens.length()));
    operands.addAll(shared.subList(0, 3));
    if (op.alibi() || selects) {
      operands.add(shared.getLast());
    }
    Graph body = body(operands.subList(1, operands.size()));
    List<Value> ended = g.loop(null, 3, body, operands);
    Value sum = g.broadcast(ended.get(1), heads(n, valueDim), 0, 1, 2);
    Value zeros = like(g, sum, 0.0);
    Value mean = g.select(equal(g, sum, zeros), zeros, g.div(ended.get(2), sum));
    return g.view(g.cast(mean, q.dtype()), result(n));
  }

  private Graph body(List<Value> outer) {
    Ops g = new Ops("attention_page");
    Value i = LoopBody.index(g);
    List<Value> in = LoopBody.inputs(g, outer);
    Value largest = in.getFirst();
    Value q = in.get(3);
    Dim n = q.shape().dim(0);
    Tokens tokens = new Tokens(in.get(4), in.get(5), in.get(6));
    Shape grid = Shape.of(n, Dim.of(page));
    Value offset = g.iota(grid, 1, DType.I32);
    Value key = g.add(offset, g.broadcast(times(g, i, page), grid));
    Value position = g.broadcast(tokens.position(), grid, 0);
    Value allowed = allowed(g, key, position, g.broadcast(tokens.length(), grid, 0));
    if (selects) {
      allowed = and(g, allowed, selected(g, in.getLast(), key));
    }
    Value slot = slots(g, in.get(9), i, tokens.sequence(), offset);
    // A slot that is not allowed is never read: index -1 gathers zeros.
    Value rows = g.select(allowed, slot, like(g, slot, -1L));
    Value k = g.permute(g.gather(in.get(7), rows, 0), 0, 2, 1, 3);
    // A value may be the beginning of what is stored.
    Value stored = g.slice(g.gather(in.get(8), rows, 0), 3, 0, Dim.of(valueDim));
    Value v = g.permute(stored, 0, 2, 1, 3);
    Value logits = logits(g, q, k);
    if (op.alibi()) {
      logits = g.add(logits, bias(g, in.getLast(), g.sub(key, position)));
    }
    Value hidden = like(g, logits, Double.NEGATIVE_INFINITY);
    Value seen = g.select(g.broadcast(allowed, logits.shape(), 0, 3), logits, hidden);

    Value top = max(g, largest, g.reduce(ReduceKind.MAX, seen, 3));
    Value none = equal(g, top, like(g, top, Double.NEGATIVE_INFINITY));
    Value base = g.select(none, like(g, top, 0.0), top);
    Value weight = g.unary(UnaryKind.EXP, g.sub(seen, g.broadcast(base, seen.shape(), 0, 1, 2)));
    Value fade = g.unary(UnaryKind.EXP, g.sub(largest, base));
    Value sum = g.add(g.mul(in.get(1), fade), g.reduce(ReduceKind.SUM, weight, 3));
    Value kept = g.mul(in.get(2), g.broadcast(fade, in.get(2).shape(), 0, 1, 2));
    g.output("largest", top);
    g.output("sum", sum);
    g.output("values", g.add(kept, g.matmul(weight, v, false, DType.F32)));
    return g.build();
  }

  private Value allowed(Ops g, Value key, Value position, Value length) {
    Value allowed = less(g, key, length);
    if (op.causal()) {
      allowed = and(g, allowed, atMost(g, key, position));
    }
    if (op.window() > 0 && op.window() <= Integer.MAX_VALUE) {
      allowed = and(g, allowed, less(g, plus(g, position, -op.window()), key));
    }
    if (op.chunk() > 0 && op.chunk() <= Integer.MAX_VALUE) {
      Value own = over(g, position, op.chunk());
      allowed = and(g, allowed, equal(g, over(g, key, op.chunk()), own));
    }
    return allowed;
  }

  /** Whether a key {@code [n, page]} is among its token's selected ones. */
  private static Value selected(Ops g, Value chosen, Value key) {
    Shape pairs = Shape.of(key.shape().dim(0), key.shape().dim(1), chosen.shape().dim(1));
    Value same = equal(g, g.broadcast(key, pairs, 0, 1), g.broadcast(chosen, pairs, 0, 2));
    Value any = g.reduce(ReduceKind.MAX, g.cast(same, DType.I32), 2);
    return equal(g, any, like(g, any, 1L));
  }

  private Value slots(Ops g, Value table, Value i, Value sequence, Value offset) {
    return slots(g, page, table, i, sequence, offset);
  }

  /** Slots of page i of each token's sequence, {@code [n, page]}. */
  static Value slots(Ops g, int page, Value table, Value i, Value sequence, Value offset) {
    Value column = g.view(g.sliceAt(table, 1, i, Dim.of(1)), table.shape().dim(0));
    Value first = times(g, g.gather(column, sequence, 0), page);
    return g.add(g.broadcast(first, offset.shape(), 0), offset);
  }

  private Value logits(Ops g, Value q, Value k) {
    Value logits = times(g, g.matmul(q, k, true, DType.F32), op.scale());
    if (op.softcap() == 0) {
      return logits;
    }
    Value bounded = g.div(logits, like(g, logits, op.softcap()));
    return times(g, g.unary(UnaryKind.TANH, bounded), op.softcap());
  }

  /** Slope of the head times the distance, {@code [n, Hkv, group, page]}. */
  private Value bias(Ops g, Value slopes, Value distance) {
    Dim n = distance.shape().dim(0);
    Shape shape = heads(n, page);
    Value slope = g.view(slopes, Dim.of(kvHeads), Dim.of(group));
    Value far = g.cast(distance, DType.F32);
    return g.mul(g.broadcast(slope, shape, 1, 2), g.broadcast(far, shape, 0, 3));
  }
}
