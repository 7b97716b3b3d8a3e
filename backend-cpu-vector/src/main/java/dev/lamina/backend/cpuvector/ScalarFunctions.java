package dev.lamina.backend.cpuvector;

import dev.lamina.backend.cpuvector.kernels.Functions;
import dev.lamina.backend.sdk.Elements;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;

/** The elementwise functions over n lanes of an array. */
final class ScalarFunctions {
  private ScalarFunctions() {}

  static void unary(UnaryKind kind, float[] x, float[] y, int n) {
    switch (kind) {
      case NEG -> {
        for (int i = 0; i < n; i++) {
          y[i] = -x[i];
        }
      }
      case ABS -> {
        for (int i = 0; i < n; i++) {
          y[i] = Math.abs(x[i]);
        }
      }
      case RECIP -> {
        for (int i = 0; i < n; i++) {
          y[i] = 1 / x[i];
        }
      }
      case SQRT -> {
        for (int i = 0; i < n; i++) {
          y[i] = (float) Math.sqrt(x[i]);
        }
      }
      case EXP -> Functions.exp(x, y, n);
      case TANH -> Functions.tanh(x, y, n);
      case SIGMOID -> Functions.sigmoid(x, y, n);
      case ERF -> Functions.erf(x, y, n);
      case RSQRT, LOG, SIN, COS, FLOOR, ROUND -> {
        for (int i = 0; i < n; i++) {
          y[i] = (float) inDouble(kind, x[i]);
        }
      }
      case NOT -> throw new IllegalArgumentException("not: expected an integer or bool");
    }
  }

  private static double inDouble(UnaryKind kind, double x) {
    return switch (kind) {
      case RSQRT -> 1 / Math.sqrt(x);
      case LOG -> Math.log(x);
      case SIN -> Math.sin(x);
      case COS -> Math.cos(x);
      case FLOOR -> Math.floor(x);
      case ROUND -> Math.rint(x);
      case NEG, ABS, EXP, SQRT, RECIP, TANH, SIGMOID, ERF, NOT ->
          throw new IllegalArgumentException("unexpected " + kind);
    };
  }

  static void unary(UnaryKind kind, DType d, long[] x, long[] y, int n) {
    for (int i = 0; i < n; i++) {
      long v =
          switch (kind) {
            case NEG -> -x[i];
            case ABS -> Math.abs(x[i]);
            case NOT -> ~x[i];
            case EXP, LOG, SQRT, RSQRT, RECIP, TANH, SIGMOID, ERF, SIN, COS, FLOOR, ROUND ->
                throw new IllegalArgumentException(kind + ": expected a float");
          };
      y[i] = Elements.wrap(d, v);
    }
  }

  static void binary(BinaryKind kind, float[] a, float[] b, float[] y, int n) {
    switch (kind) {
      case ADD -> {
        for (int i = 0; i < n; i++) {
          y[i] = a[i] + b[i];
        }
      }
      case SUB -> {
        for (int i = 0; i < n; i++) {
          y[i] = a[i] - b[i];
        }
      }
      case MUL -> {
        for (int i = 0; i < n; i++) {
          y[i] = a[i] * b[i];
        }
      }
      case DIV -> {
        for (int i = 0; i < n; i++) {
          y[i] = a[i] / b[i];
        }
      }
      case MAX -> {
        for (int i = 0; i < n; i++) {
          y[i] = Math.max(a[i], b[i]);
        }
      }
      case MIN -> {
        for (int i = 0; i < n; i++) {
          y[i] = Math.min(a[i], b[i]);
        }
      }
      case REM -> {
        for (int i = 0; i < n; i++) {
          y[i] = a[i] % b[i];
        }
      }
      case POW -> {
        for (int i = 0; i < n; i++) {
          y[i] = (float) Math.pow(a[i], b[i]);
        }
      }
      case AND, OR, XOR, SHL, SHR ->
          throw new IllegalArgumentException(kind + ": expected integers");
    }
  }

  static void binary(BinaryKind kind, DType d, long[] a, long[] b, long[] y, int n) {
    for (int i = 0; i < n; i++) {
      y[i] = Elements.wrap(d, binary(kind, d, a[i], b[i]));
    }
  }

  private static long binary(BinaryKind kind, DType d, long a, long b) {
    boolean outside = b < 0 || b >= 8L * d.bytes();
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
      case SHL -> outside ? 0 : a << b;
      case SHR -> outside ? (a < 0 ? -1 : 0) : a >> b;
      case POW -> throw new IllegalArgumentException("pow: expected floats");
    };
  }

  static void compare(CompareKind kind, float[] a, float[] b, long[] y, int n) {
    for (int i = 0; i < n; i++) {
      boolean holds =
          switch (kind) {
            case EQ -> a[i] == b[i];
            case LT -> a[i] < b[i];
            case LE -> a[i] <= b[i];
          };
      y[i] = holds ? 1 : 0;
    }
  }

  static void compare(CompareKind kind, long[] a, long[] b, long[] y, int n) {
    for (int i = 0; i < n; i++) {
      boolean holds =
          switch (kind) {
            case EQ -> a[i] == b[i];
            case LT -> a[i] < b[i];
            case LE -> a[i] <= b[i];
          };
      y[i] = holds ? 1 : 0;
    }
  }

  /** R4: truncates toward zero, saturates or wraps; NaN gives 0. */
  static void cast(float[] x, DType to, boolean sat, long[] y, int n) {
    for (int i = 0; i < n; i++) {
      float v = x[i];
      if (to == DType.BOOL) {
        y[i] = v != 0 && !Float.isNaN(v) ? 1 : 0;
      } else if (sat) {
        y[i] = saturate(to, v);
      } else {
        y[i] = Elements.wrap(to, truncate(v));
      }
    }
  }

  private static long saturate(DType to, float v) {
    int bits = 8 * to.bytes();
    long most = to.isSigned() ? Long.MAX_VALUE >>> 64 - bits : -1L >>> 64 - bits;
    long least = to.isSigned() ? -most - 1 : 0;
    return Math.clamp((long) v, least, most);
  }

  /** Integer part modulo 2^64; NaN and infinities give 0. */
  private static long truncate(float v) {
    if (Math.abs(v) < 0x1p63f) {
      return (long) v;
    }
    int shift = Math.getExponent(v) - 23;
    if (Float.isNaN(v) || shift >= 64) {
      return 0;
    }
    long mantissa = Float.floatToRawIntBits(v) & 0x7FFFFF | 0x800000;
    return (v < 0 ? -mantissa : mantissa) << shift;
  }

  static void cast(long[] x, DType to, boolean sat, long[] y, int n) {
    int bits = 8 * to.bytes();
    long most = to.isSigned() ? Long.MAX_VALUE >>> 64 - bits : -1L >>> 64 - bits;
    long least = to.isSigned() ? -most - 1 : 0;
    for (int i = 0; i < n; i++) {
      if (to == DType.BOOL) {
        y[i] = x[i] != 0 ? 1 : 0;
      } else {
        y[i] = sat && bits < 64 ? Math.clamp(x[i], least, most) : Elements.wrap(to, x[i]);
      }
    }
  }
}
