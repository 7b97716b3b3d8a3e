package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.atMost;
import static dev.lamina.backend.sdk.Elementwise.less;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.over;
import static dev.lamina.backend.sdk.Elementwise.plus;
import static dev.lamina.backend.sdk.Elementwise.times;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp.ReduceKind;
import dev.lamina.spi.ir.CoreOp.ScanKind;
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
 * Linear attention as a loop over chunks of rows: the gated delta rule and Mamba 2's scan.
 *
 * <p>A chunk belongs to one sequence; its rows past the sequence's end are zeros, which neither
 * decay nor write. What a chunk computes is {@link RecurrenceChunk}'s affair. Source:
 * arXiv:2412.06464, section 3.3; arXiv:2405.21060, section 6.
 */
final class RecurrenceDecomposition {
  /** Rows of a chunk where a head's channels decay alike. */
  private static final int CHUNK = 64;

  /** Where they don't, a chunk compares each pair of rows in each channel. */
  private static final int CHUNK_BY_CHANNEL = 16;

  private static final int INVARIANTS = 4;

  private RecurrenceDecomposition() {}

  /** What the op yields. */
  record Result(Value out, Pool pool) {}

  static Result gatedDelta(Ops g, CompositeOp.GatedDelta op, Pool pool, List<Value> in) {
    List<Value> rows = new ArrayList<>(in.subList(0, 3));
    rows.replaceAll(x -> Elementwise.f32(g, x));
    rows.add(in.get(3));
    rows.add(in.get(4));
    boolean byChannel = in.get(3).shape().rank() == 3;
    RecurrenceChunk chunk =
        new RecurrenceChunk(byChannel ? CHUNK_BY_CHANNEL : CHUNK, true, byChannel, op.scale());
    int index = pool.index(op.entry(), op.layer());
    return run(g, chunk, pool, index, rows, in.subList(5, 8), in.get(2).dtype());
  }

  static Result ssdScan(Ops g, CompositeOp.SsdScan op, Pool pool, List<Value> in) {
    Value x = Elementwise.f32(g, in.get(0));
    Value dt = in.get(1);
    Value decay = g.mul(dt, g.broadcast(in.get(2), dt.shape(), 1));
    Value written = g.mul(x, g.broadcast(dt, x.shape(), 0, 1));
    Value b = Elementwise.f32(g, in.get(3));
    Value c = Elementwise.f32(g, in.get(4));
    RecurrenceChunk chunk = new RecurrenceChunk(CHUNK, false, false, 1);
    int index = pool.index(op.entry(), op.layer());
    List<Value> rows = List.of(c, b, written, decay);
    return run(g, chunk, pool, index, rows, in.subList(5, 8), in.getFirst().dtype());
  }

  /**
   * Adds the loop.
   *
   * @param rows queries, keys, values, log decays and, for the delta rule, betas, F32
   * @param sequences reads, writes, cuSeqlensQ
   */
  private static Result run(
      Ops g,
      RecurrenceChunk chunk,
      Pool pool,
      int index,
      List<Value> rows,
      List<Value> sequences,
      DType out) {
    Value reads = sequences.getFirst();
    Dim s = reads.shape().dim(0);
    Value begins = g.slice(sequences.get(2), 0, 0, s);
    Value lengths = g.sub(g.slice(sequences.get(2), 0, 1, s), begins);
    Value chunks = over(g, plus(g, lengths, chunk.length() - 1L), chunk.length());
    Value ends = g.scan(ScanKind.SUM, chunks, 0, false);
    Value total = g.reduce(ReduceKind.MAX, ends, 0);

    Value entry = pool.entries().get(index);
    List<Value> operands = new ArrayList<>();
    operands.add(Elementwise.max(g, total, like(g, total, 0L)));
    operands.add(g.gather(entry, reads, 0));
    operands.add(g.fill(rows.get(2).shape(), Scalar.f32(0)));
    operands.addAll(List.of(begins, lengths, chunks, ends));
    operands.addAll(rows);
    Graph body = body(chunk, operands.subList(1, operands.size()));
    List<Value> ended = g.loop(null, 2, body, operands);
    Value stored = g.scatter(ScatterKind.SET, entry, sequences.get(1), ended.getFirst(), 0);
    return new Result(g.cast(ended.get(1), out), pool.with(index, stored));
  }

  private static Graph body(RecurrenceChunk chunk, List<Value> outer) {
    Ops g = new Ops("recurrence_chunk");
    Value i = LoopBody.index(g);
    List<Value> in = LoopBody.inputs(g, outer);
    List<Value> invariant = in.subList(2, 2 + INVARIANTS);

    // The chunk's sequence: as many sequences have ended by now.
    Value ends = invariant.get(3);
    Value passed = atMost(g, ends, g.broadcast(i, ends.shape()));
    Value sequence = g.view(g.reduce(ReduceKind.SUM, g.cast(passed, DType.I32), 0), Dim.of(1));
    Value before = g.sub(g.gather(ends, sequence, 0), g.gather(invariant.get(2), sequence, 0));
    Value first = times(g, g.sub(g.view(i, Dim.of(1)), before), chunk.length());

    // Its rows, -1 past the end: a gather of them gives zeros.
    Shape rows = Shape.of(chunk.length());
    Value offset = g.add(g.iota(rows, 0, DType.I32), one(g, first, rows));
    Value inside = less(g, offset, one(g, g.gather(invariant.get(1), sequence, 0), rows));
    Value begin = one(g, g.gather(invariant.getFirst(), sequence, 0), rows);
    Value row = g.select(inside, g.add(begin, offset), like(g, offset, -1L));

    List<Value> gathered = new ArrayList<>();
    for (Value x : in.subList(2 + INVARIANTS, in.size())) {
      gathered.add(g.gather(x, row, 0));
    }
    RecurrenceChunk.Step step = chunk.step(g, g.gather(in.getFirst(), sequence, 0), gathered);
    g.output("state", g.scatter(ScatterKind.SET, in.getFirst(), sequence, step.state(), 0));
    g.output("out", g.scatter(ScatterKind.SET, in.get(1), row, step.out(), 0));
    return g.build();
  }

  private static Value one(Ops g, Value x, Shape shape) {
    return g.expand(x, shape);
  }
}
