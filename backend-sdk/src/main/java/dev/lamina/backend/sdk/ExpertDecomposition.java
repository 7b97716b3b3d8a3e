package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.and;
import static dev.lamina.backend.sdk.Elementwise.atMost;
import static dev.lamina.backend.sdk.Elementwise.less;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.over;
import static dev.lamina.backend.sdk.Elementwise.plus;
import static dev.lamina.backend.sdk.Elementwise.times;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.ScanKind;
import dev.lamina.spi.ir.CoreOp.ScatterKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Projections by each token's experts, as a loop over choices and, inside, over tiles of tokens
 * that chose the same expert.
 *
 * <p>A choice's tokens are ranked within their expert, and each expert that has any gets as many
 * tiles of {@link #TILE_ROWS} as they fill: experts without tokens cost nothing, and how many tiles
 * there are stays on the device. At most T rows and {@code TILE_ROWS - 1} empty ones an expert are
 * multiplied a choice; one expert's matrix is decoded at a time. Source: arXiv:2211.15841 (padded
 * groups in place of padded experts).
 */
final class ExpertDecomposition {
  /** Tokens that are multiplied by one expert at a time. */
  static final int TILE_ROWS = 16;

  private ExpertDecomposition() {}

  static Value linear(Ops g, CompositeOp.MoeLinear op, List<Value> in) {
    Value w = in.get(1);
    Value ids = in.get(2);
    QuantFormat format = w.tensor().layout() instanceof Layout.Blocked b ? b.format() : null;
    long depth = w.shape().dim(2).upperBound();
    Dim width = w.shape().dim(1);
    Shape result = Shape.of(ids.shape().dim(0), ids.shape().dim(1), width);
    List<Value> operands = new ArrayList<>();
    operands.add(g.fill(result, new Scalar(op.out(), 0)));
    operands.add(in.getFirst());
    operands.add(format == null ? w : Dequantisation.bytes(g, w));
    operands.add(ids);
    if (op.biased()) {
      operands.add(in.get(3));
    }
    Graph body = choice(operands, format, depth);
    return g.loop(ids.shape().dim(1), 1, body, operands).getFirst();
  }

  /** One choice of every token. */
  private static Graph choice(List<Value> outer, @Nullable QuantFormat format, long depth) {
    Ops g = new Ops("expert_choice");
    Value j = LoopBody.index(g);
    List<Value> in = LoopBody.inputs(g, outer);
    Value y = in.getFirst();
    Dim t = y.shape().dim(0);
    Value x = in.get(1);
    if (x.shape().rank() == 3) {
      x = g.view(g.sliceAt(x, 1, j, Dim.of(1)), t, x.shape().dim(2));
    }
    Value experts = in.get(2);
    Value ids = g.view(g.sliceAt(in.get(3), 1, j, Dim.of(1)), t);

    // hot [T, E]; a token's rank is how many before it chose the same expert.
    Dim count = experts.shape().dim(0);
    Shape grid = Shape.of(t, count);
    Value hot =
        g.cast(
            g.compare(CompareKind.EQ, g.broadcast(ids, grid, 0), g.iota(grid, 1, DType.I32)),
            DType.I32);
    Value rank = g.reduce(ReduceKind.SUM, g.mul(hot, g.scan(ScanKind.SUM, hot, 0, true)), 1);
    Value tokens = g.reduce(ReduceKind.SUM, hot, 0);
    Value tiles = over(g, plus(g, tokens, TILE_ROWS - 1L), TILE_ROWS);
    Value first = g.scan(ScanKind.SUM, tiles, 0, true);
    Value row = g.add(times(g, g.gather(first, ids, 0), TILE_ROWS), rank);
    Value none = less(g, ids, like(g, ids, 0L));

    List<Value> operands = new ArrayList<>();
    operands.add(g.reduce(ReduceKind.SUM, tiles, 0));
    operands.add(g.fill(Shape.of(t, y.shape().dim(2)), new Scalar(y.dtype(), 0)));
    operands.add(x);
    operands.add(experts);
    operands.add(first);
    operands.add(g.select(none, like(g, row, -1L), row));
    operands.addAll(in.subList(4, in.size()));
    Graph tile = tile(operands.subList(1, operands.size()), format, depth);
    Value done = g.loop(null, 1, tile, operands).getFirst();
    List<Dim> zeros = Collections.nCopies(3, Dim.of(0));
    Value column = g.view(done, t, Dim.of(1), y.shape().dim(2));
    g.output("y", g.add(new CoreOp.Update(zeros, List.of(1)), y, column, j));
    return g.build();
  }

  /** Up to {@link #TILE_ROWS} tokens of one expert. */
  private static Graph tile(List<Value> outer, @Nullable QuantFormat format, long depth) {
    Ops g = new Ops("expert_tile");
    Value i = LoopBody.index(g);
    List<Value> in = LoopBody.inputs(g, outer);
    Value y = in.getFirst();
    Value experts = in.get(2);
    Value first = in.get(3);
    Value row = in.get(4);

    // The expert: the last whose first tile is this one or an earlier one; those without tokens
    // have the first tile of the expert behind them.
    Value begun = atMost(g, first, g.broadcast(i, first.shape()));
    Value expert = plus(g, g.reduce(ReduceKind.SUM, g.cast(begun, DType.I32), 0), -1L);

    // Its tokens, -1 where it has no more.
    Value at = g.sub(row, g.broadcast(times(g, i, TILE_ROWS), row.shape()));
    Value inside =
        and(g, atMost(g, like(g, at, 0L), at), less(g, at, like(g, at, (long) TILE_ROWS)));
    Value token = g.iota(row.shape(), 0, DType.I32);
    Value empty = g.fill(Shape.of(TILE_ROWS), Scalar.integer(DType.I32, -1));
    Value place = g.select(inside, at, like(g, at, -1L));
    Value tokens = g.scatter(ScatterKind.SET, empty, place, token, 0);

    Value w = g.sliceAt(experts, 0, expert, Dim.of(1));
    w = g.view(w, experts.shape().dim(1), experts.shape().dim(2));
    Value bias = null;
    if (in.size() > 5) {
      Value one = g.sliceAt(in.get(5), 0, expert, Dim.of(1));
      bias = g.view(one, in.get(5).shape().dim(1));
    }
    Value x = g.gather(in.get(1), tokens, 0);
    Value rows =
        format == null
            ? LinearDecomposition.plain(g, y.dtype(), x, w, bias)
            : LinearDecomposition.quantised(g, y.dtype(), x, w, depth, bias, format);
    g.output("y", g.scatter(ScatterKind.SET, y, tokens, rows, 0));
    return g.build();
  }
}
