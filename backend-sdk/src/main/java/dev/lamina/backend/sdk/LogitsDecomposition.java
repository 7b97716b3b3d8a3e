package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.equal;
import static dev.lamina.backend.sdk.Elementwise.f32;
import static dev.lamina.backend.sdk.Elementwise.less;
import static dev.lamina.backend.sdk.Elementwise.like;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.ScatterKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Ops;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.List;

/** What is done to logits before and after a draw: penalties, masks, log-probabilities. */
final class LogitsDecomposition {
  private LogitsDecomposition() {}

  /** Row by row in a loop, as token counts are a scatter of one row each. */
  static Value penalties(Ops g, List<Value> in) {
    Ops body = new Ops("penalties_row");
    Value row = LoopBody.index(body);
    List<Value> inner = LoopBody.inputs(body, in);
    Value logits = at(body, inner.getFirst(), row);
    Value penalised = penalise(body, row, inner, logits);
    CoreOp.Update update = new CoreOp.Update(List.of(Dim.of(0), Dim.of(0)), List.of(0));
    Dim vocab = logits.shape().dim(0);
    Value box = body.view(penalised, Dim.of(1), vocab);
    body.output("logits", body.add(update, inner.getFirst(), box, row));
    Graph graph = body.build();
    return g.loop(in.getFirst().shape().dim(0), 1, graph, in).getFirst();
  }

  private static Value penalise(Ops g, Value row, List<Value> in, Value logits) {
    Shape vocab = logits.shape();
    Value history = at(g, in.get(1), row);
    Value index = g.iota(history.shape(), 0, DType.I32);
    Value prompt = g.broadcast(at(g, in.get(2), row), history.shape());
    Value output = g.select(less(g, index, prompt), like(g, history, -1L), history);
    Value zero = like(g, logits, 0.0);
    Value seen = less(g, zero, f32(g, counts(g, vocab, history)));
    Value count = f32(g, counts(g, vocab, output));

    Value repetition = g.broadcast(at(g, in.get(5), row), vocab);
    Value positive = less(g, zero, logits);
    Value scaled = g.select(positive, g.div(logits, repetition), g.mul(logits, repetition));
    Value repeated = g.select(seen, scaled, logits);
    Value frequency = g.mul(g.broadcast(at(g, in.get(4), row), vocab), count);
    Value once = f32(g, less(g, zero, count));
    Value presence = g.mul(g.broadcast(at(g, in.get(3), row), vocab), once);
    return g.sub(repeated, g.add(frequency, presence));
  }

  private static Value counts(Ops g, Shape vocab, Value ids) {
    Value zeros = g.fill(vocab, Scalar.integer(DType.I32, 0));
    Value ones = g.fill(ids.shape(), Scalar.integer(DType.I32, 1));
    return g.scatter(ScatterKind.ADD, zeros, ids, ones, 0);
  }

  /** One row, without the row axis. */
  private static Value at(Ops g, Value x, Value row) {
    Shape rest = x.shape().replace(0, List.of());
    return g.view(g.sliceAt(x, 0, row, Dim.of(1)), rest);
  }

  static Value applyBitmask(Ops g, Value logits, Value mask) {
    Dim rows = mask.shape().dim(0);
    Dim words = mask.shape().dim(1);
    Shape bits = Shape.of(rows, words, Dim.of(32));
    Value bit = g.iota(bits, 2, DType.U32);
    Value shifted = g.binary(BinaryKind.SHR, g.broadcast(mask, bits, 0, 1), bit);
    Value low = g.binary(BinaryKind.AND, shifted, like(g, shifted, 1L));
    Value flat = g.view(low, rows, Dim.of(words.upperBound() * 32));
    Value allowed = g.slice(flat, 1, 0, logits.shape().dim(1));
    Value hidden = like(g, logits, Double.NEGATIVE_INFINITY);
    return g.select(equal(g, allowed, like(g, allowed, 0L)), hidden, logits);
  }

  static List<Value> logprobs(Ops g, int k, Value logits, Value ids) {
    Shape shape = logits.shape();
    Value largest = g.reduce(ReduceKind.MAX, logits, 1);
    Value centred = g.sub(logits, g.broadcast(largest, shape, 0));
    Value sum = g.reduce(ReduceKind.SUM, g.unary(UnaryKind.EXP, centred), 1);
    Value logSum = g.unary(UnaryKind.LOG, sum);
    Value isId = equal(g, g.iota(shape, 1, DType.I32), g.broadcast(ids, shape, 0));
    Value own = g.reduce(ReduceKind.SUM, g.select(isId, centred, like(g, centred, 0.0)), 1);
    // Log-softmax may round two logits to one value; the logits themselves give the order.
    List<Value> top = g.topk(logits, k, 1);
    Shape topShape = top.getFirst().shape();
    Value topCentred = g.sub(top.getFirst(), g.broadcast(largest, topShape, 0));
    Value topLog = g.sub(topCentred, g.broadcast(logSum, topShape, 0));
    return List.of(g.sub(own, logSum), topLog, top.get(1));
  }
}
