package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.sdk.Expr;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Scalar;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/**
 * Prints a fused expression as statements of a C-like language, one an operation. Every inner value
 * is rounded to its dtype, exactly as the unfused ops would (R1 to R4).
 *
 * <p>A float of any dtype is a variable of 32 bits, an integer or BOOL one of 64, extended as its
 * dtype says. Operations are calls of functions that the language's header brings, named after
 * them, so that languages differ in that header and in a {@link Dialect}:
 *
 * <ul>
 *   <li>{@code negFloat(x)} and the like for each unary op, {@code addFloat(a, b)} for each binary
 *       one, none of them contracted with another; {@code negInt}, {@code addInt} and so on for
 *       integers, whose results need not fit the dtype; {@code shlInt(a, b, bits)} and {@code
 *       shrInt(a, b, bits)} take the dtype's width; {@code eqFloat(a, b)}, {@code ltInt(a, b)} give
 *       0 or 1;
 *   <li>{@code roundF16(x)}, {@code roundBf16}, {@code roundF8e4m3}, {@code roundF8e5m2}: to
 *       nearest even, and back;
 *   <li>{@code wrapI32(x)} and so on for each integer dtype but I64: the low bits, extended; {@code
 *       clampI32(x)}: the nearest integer of the dtype;
 *   <li>{@code truncateI32(x)}, {@code saturateI32(x)} and so on for each integer dtype: a float
 *       toward zero, modulo the width or the nearest of the dtype, NaN as 0;
 *   <li>{@code floatOf(x)}: the nearest float of an integer.
 * </ul>
 */
public final class ExprPrinter {
  /** In what a language differs from others, beside its functions. */
  public interface Dialect {
    /**
     * The type of floats.
     *
     * @return its name, such as {@code float}
     */
    String floatType();

    /**
     * The type of integers.
     *
     * @return the name of a signed type of 64 bits, such as {@code long}
     */
    String integerType();

    /**
     * What ends a literal of {@link #integerType}.
     *
     * @return such as {@code l}
     */
    String integerSuffix();

    /**
     * A constant by its bits, which may be those of an infinity or a NaN.
     *
     * @param bits of a float
     * @return an expression, such as {@code as_float(0x7F800000)}
     */
    String floatOfBits(int bits);
  }

  /**
   * What was printed.
   *
   * @param statements a line each, with two spaces before it; reads {@code x0} and so on, one an
   *     input
   * @param result the variable of the expression's value, rounded to its dtype
   */
  public record Printed(String statements, String result) {}

  private final Dialect dialect;
  private final StringBuilder statements = new StringBuilder();
  private int used;

  private ExprPrinter(Dialect dialect) {
    this.dialect = dialect;
  }

  /**
   * Prints an expression.
   *
   * @param expr any
   * @param dialect of the language
   * @return its statements; the same text for equal expressions
   */
  public static Printed print(Expr expr, Dialect dialect) {
    ExprPrinter printer = new ExprPrinter(dialect);
    String result = printer.value(expr);
    return new Printed(printer.statements.toString(), result);
  }

  /**
   * The type of a variable.
   *
   * @param dtype of the value
   * @param dialect of the language
   * @return {@link Dialect#floatType} or {@link Dialect#integerType}
   */
  public static String typeOf(DType dtype, Dialect dialect) {
    return dtype.isFloat() ? dialect.floatType() : dialect.integerType();
  }

  private String value(Expr e) {
    return switch (e) {
      case Expr.Input in -> "x" + in.index();
      case Expr.Constant c -> literal(c.value());
      case Expr.Unary u -> define(u.dtype(), call(u.kind(), u.dtype(), value(u.x())));
      case Expr.Binary b -> define(b.dtype(), binary(b, value(b.a()), value(b.b())));
      case Expr.Compare c -> {
        String a = value(c.a());
        String b = value(c.b());
        yield define(DType.BOOL, call(c.kind(), c.a().dtype(), a + ", " + b), false);
      }
      case Expr.Select s -> {
        String p = value(s.p());
        String a = value(s.a());
        String b = value(s.b());
        yield define(s.dtype(), "%s != 0 ? %s : %s".formatted(p, a, b), false);
      }
      case Expr.Cast c -> define(c.dtype(), cast(c, value(c.x())), false);
    };
  }

  private String binary(Expr.Binary e, String a, String b) {
    boolean shifts = e.kind() == CoreOp.BinaryKind.SHL || e.kind() == CoreOp.BinaryKind.SHR;
    String operands = a + ", " + b + (shifts ? ", " + 8 * e.dtype().bytes() : "");
    return call(e.kind(), e.dtype(), operands);
  }

  /** A call of the function of an op: its name in lower case, then what its operands are. */
  private static String call(Enum<?> kind, DType operands, String arguments) {
    String name = kind.name().toLowerCase(Locale.ROOT) + (operands.isFloat() ? "Float" : "Int");
    return "%s(%s)".formatted(name, arguments);
  }

  private String define(DType dtype, String expression) {
    return define(dtype, expression, true);
  }

  private String define(DType dtype, String expression, boolean rounds) {
    String name = "v" + used++;
    statements.append("  %s %s = ".formatted(typeOf(dtype, dialect), name));
    statements.append(rounds ? rounded(dtype, expression) : expression).append(";\n");
    return name;
  }

  private static boolean isWhole(DType dtype) {
    return dtype == DType.F32 || dtype == DType.I64;
  }

  private static String rounded(DType dtype, String expression) {
    if (isWhole(dtype)) {
      return expression;
    }
    return of(dtype.isFloat() ? "round" : "wrap", dtype, expression);
  }

  /** A call of a function of a dtype, whose name ends with the dtype's. */
  private static String of(String function, DType dtype, String argument) {
    String name = dtype.name();
    String tail = name.substring(1).toLowerCase(Locale.ROOT);
    return "%s%c%s(%s)".formatted(function, name.charAt(0), tail, argument);
  }

  private static String cast(Expr.Cast e, String x) {
    DType from = e.x().dtype();
    DType to = e.dtype();
    if (from.isFloat()) {
      return to.isFloat() ? rounded(to, x) : of(e.sat() ? "saturate" : "truncate", to, x);
    }
    if (to.isFloat()) {
      return rounded(to, "floatOf(%s)".formatted(x));
    }
    if (to == DType.BOOL) {
      return x + " != 0";
    }
    return e.sat() && !isWhole(to) ? of("clamp", to, x) : rounded(to, x);
  }

  private String literal(Scalar value) {
    DType dtype = value.dtype();
    if (dtype.isFloat()) {
      MemorySegment bits = MemorySegment.ofArray(new long[] {value.bits()});
      return dialect.floatOfBits(Float.floatToRawIntBits(Elements.getFloat(dtype, bits, 0)));
    }
    long x = value.bits();
    // The least integer has no literal: its digits are those of one too large.
    return x == Long.MIN_VALUE
        ? "(-%d%s - 1)".formatted(Long.MAX_VALUE, dialect.integerSuffix())
        : "(%d%s)".formatted(x, dialect.integerSuffix());
  }
}
