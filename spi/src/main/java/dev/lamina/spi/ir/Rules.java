package dev.lamina.spi.ir;

import java.util.List;

/** Checks that the shape rules share. */
final class Rules {
  private Rules() {}

  static void need(Op op, boolean holds, String expected, Object got) {
    if (!holds) {
      String shown = got instanceof DType d ? d.text() : String.valueOf(got);
      throw new GraphException(op.mnemonic() + ": expected " + expected + ", got " + shown);
    }
  }

  static void arity(Op op, List<ValueType> in, int count) {
    need(op, in.size() == count, count + " operands", in.size() + " " + in);
  }

  /** A plain tensor operand; blocked ones only where an op says so. */
  static TensorType tensor(Op op, List<ValueType> in, int i) {
    if (in.get(i) instanceof TensorType t && !t.isBlocked()) {
      return t;
    }
    throw new GraphException(
        op.mnemonic() + ": expected a plain tensor as operand " + i + ", got " + in.get(i));
  }

  static StateType state(Op op, List<ValueType> in, int i) {
    if (in.get(i) instanceof StateType s) {
      return s;
    }
    throw new GraphException(
        op.mnemonic() + ": expected a state as operand " + i + ", got " + in.get(i));
  }

  static void axis(Op op, int dim, Shape shape) {
    need(op, dim >= 0 && dim < shape.rank(), "an axis of " + shape, dim);
  }

  static void scalarIndex(Op op, TensorType t) {
    need(op, t.dtype().isIndex() && t.shape().rank() == 0, "a scalar i32 or i64", t);
  }

  static void is(Op op, TensorType t, DType dtype, Dim... dims) {
    Shape want = Shape.of(dims);
    need(op, t.dtype() == dtype && t.shape().equals(want), dtype.text() + want, t);
  }

  static void isFloat(Op op, TensorType t) {
    need(op, t.dtype().isFloat(), "a float tensor", t);
  }

  /** Where the sequences of a step begin, how long they are, and where their pages lie. */
  static void sequences(Op o, TensorType cu, TensorType lens, TensorType table) {
    need(o, lens.dtype() == DType.I32 && lens.shape().rank() == 1, "kvLens i32[S]", lens);
    need(o, cu.dtype() == DType.I32 && cu.shape().rank() == 1, "cuSeqlensQ i32[S + 1]", cu);
    boolean rows = table.dtype() == DType.I32 && table.shape().rank() == 2;
    boolean perSeq = rows && table.shape().dim(0).equals(lens.shape().dim(0));
    need(o, perSeq, "blockTable i32[S, P]", table);
  }
}
