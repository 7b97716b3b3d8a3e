package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.CoreOp;

/**
 * How far a result may be from the truth, before the one rounding to the output dtype: the one
 * table, the same for every backend.
 *
 * <p>Accumulating ops: {@code c(K) * u * M} with c = 4 sqrt(K) + 8, u = 2^-24 and M the op's
 * conditioning magnitude, such as the sum of |a||b| for a product of matrices. This follows
 * rounding analysis, so it neither loosens with cancellation nor dilutes with size. Functions:
 * units in the last place of F32.
 */
public final class Tolerance {
  /** Unit roundoff of the accumulator, F32. */
  public static final double ACCUMULATOR = 0x1p-24;

  private Tolerance() {}

  /**
   * Error of a sum of k products.
   *
   * @param k number of terms
   * @param magnitude sum of the terms' magnitudes
   */
  public static double accumulated(long k, double magnitude) {
    return (4 * Math.sqrt((double) k) + 8) * ACCUMULATOR * magnitude;
  }

  /** Units in the last place of F32 at a value. */
  public static double ulps(double units, double at) {
    return units * Math.ulp((float) Math.min(Math.abs(at), Float.MAX_VALUE));
  }

  /** Error of a function of one value; 0 means correctly rounded. */
  public static double unary(CoreOp.UnaryKind kind, double result) {
    return switch (kind) {
      case NEG, ABS, FLOOR, ROUND, NOT -> 0;
      case SQRT, RSQRT, RECIP -> ulps(2.5, result);
      case LOG, TANH, ERF -> ulps(4, result);
      case SIGMOID -> subnormalFree(ulps(8, result), result);
      case EXP -> subnormalFree(ulps(4, result), result);
      case SIN, COS -> 0x1p-21;
    };
  }

  /** Results of exp below the normal range may be flushed: no polynomial holds 4 ulp there. */
  private static double subnormalFree(double error, double result) {
    return Math.abs(result) < 0x1p-126 ? 0x1p-126 : error;
  }

  /** Error of a function of two values; 0 means correctly rounded. */
  public static double binary(CoreOp.BinaryKind kind, double result) {
    return switch (kind) {
      case ADD, SUB, MUL, REM, MAX, MIN, AND, OR, XOR, SHL, SHR -> 0;
      case DIV -> ulps(2.5, result);
      case POW -> subnormalFree(ulps(16, result), result);
    };
  }
}
