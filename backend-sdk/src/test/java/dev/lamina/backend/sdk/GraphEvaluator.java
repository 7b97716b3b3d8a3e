package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.Node;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * Runs a graph of core ops node by node, for tests: plain loops, each node rounded to its dtype.
 */
final class GraphEvaluator {
  private final DimTable dims;
  private final long[] dimValues;
  private final Map<Value, Array> values = new LinkedHashMap<>();

  private GraphEvaluator(DimTable dims, long[] dimValues) {
    this.dims = dims;
    this.dimValues = dimValues;
  }

  /**
   * Runs a graph.
   *
   * @param graph of core ops
   * @param inputs one a graph input
   * @param dims value of each symbol
   * @return one an output
   */
  static List<Array> run(Graph graph, List<Array> inputs, Map<String, Long> dims) {
    DimTable table = graph.dims();
    long[] dimValues = table.syms().stream().mapToLong(s -> dims.get(s.name())).toArray();
    table.check(dimValues);
    return new GraphEvaluator(table, dimValues).run(graph, inputs);
  }

  private List<Array> run(Graph graph, List<Array> inputs) {
    for (int i = 0; i < inputs.size(); i++) {
      Value v = graph.inputs().get(i).value();
      if (!(v.tensor().layout() instanceof Layout.Blocked)) {
        check(graph.inputs().get(i).name(), v, inputs.get(i));
      }
      values.put(v, inputs.get(i));
    }
    for (Node node : graph.nodes()) {
      List<Array> in = node.operands().stream().map(values::get).toList();
      List<Array> out = node(node, in);
      for (int i = 0; i < out.size(); i++) {
        check(node.op().mnemonic(), node.results().get(i), out.get(i));
        values.put(node.results().get(i), out.get(i));
      }
    }
    return graph.outputs().stream().map(o -> values.get(o.value())).toList();
  }

  private void check(String what, Value v, Array a) {
    long[] want = sizes(v.shape());
    if (a.dtype != v.dtype() || !java.util.Arrays.equals(want, a.sizes)) {
      throw new AssertionError(
          what + ": " + v + ", got " + a.dtype + java.util.Arrays.toString(a.sizes));
    }
  }

  private long[] sizes(Shape shape) {
    return dims.resolve(shape, dimValues);
  }

  private List<Array> node(Node node, List<Array> in) {
    if (!(node.op() instanceof CoreOp op)) {
      throw new AssertionError("not a core op: " + ((CompositeOp) node.op()).mnemonic());
    }
    if (op instanceof CoreOp.Loop loop) {
      return loop(loop, in);
    }
    if (op instanceof CoreOp.Topk topk) {
      return Selections.topk(in.getFirst(), (int) topk.k(), topk.dim());
    }
    return List.of(one(op, node, in));
  }

  private List<Array> loop(CoreOp.Loop loop, List<Array> in) {
    int first = loop.count() == null ? 1 : 0;
    long n = loop.count() == null ? in.getFirst().ints[0] : dims.resolve(loop.count(), dimValues);
    List<Array> state = new ArrayList<>(in.subList(first, in.size()));
    for (long i = 0; i < n; i++) {
      List<Array> inputs = new ArrayList<>();
      inputs.add(Array.ints(DType.I32, new long[] {i}));
      inputs.addAll(state);
      List<Array> next = new GraphEvaluator(dims, dimValues).run(loop.body(), inputs);
      for (int c = 0; c < loop.carried(); c++) {
        state.set(c, next.get(c));
      }
    }
    return state.subList(0, loop.carried());
  }

  private Array one(CoreOp op, Node node, List<Array> in) {
    long[] sizes = sizes(node.result().shape());
    Array out = new Array(node.result().dtype(), sizes);
    return switch (op) {
      case CoreOp.Iota o -> {
        for (int i = 0; i < out.size(); i++) {
          put(out, i, Array.unravel(i, sizes)[o.dim()]);
        }
        yield out;
      }
      case CoreOp.Fill o -> fill(out, o.value());
      case CoreOp.View o -> in.getFirst().reshaped(sizes);
      case CoreOp.Permute o -> {
        for (int i = 0; i < out.size(); i++) {
          long[] to = Array.unravel(i, sizes);
          long[] from = new long[to.length];
          for (int a = 0; a < to.length; a++) {
            from[o.perm().get(a)] = to[a];
          }
          out.copy(i, in.getFirst(), in.getFirst().at(from));
        }
        yield out;
      }
      case CoreOp.Expand o -> {
        for (int i = 0; i < out.size(); i++) {
          long[] index = Array.unravel(i, sizes);
          for (int a = 0; a < index.length; a++) {
            index[a] = in.getFirst().sizes[a] == 1 ? 0 : index[a];
          }
          out.copy(i, in.getFirst(), in.getFirst().at(index));
        }
        yield out;
      }
      case CoreOp.Slice o -> slice(o, in, out);
      case CoreOp.Concat o -> concat(o, in, out);
      case CoreOp.Bitcast o -> Bits.bitcast(in.getFirst(), out);
      case CoreOp.Cast o -> Scalars.cast(in.getFirst(), out);
      case CoreOp.Unary o -> Scalars.unary(o.kind(), in.getFirst(), out);
      case CoreOp.Binary o -> Scalars.binary(o.kind(), in.getFirst(), in.get(1), out);
      case CoreOp.Compare o -> Scalars.compare(o.kind(), in.getFirst(), in.get(1), out);
      case CoreOp.Select o -> {
        for (int i = 0; i < out.size(); i++) {
          out.copy(i, in.getFirst().ints[i] != 0 ? in.get(1) : in.get(2), i);
        }
        yield out;
      }
      case CoreOp.Reduce o -> Selections.reduce(o, in.getFirst(), out);
      case CoreOp.Argmax o -> Selections.argmax(in.getFirst(), o.dim(), out);
      case CoreOp.Scan o -> Selections.scan(o, in.getFirst(), out);
      case CoreOp.Matmul o -> matmul(o, in.getFirst(), in.get(1), out);
      case CoreOp.Gather o -> gather(o, in.getFirst(), in.get(1), out);
      case CoreOp.Scatter o -> scatter(o, in, out);
      case CoreOp.Update o -> update(o, in);
      case CoreOp.Topk o -> throw new AssertionError();
      case CoreOp.Loop o -> throw new AssertionError();
    };
  }

