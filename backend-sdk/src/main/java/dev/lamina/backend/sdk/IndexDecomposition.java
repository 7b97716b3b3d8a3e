package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.and;
import static dev.lamina.backend.sdk.Elementwise.atMost;
import static dev.lamina.backend.sdk.Elementwise.less;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.max;
import static dev.lamina.backend.sdk.Elementwise.over;
import static dev.lamina.backend.sdk.Elementwise.plus;
import static dev.lamina.backend.sdk.Elementwise.times;

import dev.lamina.backend.sdk.AttentionDecomposition.Tokens;
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
 * The best positions of each token, as loops over tiles of tokens and, inside, over pages: each
 * page's scores are merged into the k best so far, which come first, so that ties go to the lowest
 * position. Memory is bounded by a tile of tokens times k and a page.
 */
final class IndexDecomposition {
  private IndexDecomposition() {}

  static Value topk(
      Ops g, CompositeOp.IndexTopk op, Pool pool, Value q, Value w, List<Value> sequences) {
    Dim t = q.shape().dim(0);
    Tokens tokens = AttentionDecomposition.tokens(g, t, sequences.get(0), sequences.get(1));
    int tile = AttentionDecomposition.tile(pool);
    Value token = g.iota(Shape.of(t), 0, DType.I32);
    Value last = g.reduce(ReduceKind.MAX, token, 0);
    Value total = plus(g, max(g, last, like(g, last, -1L)), 1L);
    List<Value> operands = new ArrayList<>();
    operands.add(over(g, plus(g, total, tile - 1L), tile));
    operands.add(g.fill(Shape.of(t, Dim.of(op.k())), Scalar.integer(DType.I32, -1)));
    operands.addAll(List.of(total, q, w, tokens.sequence(), tokens.position(), tokens.length()));
    operands.addAll(List.of(pool.entry("index", op.layer()), sequences.get(2)));
    Graph body = tile(op, pool.spec().slotsPerPage(), tile, operands.subList(1, operands.size()));
    return g.loop(null, 1, body, operands).getFirst();
  }

  private static Graph tile(CompositeOp.IndexTopk op, int page, int tile, List<Value> outer) {
    Ops g = new Ops("index_tile");
    Value i = LoopBody.index(g);
    List<Value> in = LoopBody.inputs(g, outer);
    Shape rows = Shape.of(tile);
    Value index = g.add(g.iota(rows, 0, DType.I32), g.broadcast(times(g, i, tile), rows));
    Value inside = less(g, index, g.broadcast(in.get(1), rows));
    Value token = g.select(inside, index, like(g, index, -1L));
    Tokens tokens = new Tokens(in.get(4), in.get(5), in.get(6)).at(g, token);
    Value longest = g.reduce(ReduceKind.MAX, tokens.length(), 0);
    Shape best = Shape.of(tile, op.k());
    List<Value> operands = new ArrayList<>();
    operands.add(over(g, plus(g, max(g, longest, like(g, longest, 0L)), page - 1L), page));
    operands.add(g.fill(best, Scalar.f32(Double.NEGATIVE_INFINITY)));
    operands.add(g.fill(best, Scalar.integer(DType.I32, -1)));
    operands.add(g.gather(in.get(2), token, 0));
    operands.add(g.gather(in.get(3), token, 0));
    operands.addAll(List.of(tokens.sequence(), tokens.position(), tokens.length()));
    operands.addAll(List.of(in.get(7), in.get(8)));
    Graph body = page(op, page, tile, operands.subList(1, operands.size()));
    Value ids = g.loop(null, 2, body, operands).get(1);
    g.output("ids", g.scatter(ScatterKind.SET, in.getFirst(), token, ids, 0));
    return g.build();
  }

  private static Graph page(CompositeOp.IndexTopk op, int page, int tile, List<Value> outer) {
    Ops g = new Ops("index_page");
    Value i = LoopBody.index(g);
    List<Value> in = LoopBody.inputs(g, outer);
    Shape grid = Shape.of(tile, page);
    Value offset = g.iota(grid, 1, DType.I32);
    Value key = g.add(offset, g.broadcast(times(g, i, page), grid));
    Value allowed =
        and(
            g,
            less(g, key, g.broadcast(in.get(6), grid, 0)),
            atMost(g, key, g.broadcast(in.get(5), grid, 0)));
    Value slot = PageLoop.slots(g, page, in.get(8), i, in.get(4), offset);
    Value rows = g.select(allowed, slot, like(g, slot, -1L));
    Value q = in.get(2);
    Value keys = g.view(g.gather(in.get(7), rows, 0), Dim.of(tile), Dim.of(page), q.shape().dim(2));
    // [n, heads, page], below 0 nothing.
    Value dots = times(g, g.matmul(q, keys, true, DType.F32), op.scale());
    Value kept = max(g, dots, like(g, dots, 0.0));
    Value weighed = g.mul(kept, g.broadcast(in.get(3), kept.shape(), 0, 1));
    Value score = g.reduce(ReduceKind.SUM, weighed, 1);
    score = g.select(allowed, score, like(g, score, Double.NEGATIVE_INFINITY));
    Value position = g.select(allowed, key, like(g, key, -1L));

    Value scores = g.concat(1, in.get(0), score);
    Value positions = g.concat(1, in.get(1), position);
    List<Value> top = g.topk(scores, op.k(), 1);
    long width = op.k() + (long) page;
    Value row = times(g, g.iota(top.get(1).shape(), 0, DType.I32), width);
    Value flat = g.view(positions, Dim.of(tile * width));
    g.output("scores", top.get(0));
    g.output("ids", g.gather(flat, g.add(top.get(1), row), 0));
    return g.build();
  }
}
