package dev.lamina.spi.ir;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A {@link GraphBuilder} with one method an op, for straight-line graph code.
 *
 * <p>Operands come first, attributes after; see the op records for shapes, dtypes and formulas.
 */
// One line each: what the parameters mean is said once, at the op records.
@SuppressWarnings("doclint:missing")
public final class Ops extends GraphBuilder {
  /**
   * Starts an empty graph.
   *
   * @param name a name for messages
   */
  public Ops(String name) {
    super(name);
  }

  // Core ops.

  /** Adds {@link CoreOp.Iota}. */
  public Value iota(Shape shape, int dim, DType dtype) {
    return add(new CoreOp.Iota(shape, dim, dtype));
  }

  /** Adds {@link CoreOp.Fill}. */
  public Value fill(Shape shape, Scalar value) {
    return add(new CoreOp.Fill(shape, value));
  }

  /** Adds {@link CoreOp.Fill} with the shape and dtype of a float or integer tensor. */
  public Value fillLike(Value x, double value) {
    DType d = x.dtype();
    Value f32 = d.isFloat() ? fill(x.shape(), Scalar.f32(value)) : null;
    if (f32 == null) {
      return fill(x.shape(), Scalar.integer(d, (long) value));
    }
    return d == DType.F32 ? f32 : cast(f32, d);
  }

  /** Adds {@link CoreOp.View}. */
  public Value view(Value x, Shape shape) {
    return add(new CoreOp.View(shape), x);
  }

  /** Adds {@link CoreOp.View}. */
  public Value view(Value x, Dim... dims) {
    return view(x, Shape.of(dims));
  }

  /** Adds {@link CoreOp.Permute}. */
  public Value permute(Value x, Integer... perm) {
    return add(new CoreOp.Permute(List.of(perm)), x);
  }

  /** Adds {@link CoreOp.Expand}. */
  public Value expand(Value x, Shape shape) {
    return add(new CoreOp.Expand(shape), x);
  }

  /**
   * Repeats x along new axes: {@link CoreOp.View} with 1 at the axes that {@code axes} does not
   * name, then {@link CoreOp.Expand}.
   *
   * @param x a tensor
   * @param shape the result
   * @param axes for each axis of x, its axis in {@code shape}, ascending
   * @return the repeated tensor
   */
  public Value broadcast(Value x, Shape shape, int... axes) {
    List<Dim> dims = new ArrayList<>(Collections.nCopies(shape.rank(), Dim.of(1)));
    for (int i = 0; i < axes.length; i++) {
      dims.set(axes[i], x.shape().dim(i));
    }
    Shape ones = new Shape(dims);
    Value viewed = ones.equals(x.shape()) ? x : view(x, ones);
    return ones.equals(shape) ? viewed : expand(viewed, shape);
  }

  /**
   * Adds {@link CoreOp.Slice} of one axis by constants.
   *
   * @param x a tensor
   * @param axis the axis
   * @param start first index
   * @param size elements kept
   * @return the box
   */
  public Value slice(Value x, int axis, long start, Dim size) {
    int rank = x.shape().rank();
    List<Dim> starts = new ArrayList<>(Collections.nCopies(rank, Dim.of(0)));
    starts.set(axis, Dim.of(start));
    return add(
        new CoreOp.Slice(
            starts, x.shape().with(axis, size).dims(), Collections.nCopies(rank, 1L), List.of()),
        x);
  }

  /**
   * Adds {@link CoreOp.Slice} of one axis from an index that is a scalar tensor.
   *
   * @param x a tensor
   * @param axis the axis
   * @param start scalar I32 or I64
   * @param size elements kept
   * @return the box
   */
  public Value sliceAt(Value x, int axis, Value start, Dim size) {
    int rank = x.shape().rank();
    return add(
        new CoreOp.Slice(
            Collections.nCopies(rank, Dim.of(0)),
            x.shape().with(axis, size).dims(),
            Collections.nCopies(rank, 1L),
            List.of(axis)),
        x,
        start);
  }

  /** Adds {@link CoreOp.Concat}. */
  public Value concat(int dim, Value... xs) {
    return add(new CoreOp.Concat(dim), xs);
  }

  /** Adds {@link CoreOp.Cast} without saturation, or nothing if the dtype is right already. */
  public Value cast(Value x, DType dtype) {
    return x.dtype() == dtype ? x : add(new CoreOp.Cast(dtype, false), x);
  }

