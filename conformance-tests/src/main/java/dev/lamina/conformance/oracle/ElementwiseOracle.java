package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;

/** Unary, binary, compare and select. */
final class ElementwiseOracle {
  private ElementwiseOracle() {}

  static RefTensor unary(CoreOp.UnaryKind kind, RefTensor x) {
    RefTensor.Builder out = new RefTensor.Builder(x.dtype(), x.sizes());
    for (int i = 0; i < x.count(); i++) {
      if (x.dtype().isFloat()) {
        double v = x.real(i);
        double y = unary(kind, v);
        double b = x.bound(i);
        double carried =
            b == 0 ? 0 : Math.max(apart(unary(kind, v - b), y), apart(unary(kind, v + b), y));
        out.near(i, y, Tolerance.unary(kind, y) + carried);
      } else {
        out.exact(i, integerUnary(kind, x.dtype(), x.integer(i)));
      }
    }
    return out.build();
  }

  private static double apart(double a, double b) {
    double d = Math.abs(a - b);
    return Double.isNaN(d) ? 0 : d;
  }

  static double unary(CoreOp.UnaryKind kind, double x) {
    return switch (kind) {
      case NEG -> -x;
      case ABS -> Math.abs(x);
      case EXP -> Math.exp(x);
      case LOG -> Math.log(x);
      case SQRT -> Math.sqrt(x);
      case RSQRT -> 1 / Math.sqrt(x);
      case RECIP -> 1 / x;
      case TANH -> Math.tanh(x);
      case SIGMOID -> 1 / (1 + Math.exp(-x));
      case ERF -> erf(x);
      case SIN -> Math.sin(x);
      case COS -> Math.cos(x);
      case FLOOR -> Math.floor(x);
      case ROUND -> Math.rint(x);
      case NOT -> throw new AssertionError("not of a float");
    };
  }

  /**
   * The error function by 2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (2n+1)!!, whose terms are all of
   * one sign (Abramowitz and Stegun 7.1.6).
   */
  static double erf(double x) {
    if (Double.isNaN(x) || x == 0) {
      return x;
    }
    if (Math.abs(x) > 6) {
      return Math.signum(x);
    }
    double term = x;
    double sum = x;
    for (int n = 1; Math.abs(term) > Math.abs(sum) * 1e-18; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }

  private static long integerUnary(CoreOp.UnaryKind kind, DType dtype, long x) {
    return switch (kind) {
      case NEG -> Elements.wrap(dtype, -x);
      case ABS -> Elements.wrap(dtype, Math.abs(x));
      case NOT -> dtype == DType.BOOL ? 1 - x : Elements.wrap(dtype, ~x);
      case EXP, LOG, SQRT, RSQRT, RECIP, TANH, SIGMOID, ERF, SIN, COS, FLOOR, ROUND ->
          throw new AssertionError(kind + " of an integer");
    };
  }

  static RefTensor binary(CoreOp.BinaryKind kind, RefTensor a, RefTensor b) {
    RefTensor.Builder out = new RefTensor.Builder(a.dtype(), a.sizes());
    for (int i = 0; i < a.count(); i++) {
      if (!a.dtype().isFloat()) {
        out.exact(i, IntegerOracle.binary(kind, a.dtype(), a.integer(i), b.integer(i)));
        continue;
      }
      double y = binary(kind, a.real(i), b.real(i));
      double carried = carried(kind, a, b, i, y);
      boolean zeroOfEitherSign =
          (kind == CoreOp.BinaryKind.MAX || kind == CoreOp.BinaryKind.MIN) && carried == 0;
      if (zeroOfEitherSign) {
        out.unsignedZero(i, y);
      } else {
        out.near(i, y, Tolerance.binary(kind, y) + carried);
      }
    }
    return out.build();
  }

  /** How far the result moves as the operands move within their bounds: at the box's corners. */
  private static double carried(CoreOp.BinaryKind kind, RefTensor a, RefTensor b, int i, double y) {
    double da = a.bound(i);
    double db = b.bound(i);
    if (da == 0 && db == 0) {
      return 0;
    }
    double worst = 0;
    for (int corner = 0; corner < 4; corner++) {
      double u = a.real(i) + ((corner & 1) == 0 ? -da : da);
      double v = b.real(i) + ((corner & 2) == 0 ? -db : db);
      worst = Math.max(worst, apart(binary(kind, u, v), y));
    }
    return worst;
  }

  static double binary(CoreOp.BinaryKind kind, double a, double b) {
    return switch (kind) {
      case ADD -> a + b;
      case SUB -> a - b;
      case MUL -> a * b;
      case DIV -> a / b;
      case REM -> a % b;
      case MAX -> Math.max(a, b);
      case MIN -> Math.min(a, b);
      case POW -> Math.pow(a, b);
      case AND, OR, XOR, SHL, SHR -> throw new AssertionError(kind + " of floats");
    };
  }

  static RefTensor compare(CoreOp.CompareKind kind, RefTensor a, RefTensor b) {
    RefTensor.Builder out = new RefTensor.Builder(DType.BOOL, a.sizes());
    for (int i = 0; i < a.count(); i++) {
      a.requireExact(i);
      b.requireExact(i);
      boolean holds =
          a.dtype().isFloat()
              ? holds(kind, a.real(i), b.real(i))
              : holds(kind, a.integer(i), b.integer(i));
      out.exact(i, holds ? 1 : 0);
    }
    return out.build();
  }

  private static boolean holds(CoreOp.CompareKind kind, double a, double b) {
    return switch (kind) {
      case EQ -> a == b;
      case LT -> a < b;
      case LE -> a <= b;
    };
  }

  private static boolean holds(CoreOp.CompareKind kind, long a, long b) {
    return switch (kind) {
      case EQ -> a == b;
      case LT -> a < b;
      case LE -> a <= b;
    };
  }

  static RefTensor select(RefTensor p, RefTensor a, RefTensor b) {
    RefTensor.Builder out = new RefTensor.Builder(a.dtype(), a.sizes());
    for (int i = 0; i < a.count(); i++) {
      out.copy(i, p.integer(i) != 0 ? a : b, i);
    }
    return out.build();
  }
}
