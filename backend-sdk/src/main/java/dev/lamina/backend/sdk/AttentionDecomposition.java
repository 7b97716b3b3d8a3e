package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.less;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.max;
import static dev.lamina.backend.sdk.Elementwise.over;
import static dev.lamina.backend.sdk.Elementwise.plus;
import static dev.lamina.backend.sdk.Elementwise.times;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.ScatterKind;
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
 * Paged attention as loops over tiles of tokens and, inside, over KV pages.
 *
 * <p>A page step gathers for each token the page of its own sequence, so ragged batches of prefill
 * and decode need no padding. Memory is bounded by a tile of tokens times one page, whatever the
 * lengths. Slow next to a kernel, and the same numbers up to rounding. Source: arXiv:2112.05682.
 */
final class AttentionDecomposition {
  /** Gathered key rows of a step: tokens of a tile times slots of a page. */
  private static final int TILE_ROWS = 1024;

  private static final int MAX_TILE = 64;

  private AttentionDecomposition() {}

  /**
   * What each token attends with.
   *
   * @param sequence its sequence, -1 for none
   * @param position its own position
   * @param length positions of its sequence, 0 for none
   */
  record Tokens(Value sequence, Value position, Value length) {
    /** Those of some tokens; -1 gives one without positions. */
    Tokens at(Ops g, Value token) {
      return new Tokens(
          g.gather(sequence, token, 0), g.gather(position, token, 0), g.gather(length, token, 0));
    }
  }

  /**
   * Adds the loops.
   *
   * @param g where to add them
   * @param op the attributes
   * @param pool the pool, this step's keys and values in it
   * @param q {@code [T, Hq, Dk]}
   * @param rest the operands after the pool
   * @return {@code [T, Hq, Dv]} of q's dtype
   */
  static Value attend(Ops g, CompositeOp.PagedAttention op, Pool pool, Value q, List<Value> rest) {
    PageLoop loop = PageLoop.of(op, pool, q);
    Value k = pool.entry("k", op.layer());
    return attend(g, loop, pool, q, k, pool.entry("v", op.layer()), rest);
  }

  /** Over latents, each key and, as far as {@code op.rank()}, value of all heads. */
  static Value attend(Ops g, CompositeOp.MlaAttention op, Pool pool, Value q, List<Value> rest) {
    Value latent = pool.entry("latent", op.layer());
    return attend(g, PageLoop.of(op, pool, q), pool, q, latent, latent, rest);
  }

  private static Value attend(
      Ops g, PageLoop loop, Pool pool, Value q, Value k, Value v, List<Value> rest) {
    Dim t = q.shape().dim(0);
    Tokens tokens = tokens(g, t, rest.getFirst(), rest.get(1));
    List<Value> shared = new ArrayList<>();
    shared.add(k);
    shared.add(v);
    shared.addAll(rest.subList(2, rest.size()));
    int tile = tile(pool);
    if (t.upperBound() <= tile) {
      return loop.attend(g, q, tokens, shared);
    }
    return tiles(g, loop, tile, q, tokens, shared);
  }

  /** Tokens that are worked on at a time. */
  static int tile(Pool pool) {
    return Math.clamp(TILE_ROWS / pool.spec().slotsPerPage(), 1, MAX_TILE);
  }

  /** The tokens' sequences from {@code cuSeqlensQ}: how many bounds are at or before the token. */
  static Tokens tokens(Ops g, Dim t, Value cu, Value lens) {
    Value token = g.iota(Shape.of(t), 0, DType.I32);
    Shape grid = Shape.of(cu.shape().dim(0), t);
    Value begun = Elementwise.atMost(g, g.broadcast(cu, grid, 0), g.broadcast(token, grid, 1));
    Value bounds = g.reduce(ReduceKind.SUM, g.cast(begun, DType.I32), 0);
    Value end = g.broadcast(g.reduce(ReduceKind.MAX, cu, 0), Shape.of(t));
    Value sequence = g.select(less(g, token, end), plus(g, bounds, -1L), like(g, token, -1L));
    Value ends = g.slice(cu, 0, 1, lens.shape().dim(0));
    Value offset = g.sub(lens, ends);
    Value length = g.gather(lens, sequence, 0);
    return new Tokens(sequence, g.add(g.gather(offset, sequence, 0), token), length);
  }

  private static Value tiles(
      Ops g, PageLoop loop, int tile, Value q, Tokens tokens, List<Value> shared) {
    Value token = g.iota(Shape.of(q.shape().dim(0)), 0, DType.I32);
    Value last = g.reduce(ReduceKind.MAX, token, 0);
    Value total = plus(g, max(g, last, like(g, last, -1L)), 1L);
    List<Value> operands = new ArrayList<>();
    operands.add(over(g, plus(g, total, tile - 1L), tile));
    operands.add(g.fill(loop.result(q.shape().dim(0)), new Scalar(q.dtype(), 0)));
    operands.addAll(List.of(total, q, tokens.sequence(), tokens.position(), tokens.length()));
    operands.addAll(shared);
    Graph body = tileBody(loop, tile, operands.subList(1, operands.size()));
    return g.loop(null, 1, body, operands).getFirst();
  }

  private static Graph tileBody(PageLoop loop, int tile, List<Value> outer) {
    Ops g = new Ops("attention_tile");
    Value i = LoopBody.index(g);
    List<Value> in = LoopBody.inputs(g, outer);
    Shape rows = Shape.of(tile);
    Value index = g.add(g.iota(rows, 0, DType.I32), g.broadcast(times(g, i, tile), rows));
    Value inside = less(g, index, g.broadcast(in.get(1), rows));
    Value token = g.select(inside, index, like(g, index, -1L));
    // A row past the end gathers length 0, so nothing is allowed for it.
    Tokens tokens = new Tokens(in.get(3), in.get(4), in.get(5)).at(g, token);
    Value q = g.gather(in.get(2), token, 0);
    List<Value> shared = new ArrayList<>(in.subList(6, in.size()));
    if (loop.selects()) {
      shared.add(g.gather(shared.removeLast(), token, 0));
    }
    Value out = loop.attend(g, q, tokens, shared);
    g.output("out", g.scatter(ScatterKind.SET, in.getFirst(), token, out, 0));
    return g.build();
  }
}
