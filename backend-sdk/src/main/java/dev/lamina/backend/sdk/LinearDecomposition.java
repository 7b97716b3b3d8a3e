package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Elementwise.f32;
import static dev.lamina.backend.sdk.Elementwise.like;
import static dev.lamina.backend.sdk.Elementwise.times;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.GraphException;
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
 * Projections: F32 accumulation, the bias added before the one rounding.
 *
 * <p>A quantised weight is decoded tile by tile over its rows in a loop, so that no more than
 * {@link #TILE_ELEMENTS} decoded elements exist at a time.
 */
final class LinearDecomposition {
  /** Decoded elements of a tile, 1 MiB of F32. */
  static final long TILE_ELEMENTS = 1 << 18;

  private LinearDecomposition() {}

  static Value linear(Ops g, CompositeOp.Linear op, List<Value> in) {
    Value w = in.get(1);
    Value bias = op.biased() ? in.get(2) : null;
    if (!(w.tensor().layout() instanceof Layout.Blocked b)) {
      return plain(g, op.out(), in.getFirst(), w, bias);
    }
    constantRows(w);
    long k = w.shape().dim(1).upperBound();
    Value bytes = Dequantisation.bytes(g, w);
    return quantised(g, op.out(), in.getFirst(), bytes, k, bias, b.format());
  }

  /** {@code x[.., K] w[N, K]^T + bias}. */
  static Value plain(Ops g, DType out, Value x, Value w, @Nullable Value bias) {
    Shape shape = x.shape();
    int rank = shape.rank();
    Shape result = shape.with(rank - 1, w.shape().dim(0));
    DType product = bias == null ? out : DType.F32;
    Value y;
    if (rank == 2) {
      y = g.matmul(x, w, true, product);
    } else if (leadingConstant(shape)) {
      Value rows = g.view(x, Dim.of(leading(shape)), shape.dim(-1));
      y = g.view(g.matmul(rows, w, true, product), result);
    } else {
      List<Dim> dims = new ArrayList<>(shape.dims().subList(0, rank - 2));
      dims.addAll(w.shape().dims());
      Value repeated = g.broadcast(w, new Shape(dims), rank - 2, rank - 1);
      y = g.matmul(x, repeated, true, product);
    }
    if (bias == null) {
      return y;
    }
    return g.cast(g.add(y, g.broadcast(f32(g, bias), result, rank - 1)), out);
  }

  private static boolean leadingConstant(Shape shape) {
    return shape.dims().subList(0, shape.rank() - 1).stream().allMatch(d -> d instanceof Dim.Const);
  }

  private static long leading(Shape shape) {
    return new Shape(shape.dims().subList(0, shape.rank() - 1)).elements();
  }

  /** {@code x[.., K] w^T + bias} for the bytes of a quantised {@code w[N, K]}. */
  static Value quantised(
      Ops g, DType out, Value x, Value bytes, long k, @Nullable Value bias, QuantFormat format) {
    Dim.Const n = constantRows(bytes);
    long tile = Math.max(1, Math.min(n.value(), TILE_ELEMENTS / Math.max(k, 1)));
    if (tile >= n.value()) {
      return plain(g, out, x, Dequantisation.decode(g, format, bytes, k), bias);
    }
    Shape result = x.shape().with(x.shape().rank() - 1, n);
    List<Value> operands = new ArrayList<>();
    operands.add(g.fill(result, new Scalar(out, 0)));
    operands.add(x);
    operands.add(bytes);
    if (bias != null) {
      operands.add(bias);
    }
    Graph body = tileBody(operands, format, k, tile);
    long tiles = (n.value() + tile - 1) / tile;
    return g.loop(Dim.of(tiles), 1, body, operands).getFirst();
  }

  private static Dim.Const constantRows(Value w) {
    if (w.shape().dim(0) instanceof Dim.Const n) {
      return n;
    }
    throw new GraphException("linear: expected a constant number of rows to decompose, got " + w);
  }

  /** One tile of columns of the result; the last one is moved back to fit, over columns done. */
  private static Graph tileBody(List<Value> outer, QuantFormat format, long k, long tile) {
    Ops g = new Ops("linear_tile");
    Value i = LoopBody.index(g);
    List<Value> in = LoopBody.inputs(g, outer);
    Value y = in.getFirst();
    Value rows = in.get(2);
    long last = rows.shape().dim(0).upperBound() - tile;
    Value start = g.binary(BinaryKind.MIN, times(g, i, tile), like(g, i, last));
    Value w = Dequantisation.decode(g, format, g.sliceAt(rows, 0, start, Dim.of(tile)), k);
    Value bias = in.size() > 3 ? g.sliceAt(in.get(3), 0, start, Dim.of(tile)) : null;
    Value columns = plain(g, y.dtype(), in.get(1), w, bias);
    int rank = y.shape().rank();
    List<Dim> zeros = Collections.nCopies(rank, Dim.of(0));
    g.output("y", g.add(new CoreOp.Update(zeros, List.of(rank - 1)), y, columns, start));
    return g.build();
  }
}
