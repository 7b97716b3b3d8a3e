package dev.lamina.backend.sdk.grid;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.backend.sdk.Expr;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Scalar;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ExprPrinterTest {
  private enum Plain implements ExprPrinter.Dialect {
    INSTANCE;

    @Override
    public String floatType() {
      return "float";
    }

    @Override
    public String integerType() {
      return "long long";
    }

    @Override
    public String integerSuffix() {
      return "ll";
    }

    @Override
    public String floatOfBits(int bits) {
      return "bits(0x%08X)".formatted(bits);
    }
  }

  /** How the functions of a dtype end. */
  private static String nameOf(DType dtype) {
    return switch (dtype) {
      case F32 -> "F32";
      case F16 -> "F16";
      case BF16 -> "Bf16";
      case F8E4M3 -> "F8e4m3";
      case F8E5M2 -> "F8e5m2";
      case I64 -> "I64";
      case I32 -> "I32";
      case I16 -> "I16";
      case I8 -> "I8";
      case U32 -> "U32";
      case U16 -> "U16";
      case U8 -> "U8";
      case BOOL -> "Bool";
    };
  }

  private static String print(Expr expr) {
    return ExprPrinter.print(expr, Plain.INSTANCE).statements();
  }

  private static Expr in(int index, DType dtype) {
    return new Expr.Input(index, dtype);
  }

  private static String statement(DType dtype, String value) {
    return "  %s v0 = %s;\n".formatted(dtype.isFloat() ? "float" : "long long", value);
  }

  /** The statement of an op of a dtype: F32 and I64 are as wide as the variables. */
  private static String rounded(DType dtype, String call) {
    boolean isWhole = dtype == DType.F32 || dtype == DType.I64;
    String function = (dtype.isFloat() ? "round" : "wrap") + nameOf(dtype);
    return statement(dtype, isWhole ? call : "%s(%s)".formatted(function, call));
  }

  private static String function(Enum<?> kind, DType dtype) {
    return kind.name().toLowerCase(Locale.ROOT) + (dtype.isFloat() ? "Float" : "Int");
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void unary_isRoundedToItsDtype(DType dtype) {
    for (UnaryKind kind : UnaryKind.values()) {
      assertThat(print(new Expr.Unary(kind, in(0, dtype))))
          .isEqualTo(rounded(dtype, function(kind, dtype) + "(x0)"));
    }
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void binary_isRoundedToItsDtype(DType dtype) {
    for (BinaryKind kind : BinaryKind.values()) {
      boolean shifts = kind == BinaryKind.SHL || kind == BinaryKind.SHR;
      String width = shifts ? ", " + 8 * dtype.bytes() : "";
      assertThat(print(new Expr.Binary(kind, in(0, dtype), in(1, dtype))))
          .isEqualTo(rounded(dtype, "%s(x0, x1%s)".formatted(function(kind, dtype), width)));
    }
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void compareAndSelect_roundNothing(DType dtype) {
    for (CompareKind kind : CompareKind.values()) {
      assertThat(print(new Expr.Compare(kind, in(0, dtype), in(1, dtype))))
          .isEqualTo(statement(DType.BOOL, function(kind, dtype) + "(x0, x1)"));
    }
    assertThat(print(new Expr.Select(in(0, DType.BOOL), in(1, dtype), in(2, dtype))))
        .isEqualTo(statement(dtype, "x0 != 0 ? x1 : x2"));
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void cast_saysWhatHappensOutOfRange(DType to) {
    for (DType from : DType.values()) {
      String wraps = print(new Expr.Cast(in(0, from), to, false));
      String saturates = print(new Expr.Cast(in(0, from), to, true));
      if (to.isFloat()) {
        String x = from.isFloat() ? "x0" : "floatOf(x0)";
        assertThat(wraps).isEqualTo(rounded(to, x)).isEqualTo(saturates);
      } else if (from.isFloat()) {
        assertThat(wraps).isEqualTo(statement(to, "truncate%s(x0)".formatted(nameOf(to))));
        assertThat(saturates).isEqualTo(statement(to, "saturate%s(x0)".formatted(nameOf(to))));
      } else if (to == DType.BOOL) {
        assertThat(wraps).isEqualTo(statement(to, "x0 != 0")).isEqualTo(saturates);
      } else {
        assertThat(wraps).isEqualTo(rounded(to, "x0"));
        String clamped = to == DType.I64 ? "x0" : "clamp%s(x0)".formatted(nameOf(to));
        assertThat(saturates).isEqualTo(statement(to, clamped));
      }
    }
  }

  @Test
  void tree_isPrintedOperandsFirst() {
    DType d = DType.BF16;
    Expr product = new Expr.Binary(BinaryKind.MUL, in(0, d), in(1, d));
    Expr sum = new Expr.Binary(BinaryKind.ADD, product, new Expr.Unary(UnaryKind.EXP, in(0, d)));
    ExprPrinter.Printed printed = ExprPrinter.print(sum, Plain.INSTANCE);
    assertThat(printed.statements())
        .isEqualTo(
            "  float v0 = roundBf16(mulFloat(x0, x1));\n"
                + "  float v1 = roundBf16(expFloat(x0));\n"
                + "  float v2 = roundBf16(addFloat(v0, v1));\n");
    assertThat(printed.result()).isEqualTo("v2");
  }

  @Test
  void inputAlone_isItsOwnResult() {
    assertThat(ExprPrinter.print(in(3, DType.U8), Plain.INSTANCE))
        .isEqualTo(new ExprPrinter.Printed("", "x3"));
  }

  @Test
  void constants_keepTheirBits() {
    List<Scalar> values =
        List.of(
            Scalar.f32(1.5),
            Scalar.f32(-0.0),
            new Scalar(DType.F32, 0x7FC00001L),
            new Scalar(DType.F16, 0x7C00),
            new Scalar(DType.BF16, 0x8001),
            Scalar.integer(DType.I64, Long.MIN_VALUE),
            Scalar.integer(DType.I8, -1),
            Scalar.integer(DType.U32, -1),
            Scalar.integer(DType.BOOL, 1));
    List<String> literals = new ArrayList<>();
    for (Scalar value : values) {
      literals.add(ExprPrinter.print(new Expr.Constant(value), Plain.INSTANCE).result());
    }
    assertThat(literals)
        .containsExactly(
            "bits(0x3FC00000)",
            "bits(0x80000000)",
            "bits(0x7FC00001)",
            "bits(0x7F800000)",
            "bits(0x80010000)",
            "(-9223372036854775807ll - 1)",
            "(-1ll)",
            "(4294967295ll)",
            "(1ll)");
  }
}