  /** Adds {@link CoreOp.Bitcast}. */
  public Value bitcast(Value x, DType dtype) {
    return add(new CoreOp.Bitcast(dtype), x);
  }

  /** Adds {@link CoreOp.Unary}. */
  public Value unary(CoreOp.UnaryKind kind, Value x) {
    return add(new CoreOp.Unary(kind), x);
  }

  /** Adds {@link CoreOp.Binary}. */
  public Value binary(CoreOp.BinaryKind kind, Value a, Value b) {
    return add(new CoreOp.Binary(kind), a, b);
  }

  /** Adds a sum. */
  public Value add(Value a, Value b) {
    return binary(CoreOp.BinaryKind.ADD, a, b);
  }

  /** Adds a difference. */
  public Value sub(Value a, Value b) {
    return binary(CoreOp.BinaryKind.SUB, a, b);
  }

  /** Adds a product. */
  public Value mul(Value a, Value b) {
    return binary(CoreOp.BinaryKind.MUL, a, b);
  }

  /** Adds a quotient. */
  public Value div(Value a, Value b) {
    return binary(CoreOp.BinaryKind.DIV, a, b);
  }

  /** Adds {@link CoreOp.Compare}. */
  public Value compare(CoreOp.CompareKind kind, Value a, Value b) {
    return add(new CoreOp.Compare(kind), a, b);
  }

  /** Adds {@link CoreOp.Select}. */
  public Value select(Value p, Value a, Value b) {
    return add(new CoreOp.Select(), p, a, b);
  }

  /** Adds {@link CoreOp.Reduce}. */
  public Value reduce(CoreOp.ReduceKind kind, Value x, Integer... dims) {
    return add(new CoreOp.Reduce(kind, List.of(dims)), x);
  }

  /** Adds {@link CoreOp.Argmax}. */
  public Value argmax(Value x, int dim) {
    return add(new CoreOp.Argmax(dim), x);
  }

  /** Adds {@link CoreOp.Scan}. */
  public Value scan(CoreOp.ScanKind kind, Value x, int dim, boolean exclusive) {
    return add(new CoreOp.Scan(kind, dim, exclusive), x);
  }

  /** Adds {@link CoreOp.Matmul}. */
  public Value matmul(Value a, Value b, boolean transposeB, DType out) {
    return add(new CoreOp.Matmul(transposeB, out), a, b);
  }

  /** Adds {@link CoreOp.Gather}. */
  public Value gather(Value x, Value idx, int dim) {
    return add(new CoreOp.Gather(dim), x, idx);
  }

  /** Adds {@link CoreOp.Scatter}. */
  public Value scatter(CoreOp.ScatterKind kind, Value x, Value idx, Value upd, int dim) {
    return add(new CoreOp.Scatter(kind, dim), x, idx, upd);
  }

  /** Adds {@link CoreOp.Update} of a box whose start is constant. */
  public Value update(Value x, Value upd, long... start) {
    List<Dim> starts = Arrays.stream(start).mapToObj(Dim::of).toList();
    return add(new CoreOp.Update(starts, List.of()), x, upd);
  }

  /** Adds {@link CoreOp.Topk}: values, then indices. */
  public List<Value> topk(Value x, long k, int dim) {
    return addAll(new CoreOp.Topk(k, dim), List.of(x));
  }

  /**
   * Adds {@link CoreOp.Loop}.
   *
   * @param count iterations, or null if {@code operands} starts with a scalar count
   * @param carried number of carried values
   * @param body one iteration
   * @param operands count if any, carried, invariant
   * @return the carried values after the last iteration
   */
  public List<Value> loop(@Nullable Dim count, int carried, Graph body, List<Value> operands) {
    return addAll(new CoreOp.Loop(count, carried, body), operands);
  }

  // Composites.

  /** Adds {@link CompositeOp.RmsNorm}; a null weight means none. */
  public Value rmsNorm(Value x, @Nullable Value w, double eps, boolean plusOne) {
    CompositeOp.RmsNorm op = new CompositeOp.RmsNorm(eps, plusOne, w != null);
    return w == null ? add(op, x) : add(op, x, w);
  }

  /** Adds {@link CompositeOp.LayerNorm}; a null bias means none. */
  public Value layerNorm(Value x, Value w, @Nullable Value b, double eps) {
    CompositeOp.LayerNorm op = new CompositeOp.LayerNorm(eps, b != null);
    return b == null ? add(op, x, w) : add(op, x, w, b);
  }

