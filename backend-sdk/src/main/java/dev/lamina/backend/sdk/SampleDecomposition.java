package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.and;
import static dev.lamina.backend.sdk.Elementwise.atMost;
import static dev.lamina.backend.sdk.Elementwise.equal;
import static dev.lamina.backend.sdk.Elementwise.less;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.or;
import static dev.lamina.backend.sdk.Elementwise.plus;

import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.ScanKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.List;

/**
 * Draws tokens. Noise is made only if a row is not greedy, and the vocabulary sorted only if a row
 * has a top-k or top-p: each is a loop of one iteration or none.
 *
 * <p>What top-k and top-p keep is a prefix of the sorted row, so the sort passes on just its last
 * element, value and index, and the draw runs in vocabulary order.
 */
final class SampleDecomposition {
  private SampleDecomposition() {}

  /** Operands in the order of the op. */
  private record Row(
      Value logits,
      Value temperature,
      Value topK,
      Value topP,
      Value minP,
      Value seed,
      Value position) {
    static Row of(List<Value> in) {
      return new Row(
          in.getFirst(), in.get(1), in.get(2), in.get(3), in.get(4), in.get(5), in.get(6));
    }
  }

  static Value sample(Ops g, List<Value> in) {
    Row row = Row.of(in);
    List<Value> operands = new ArrayList<>();
    operands.add(any(g, random(g, row)));
    operands.add(g.argmax(row.logits(), 1));
    operands.addAll(in);
    Graph body = drawBody(operands.subList(1, operands.size()));
    return g.loop(null, 1, body, operands).getFirst();
  }

  private static Value random(Ops g, Row row) {
    return less(g, like(g, row.temperature(), 0.0), row.temperature());
  }

  private static Value any(Ops g, Value condition) {
    Value n = g.reduce(ReduceKind.MAX, g.cast(condition, DType.I32), 0);
    return Elementwise.max(g, n, like(g, n, 0L));
  }

  private static Graph drawBody(List<Value> outer) {
    Ops g = new Ops("sample_draw");
    LoopBody.index(g);
    List<Value> in = LoopBody.inputs(g, outer);
    Row row = Row.of(in.subList(1, in.size()));
    Shape shape = row.logits().shape();
    Value random = random(g, row);
    Value t = g.select(random, row.temperature(), like(g, row.temperature(), 1.0));
    Value none = like(g, row.logits(), Double.NEGATIVE_INFINITY);
    Value number = equal(g, row.logits(), row.logits());
    Value z = g.div(g.select(number, row.logits(), none), g.broadcast(t, shape, 0));
    Value likely = aboveMinP(g, z, row.minP());
    Value kept = g.select(likely, z, none);
    Value[] last = lastKept(g, kept, row, random);
    Value noisy = g.add(kept, Philox.gumbel(g, row.seed(), row.position(), vocab(row)));
    Value drawn = g.argmax(g.select(notAfter(g, kept, last), noisy, none), 1);
    g.output("ids", g.select(random, drawn, in.getFirst()));
    return g.build();
  }

  private static long vocab(Row row) {
    return row.logits().shape().dim(1).upperBound();
  }

  /** {@code p >= minP * max p} with p the softmax of z. */
  private static Value aboveMinP(Ops g, Value z, Value minP) {
    Shape shape = z.shape();
    Value e = exponentials(g, z, g.reduce(ReduceKind.MAX, z, 1));
    Value p = g.div(e, g.broadcast(g.reduce(ReduceKind.SUM, e, 1), shape, 0));
    Value least = g.mul(minP, g.reduce(ReduceKind.MAX, p, 1));
    return atMost(g, g.broadcast(least, shape, 0), p);
  }

  private static Value exponentials(Ops g, Value z, Value largest) {
    return g.unary(UnaryKind.EXP, g.sub(z, g.broadcast(largest, z.shape(), 0)));
  }

  /** Value and index of the last element in sorted order that top-k and top-p keep, a row. */
  private static Value[] lastKept(Ops g, Value kept, Row row, Value random) {
    Value cutsK = less(g, like(g, row.topK(), 0L), row.topK());
    Value cutsP = less(g, row.topP(), like(g, row.topP(), 1.0));
    List<Value> operands = new ArrayList<>();
    operands.add(any(g, and(g, random, or(g, cutsK, cutsP))));
    Shape rows = row.topK().shape();
    operands.add(g.fill(rows, Scalar.f32(Double.NEGATIVE_INFINITY)));
    operands.add(g.fill(rows, Scalar.integer(DType.I32, Integer.MAX_VALUE)));
    operands.addAll(List.of(kept, row.topK(), row.topP()));
    Graph body = sortBody(operands.subList(1, operands.size()));
    return g.loop(null, 2, body, operands).toArray(Value[]::new);
  }

  private static Graph sortBody(List<Value> outer) {
    Ops g = new Ops("sample_sort");
    LoopBody.index(g);
    List<Value> in = LoopBody.inputs(g, outer);
    Value kept = in.get(2);
    Shape shape = kept.shape();
    List<Value> sorted = g.topk(kept, shape.dim(1).upperBound(), 1);
    Value z = sorted.getFirst();
    Value rank = g.iota(shape, 1, DType.I32);
    Value k = g.broadcast(in.get(3), shape, 0);
    Value inK = or(g, less(g, rank, k), atMost(g, k, like(g, k, 0L)));

    Value e = exponentials(g, z, g.reduce(ReduceKind.MAX, z, 1));
    Value ofK = g.select(inK, e, like(g, e, 0.0));
    Value p = g.div(ofK, g.broadcast(g.reduce(ReduceKind.SUM, ofK, 1), shape, 0));
    Value before = g.scan(ScanKind.SUM, p, 1, true);
    Value topP = g.broadcast(in.get(4), shape, 0);
    Value all = atMost(g, like(g, topP, 1.0), topP);
    Value inP = or(g, all, less(g, before, topP));
    Value first = equal(g, rank, like(g, rank, 0L));
    Value keep = or(g, first, and(g, inK, inP));

    Value count = g.reduce(ReduceKind.SUM, g.cast(keep, DType.I32), 1);
    Value isLast = equal(g, rank, g.broadcast(plus(g, count, -1L), shape, 0));
    Value none = like(g, z, Double.NEGATIVE_INFINITY);
    Value noIndex = like(g, rank, 0L);
    g.output("z", g.reduce(ReduceKind.MAX, g.select(isLast, z, none), 1));
    g.output("index", g.reduce(ReduceKind.MAX, g.select(isLast, sorted.get(1), noIndex), 1));
    return g.build();
  }

  /** Whether an element is the last one kept or sorts before it. */
  private static Value notAfter(Ops g, Value z, Value[] last) {
    Shape shape = z.shape();
    Value lastZ = g.broadcast(last[0], shape, 0);
    Value index = g.iota(shape, 1, DType.I32);
    Value upTo = atMost(g, index, g.broadcast(last[1], shape, 0));
    return or(g, less(g, lastZ, z), and(g, equal(g, z, lastZ), upTo));
  }
}
