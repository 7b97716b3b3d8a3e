package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Scalar;

/**
 * A fused elementwise expression: what each element of a result is, given the same element of each
 * input. Every inner value is rounded to its dtype (R1), exactly as the unfused ops would.
 */
public sealed interface Expr {
  /** Dtype of this value. */
  DType dtype();

  /**
   * The element of an input.
   *
   * @param index 0-based input
   * @param dtype its dtype
   */
  record Input(int index, DType dtype) implements Expr {}

  /**
   * A constant.
   *
   * @param value the constant
   */
  record Constant(Scalar value) implements Expr {
    @Override
    public DType dtype() {
      return value.dtype();
    }
  }

  /**
   * A function of one value.
   *
   * @param kind the function
   * @param x its argument
   */
  record Unary(CoreOp.UnaryKind kind, Expr x) implements Expr {
    @Override
    public DType dtype() {
      return x.dtype();
    }
  }

  /**
   * A function of two values.
   *
   * @param kind the function
   * @param a first argument
   * @param b second argument
   */
  record Binary(CoreOp.BinaryKind kind, Expr a, Expr b) implements Expr {
    @Override
    public DType dtype() {
      return a.dtype();
    }
  }

  /**
   * A relation.
   *
   * @param kind the relation
   * @param a first argument
   * @param b second argument
   */
  record Compare(CoreOp.CompareKind kind, Expr a, Expr b) implements Expr {
    @Override
    public DType dtype() {
      return DType.BOOL;
    }
  }

  /**
   * A choice.
   *
   * @param p BOOL
   * @param a value if true
   * @param b value if false
   */
  record Select(Expr p, Expr a, Expr b) implements Expr {
    @Override
    public DType dtype() {
      return a.dtype();
    }
  }

  /**
   * A conversion.
   *
   * @param x the value
   * @param dtype the result's dtype
   * @param sat whether float to integer saturates
   */
  record Cast(Expr x, DType dtype, boolean sat) implements Expr {}
}