  /** Adds {@link CompositeOp.Rope}. */
  public Value rope(CompositeOp.Rope op, Value x, Value positions, Value freqs) {
    return add(op, x, positions, freqs);
  }

  /** Adds {@link CompositeOp.GatedActivation}. */
  public Value gatedActivation(CompositeOp.Gate gate, Value g, Value up) {
    return add(new CompositeOp.GatedActivation(gate), g, up);
  }

  /** Adds {@link CompositeOp.Linear}; a null bias means none. */
  public Value linear(Value x, Value w, @Nullable Value bias, DType out) {
    CompositeOp.Linear op = new CompositeOp.Linear(out, bias != null);
    return bias == null ? add(op, x, w) : add(op, x, w, bias);
  }

  /** Adds {@link CompositeOp.MoeRoute}; a null bias means none. Returns ids, then weights. */
  public List<Value> moeRoute(CompositeOp.MoeRoute op, Value logits, @Nullable Value bias) {
    return addAll(op, bias == null ? List.of(logits) : List.of(logits, bias));
  }

  /** Adds {@link CompositeOp.MoeLinear}; a null bias means none. */
  public Value moeLinear(Value x, Value w, Value ids, @Nullable Value bias, DType out) {
    CompositeOp.MoeLinear op = new CompositeOp.MoeLinear(out, bias != null);
    return bias == null ? add(op, x, w, ids) : add(op, x, w, ids, bias);
  }

  /** Adds {@link CompositeOp.Embedding}. */
  public Value embedding(Value ids, Value table, DType out) {
    return add(new CompositeOp.Embedding(out), ids, table);
  }

  /** Adds {@link CompositeOp.KvAppend}; returns the pool's successor. */
  public Value kvAppend(Value pool, int layer, Value k, Value v, Value slots) {
    return add(new CompositeOp.KvAppend(layer), pool, k, v, slots);
  }

  /** Adds {@link CompositeOp.PagedAttention}; operands in the order of the op's description. */
  public Value pagedAttention(CompositeOp.PagedAttention op, Value... operands) {
    return add(op, operands);
  }

  /** Adds {@link CompositeOp.MlaAttention}; operands in the order of the op's description. */
  public Value mlaAttention(CompositeOp.MlaAttention op, Value... operands) {
    return add(op, operands);
  }

  /** Adds {@link CompositeOp.IndexTopk}; operands in the order of the op's description. */
  public Value indexTopk(CompositeOp.IndexTopk op, Value... operands) {
    return add(op, operands);
  }

  /** Adds {@link CompositeOp.StateExport}. */
  public Value stateExport(Value pool, String entry, int layer, Value slots) {
    return add(new CompositeOp.StateExport(entry, layer), pool, slots);
  }

  /** Adds {@link CompositeOp.StateImport}; returns the pool's successor. */
  public Value stateImport(Value pool, String entry, int layer, Value x, Value slots) {
    return add(new CompositeOp.StateImport(entry, layer), pool, x, slots);
  }

  /** Adds {@link CompositeOp.StateCopy}; returns the pool's successor. */
  public Value stateCopy(Value pool, Value src, Value dst) {
    return add(new CompositeOp.StateCopy(), pool, src, dst);
  }

  /** Adds {@link CompositeOp.CausalConv1d}: the output, then the pool's successor. */
  public List<Value> causalConv1d(CompositeOp.CausalConv1d op, Value... operands) {
    return addAll(op, List.of(operands));
  }

  /** Adds {@link CompositeOp.GatedDelta}: the output, then the pool's successor. */
  public List<Value> gatedDelta(CompositeOp.GatedDelta op, Value... operands) {
    return addAll(op, List.of(operands));
  }

  /** Adds {@link CompositeOp.SsdScan}: the output, then the pool's successor. */
  public List<Value> ssdScan(CompositeOp.SsdScan op, Value... operands) {
    return addAll(op, List.of(operands));
  }

  /**
   * Sums over all axes from {@code axis} on, for norms and the like.
   *
   * @param x a tensor
   * @param axis first axis to fold
   * @return the sum
   */
  public Value sumFrom(Value x, int axis) {
    Integer[] dims = IntStream.range(axis, x.shape().rank()).boxed().toArray(Integer[]::new);
    return reduce(CoreOp.ReduceKind.SUM, x, dims);
  }
}
