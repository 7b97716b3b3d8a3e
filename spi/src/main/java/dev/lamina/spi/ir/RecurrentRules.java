package dev.lamina.spi.ir;

import static dev.lamina.spi.ir.Rules.arity;
import static dev.lamina.spi.ir.Rules.is;
import static dev.lamina.spi.ir.Rules.isFloat;
import static dev.lamina.spi.ir.Rules.need;
import static dev.lamina.spi.ir.Rules.state;
import static dev.lamina.spi.ir.Rules.tensor;

import java.util.List;

/** Shape and dtype rules of the composites with a state a sequence. */
final class RecurrentRules {
  private RecurrentRules() {}

  static List<ValueType> causalConv1d(CompositeOp.CausalConv1d o, List<ValueType> in) {
    arity(o, in, o.biased() ? 7 : 6);
    StateType pool = state(o, in, 0);
    TensorType x = tensor(o, in, 1);
    TensorType w = tensor(o, in, 2);
    isFloat(o, x);
    isFloat(o, w);
    need(o, x.shape().rank() == 2, "x[T, channels]", x);
    boolean fits = w.shape().rank() == 2 && w.shape().dim(0).equals(x.shape().dim(1));
    need(o, fits, "w[" + x.shape().dim(1) + ", K]", w);
    long taps = constant(o, w, 1);
    need(o, taps >= 2, "at least 2 taps", taps);
    holds(o, pool, o.entry(), o.layer(), taps - 1, constant(o, x, 1));
    sequences(o, in, 3);
    if (o.biased()) {
      TensorType bias = tensor(o, in, 6);
      isFloat(o, bias);
      need(o, bias.shape().equals(Shape.of(x.shape().dim(1))), "a bias of " + x.shape(), bias);
    }
    return List.of(TensorType.of(x.dtype(), x.shape()), pool);
  }

  static List<ValueType> gatedDelta(CompositeOp.GatedDelta o, List<ValueType> in) {
    arity(o, in, 9);
    StateType pool = state(o, in, 0);
    TensorType q = heads(o, in, 1, "q[T, heads, keyDim]");
    TensorType k = heads(o, in, 2, "k[T, heads, keyDim]");
    TensorType v = heads(o, in, 3, "v[T, valueHeads, valueDim]");
    need(o, q.equals(k), "q and k alike", q + ", " + k);
    need(o, q.dtype() == v.dtype(), "q and v of one dtype", q + ", " + v);
    Dim t = q.shape().dim(0);
    Dim valueHeads = v.shape().dim(1);
    grouped(o, v, constant(o, q, 1));
    boolean rows = v.shape().dim(0).equals(t);
    need(o, rows, "v of " + t + " rows", v);
    TensorType g = tensor(o, in, 4);
    if (g.shape().rank() == 3) {
      is(o, g, DType.F32, t, valueHeads, q.shape().dim(2));
    } else {
      is(o, g, DType.F32, t, valueHeads);
    }
    is(o, tensor(o, in, 5), DType.F32, t, valueHeads);
    sequences(o, in, 6);
    holdsF32(
        o, pool, o.entry(), o.layer(), constant(o, v, 1), constant(o, q, 2), constant(o, v, 2));
    return List.of(TensorType.of(v.dtype(), v.shape()), pool);
  }

  static List<ValueType> ssdScan(CompositeOp.SsdScan o, List<ValueType> in) {
    arity(o, in, 9);
    StateType pool = state(o, in, 0);
    TensorType x = heads(o, in, 1, "x[T, heads, headDim]");
    Dim t = x.shape().dim(0);
    Dim heads = x.shape().dim(1);
    is(o, tensor(o, in, 2), DType.F32, t, heads);
    is(o, tensor(o, in, 3), DType.F32, heads);
    TensorType b = heads(o, in, 4, "b[T, groups, stateSize]");
    TensorType c = heads(o, in, 5, "c[T, groups, stateSize]");
    need(o, b.equals(c), "b and c alike", b + ", " + c);
    boolean fits = b.shape().dim(0).equals(t) && b.dtype() == x.dtype();
    need(o, fits, "b of " + t + " rows and x's dtype", b);
    grouped(o, x, constant(o, b, 1));
    sequences(o, in, 6);
    holdsF32(
        o, pool, o.entry(), o.layer(), constant(o, x, 1), constant(o, b, 2), constant(o, x, 2));
    return List.of(TensorType.of(x.dtype(), x.shape()), pool);
  }

  private static TensorType heads(Op o, List<ValueType> in, int i, String expected) {
    TensorType x = tensor(o, in, i);
    isFloat(o, x);
    need(o, x.shape().rank() == 3, expected, x);
    return x;
  }

  private static void grouped(Op o, TensorType x, long groups) {
    long heads = constant(o, x, 1);
    need(o, groups > 0 && heads % groups == 0, "heads in groups over " + groups, x);
  }

  /** Operands {@code reads[S], writes[S], cuSeqlensQ[S + 1]} from {@code first} on. */
  private static void sequences(Op o, List<ValueType> in, int first) {
    TensorType reads = tensor(o, in, first);
    boolean row = reads.dtype() == DType.I32 && reads.shape().rank() == 1;
    need(o, row, "reads i32[S]", reads);
    is(o, tensor(o, in, first + 1), DType.I32, reads.shape().dim(0));
    TensorType cu = tensor(o, in, first + 2);
    boolean bounds = cu.dtype() == DType.I32 && cu.shape().rank() == 1;
    need(o, bounds, "cuSeqlensQ i32[S + 1]", cu);
  }

  private static StateSpec.Entry holds(
      Op o, StateType pool, String entry, int layer, long... sizes) {
    StateSpec.Entry e = pool.spec().entry(entry, layer);
    boolean fits = e.shape().size() == sizes.length && e.dtype().isFloat();
    for (int i = 0; fits && i < sizes.length; i++) {
      fits = e.shape().get(i) == sizes[i];
    }
    need(o, fits, "a float entry of sizes " + java.util.Arrays.toString(sizes), e);
    return e;
  }

  private static void holdsF32(Op o, StateType pool, String entry, int layer, long... sizes) {
    StateSpec.Entry e = holds(o, pool, entry, layer, sizes);
    need(o, e.dtype() == DType.F32, "an entry of f32", e.dtype());
  }

  private static long constant(Op o, TensorType x, int axis) {
    need(o, x.shape().dim(axis) instanceof Dim.Const, "a constant axis " + axis, x);
    return x.shape().dim(axis).upperBound();
  }
}
