package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;

/** Elementwise ops of the test evaluator. */
final class Scalars {
  private Scalars() {}

  static Array cast(Array x, Array out) {
    for (int i = 0; i < out.size(); i++) {
      if (x.dtype.isFloat()) {
        if (out.dtype.isFloat()) {
          out.set(i, x.floats[i]);
        } else {
          out.set(i, (long) x.floats[i]);
        }
      } else if (out.dtype.isFloat()) {
        out.set(i, (double) x.ints[i]);
      } else {
        out.set(i, x.ints[i]);
      }
    }
    return out;
  }

  static Array unary(UnaryKind kind, Array x, Array out) {
    for (int i = 0; i < out.size(); i++) {
      if (x.dtype.isFloat()) {
        out.set(i, unary(kind, x.floats[i]));
      } else {
        out.set(
            i,
            switch (kind) {
              case NEG -> -x.ints[i];
              case ABS -> Math.abs(x.ints[i]);
              case NOT -> ~x.ints[i];
              default -> throw new AssertionError(kind);
            });
      }
    }
    return out;
  }

  private static double unary(UnaryKind kind, double x) {
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
      case ERF -> Reference.erf(x);
      case SIN -> Math.sin(x);
      case COS -> Math.cos(x);
      case FLOOR -> Math.floor(x);
      case ROUND -> Math.rint(x);
      case NOT -> throw new AssertionError(kind);
    };
  }

  static Array binary(BinaryKind kind, Array a, Array b, Array out) {
    for (int i = 0; i < out.size(); i++) {
      if (a.dtype.isFloat()) {
        out.set(i, binary(kind, a.floats[i], b.floats[i]));
      } else {
        out.set(i, binary(kind, a.ints[i], b.ints[i]));
      }
    }
    return out;
  }

  private static double binary(BinaryKind kind, double a, double b) {
    return switch (kind) {
      case ADD -> a + b;
      case SUB -> a - b;
      case MUL -> a * b;
      case DIV -> a / b;
      case REM -> a % b;
      case MAX -> Math.max(a, b);
      case MIN -> Math.min(a, b);
      case POW -> Math.pow(a, b);
      default -> throw new AssertionError(kind);
    };
  }

  private static long binary(BinaryKind kind, long a, long b) {
    return switch (kind) {
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
      case SHL -> b >= 64 ? 0 : a << b;
      case SHR -> b >= 64 ? a >> 63 : a >> b;
      case POW -> throw new AssertionError(kind);
    };
  }

  static Array compare(CompareKind kind, Array a, Array b, Array out) {
    for (int i = 0; i < out.size(); i++) {
      boolean holds =
          a.dtype.isFloat()
              ? switch (kind) {
                case EQ -> a.floats[i] == b.floats[i];
                case LT -> a.floats[i] < b.floats[i];
                case LE -> a.floats[i] <= b.floats[i];
              }
              : switch (kind) {
                case EQ -> a.ints[i] == b.ints[i];
                case LT -> a.ints[i] < b.ints[i];
                case LE -> a.ints[i] <= b.ints[i];
              };
      out.set(i, holds ? 1L : 0L);
    }
    return out;
  }
}
