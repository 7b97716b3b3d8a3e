package dev.lamina.backend.reference;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;

/** The elementwise functions, one element at a time, computed in F64 and rounded to F32. */
final class Functions {
  private Functions() {}

  static float unary(UnaryKind kind, float x) {
    return switch (kind) {
      case NEG -> -x;
      case ABS -> Math.abs(x);
      case EXP -> (float) Math.exp(x);
      case LOG -> (float) Math.log(x);
      case SQRT -> (float) Math.sqrt(x);
      case RSQRT -> (float) (1 / Math.sqrt(x));
      case RECIP -> 1 / x;
      case TANH -> (float) Math.tanh(x);
      case SIGMOID -> (float) (1 / (1 + Math.exp(-(double) x)));
      case ERF -> (float) erf(x);
      case SIN -> (float) Math.sin(x);
      case COS -> (float) Math.cos(x);
      case FLOOR -> (float) Math.floor(x);
      case ROUND -> (float) Math.rint(x);
      case NOT -> throw new IllegalArgumentException("not: expected an integer or bool");
    };
  }

  static long unary(UnaryKind kind, DType dtype, long x) {
    return switch (kind) {
      case NEG -> Elements.wrap(dtype, -x);
      case ABS -> Elements.wrap(dtype, Math.abs(x));
      case NOT -> Elements.wrap(dtype, ~x);
      case EXP, LOG, SQRT, RSQRT, RECIP, TANH, SIGMOID, ERF, SIN, COS, FLOOR, ROUND ->
          throw new IllegalArgumentException(kind + ": expected a float");
    };
  }

  static float binary(BinaryKind kind, float a, float b) {
    return switch (kind) {
      case ADD -> a + b;
      case SUB -> a - b;
      case MUL -> a * b;
      case DIV -> a / b;
      case REM -> a % b;
      case MAX -> Math.max(a, b);
      case MIN -> Math.min(a, b);
      case POW -> (float) Math.pow(a, b);
      case AND, OR, XOR, SHL, SHR ->
          throw new IllegalArgumentException(kind + ": expected integers");
    };
  }

  static long binary(BinaryKind kind, DType dtype, long a, long b) {
    int width = 8 * dtype.bytes();
    boolean outside = b < 0 || b >= width;
    long result =
        switch (kind) {
          case ADD -> a + b;
          case SUB -> a - b;
          case MUL -> a * b;
          case DIV -> b == 0 ? 0 : a / b;
          case REM -> b == 0 ? 0 : a % b;
          case MAX -> Math.max(a, b);
          case MIN -> Math.min(a, b);
          case AND -> a & b;
          case OR -> a | b;
          case XOR -> a ^ b;
          case SHL -> outside ? 0 : a << b;
          case SHR -> outside ? (a < 0 ? -1 : 0) : a >> b;
          case POW -> throw new IllegalArgumentException("pow: expected floats");
        };
    return Elements.wrap(dtype, result);
  }

  static boolean compare(CompareKind kind, float a, float b) {
    return switch (kind) {
      case EQ -> a == b;
      case LT -> a < b;
      case LE -> a <= b;
    };
  }

  static boolean compare(CompareKind kind, long a, long b) {
    return switch (kind) {
      case EQ -> a == b;
      case LT -> a < b;
      case LE -> a <= b;
    };
  }

  /** R4: truncates toward zero; saturates or wraps; NaN gives 0. */
  static long toInteger(float x, DType to, boolean sat) {
    if (Float.isNaN(x)) {
      return 0;
    }
    if (to == DType.BOOL) {
      return x != 0 ? 1 : 0;
    }
    if (sat) {
      int bits = 8 * to.bytes();
      long max = to.isSigned() ? Long.MAX_VALUE >>> 64 - bits : -1L >>> 64 - bits;
      long min = to.isSigned() ? -max - 1 : 0;
      return Math.max(min, Math.min(max, (long) x));
    }
    return Elements.wrap(to, truncate(x));
  }

  /** Integer part modulo 2^64; an infinity gives 0. */
  private static long truncate(float x) {
    if (Math.abs(x) < 0x1p63f) {
      return (long) x;
    }
    int exponent = Math.getExponent(x) - 23;
    if (exponent >= 64) {
      return 0;
    }
    long mantissa = Float.floatToRawIntBits(x) & 0x7FFFFF | 0x800000;
    return (x < 0 ? -mantissa : mantissa) << exponent;
  }

  /** Error function by its Maclaurin series of positive terms, and by a continued fraction. */
  static double erf(double x) {
    double a = Math.abs(x);
    if (Double.isNaN(x) || a > 6) {
      return Double.isNaN(x) ? x : Math.copySign(1, x);
    }
    double result = a < 3 ? erfSeries(a) : 1 - erfcFraction(a);
    return Math.copySign(result, x);
  }

  private static double erfSeries(double a) {
    // erf(a) = 2/sqrt(pi) exp(-a^2) sum of 2^n a^(2n+1) / (1 * 3 * .. * (2n+1))
    double term = a;
    double sum = a;
    for (int n = 1; term > sum * 1e-18; n++) {
      term *= 2 * a * a / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-a * a) * sum;
  }

  private static double erfcFraction(double a) {
    double fraction = a;
    for (int n = 60; n >= 1; n--) {
      fraction = a + n / 2.0 / fraction;
    }
    return Math.exp(-a * a) / Math.sqrt(Math.PI) / fraction;
  }
}