  private static void put(Array out, int i, long value) {
    if (out.dtype.isFloat()) {
      out.set(i, (double) value);
    } else {
      out.set(i, value);
    }
  }

  private static Array fill(Array out, Scalar value) {
    for (int i = 0; i < out.size(); i++) {
      if (out.dtype.isFloat()) {
        out.floats[i] = Bits.toDouble(value.dtype(), value.bits());
      } else {
        out.set(i, value.bits());
      }
    }
    return out;
  }

  private long[] starts(List<Dim> fixed, List<Integer> dynamic, List<Array> in, int first) {
    long[] start = fixed.stream().mapToLong(d -> dims.resolve(d, dimValues)).toArray();
    for (int i = 0; i < dynamic.size(); i++) {
      start[dynamic.get(i)] = in.get(first + i).ints[0];
    }
    return start;
  }

  private Array slice(CoreOp.Slice o, List<Array> in, Array out) {
    long[] start = starts(o.start(), o.dynamic(), in, 1);
    for (int i = 0; i < out.size(); i++) {
      long[] index = Array.unravel(i, out.sizes);
      for (int a = 0; a < index.length; a++) {
        index[a] = start[a] + index[a] * o.step().get(a);
      }
      out.copy(i, in.getFirst(), in.getFirst().at(index));
    }
    return out;
  }

  private Array update(CoreOp.Update o, List<Array> in) {
    long[] start = starts(o.start(), o.dynamic(), in, 2);
    Array out = in.getFirst().reshaped(in.getFirst().sizes);
    Array box = in.get(1);
    for (int i = 0; i < box.size(); i++) {
      long[] index = Array.unravel(i, box.sizes);
      for (int a = 0; a < index.length; a++) {
        index[a] += start[a];
      }
      out.copy(out.at(index), box, i);
    }
    return out;
  }

  private static Array concat(CoreOp.Concat o, List<Array> in, Array out) {
    long before = 0;
    for (Array x : in) {
      for (int i = 0; i < x.size(); i++) {
        long[] index = Array.unravel(i, x.sizes);
        index[o.dim()] += before;
        out.copy(out.at(index), x, i);
      }
      before += x.sizes[o.dim()];
    }
    return out;
  }

  private static Array matmul(CoreOp.Matmul o, Array a, Array b, Array out) {
    int rank = a.sizes.length;
    long k = a.sizes[rank - 1];
    for (int i = 0; i < out.size(); i++) {
      long[] index = Array.unravel(i, out.sizes);
      long[] ia = index.clone();
      long[] ib = index.clone();
      double sum = 0;
      for (long j = 0; j < k; j++) {
        ia[rank - 1] = j;
        ib[rank - 2] = o.transposeB() ? index[rank - 1] : j;
        ib[rank - 1] = o.transposeB() ? j : index[rank - 1];
        sum += a.floats[a.at(ia)] * b.floats[b.at(ib)];
      }
      out.set(i, sum);
    }
    return out;
  }

  private static Array gather(CoreOp.Gather o, Array x, Array idx, Array out) {
    int span = idx.sizes.length;
    for (int i = 0; i < out.size(); i++) {
      long[] index = Array.unravel(i, out.sizes);
      long[] which = LongStream.of(index).skip(o.dim()).limit(span).toArray();
      long row = idx.ints[idx.at(which)];
      if (row >= 0) {
        out.copy(i, x, x.at(replaced(index, o.dim(), span, row)));
      }
    }
    return out;
  }

  private static Array scatter(CoreOp.Scatter o, List<Array> in, Array shape) {
    Array x = in.getFirst();
    Array idx = in.get(1);
    Array upd = in.get(2);
    Array out = x.reshaped(shape.sizes);
    int span = idx.sizes.length;
    for (int i = 0; i < upd.size(); i++) {
      long[] index = Array.unravel(i, upd.sizes);
      long[] which = LongStream.of(index).skip(o.dim()).limit(span).toArray();
      long row = idx.ints[idx.at(which)];
      if (row < 0) {
        continue;
      }
      int at = out.at(replaced(index, o.dim(), span, row));
      if (o.kind() == CoreOp.ScatterKind.SET) {
        out.copy(at, upd, i);
      } else if (out.dtype.isFloat()) {
        out.set(at, out.floats[at] + upd.floats[i]);
      } else {
        out.set(at, out.ints[at] + upd.ints[i]);
      }
    }
    return out;
  }

  private static long[] replaced(long[] index, int dim, int span, long row) {
    return LongStream.concat(
            LongStream.concat(LongStream.of(index).limit(dim), LongStream.of(row)),
            LongStream.of(index).skip(dim + span))
        .toArray();
  }
}
