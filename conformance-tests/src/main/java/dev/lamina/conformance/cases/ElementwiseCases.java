package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.CoreOp.BinaryKind;
import dev.lamina.spi.ir.CoreOp.CompareKind;
import dev.lamina.spi.ir.CoreOp.UnaryKind;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Value;
import java.util.List;
import java.util.Locale;

/**
 * Unary, binary, compare and select: every kind in every dtype and regime, edge sizes for a few.
 */
final class ElementwiseCases {
  private static final List<Regime> ORDINARY =
      List.of(Regime.NORMAL, Regime.LARGE, Regime.OUTLIERS, Regime.SUBNORMAL);
  private static final List<Regime> SPECIAL = List.of(Regime.INFINITE, Regime.NANS);
  private static final int SIZE = 1057;

  private ElementwiseCases() {}

  static void addTo(CaseList list) {
    unary(list);
    binary(list);
    compare(list);
    select(list);
    sizes(list);
  }

  private static void unary(CaseList list) {
    for (UnaryKind kind : UnaryKind.values()) {
      for (DType dtype : Dtypes.FLOATS) {
        if (kind == UnaryKind.NOT) {
          continue;
        }
        for (Regime regime : List.of(Regime.UNIFORM, Regime.LARGE, Regime.WIDE, Regime.SUBNORMAL)) {
          unary(list, kind, dtype, regime.text(), domain(kind, regime), Rule.R1);
        }
        for (Regime regime : SPECIAL) {
          unary(list, kind, dtype, regime.text(), regime, Rule.R3);
        }
      }
      for (DType dtype : Dtypes.INTEGERS) {
        boolean signedOnly = kind == UnaryKind.NEG || kind == UnaryKind.ABS;
        if (kind == UnaryKind.NOT || signedOnly && dtype.isSigned()) {
          unary(list, kind, dtype, "wrap", Regime.UNIFORM, Rule.R4);
        }
      }
    }
    unary(list, UnaryKind.NOT, DType.BOOL, "logical", Regime.UNIFORM, Rule.R4);
    for (DType dtype : Dtypes.FLOATS) {
      Source halves = Source.cycleReals(-2.5, -1.5, -0.5, -0.25, 0.25, 0.5, 1.5, 2.5, 3.5, -3.5, 8);
      unary(list, UnaryKind.ROUND, dtype, "halves", halves, Rule.R1);
      unary(list, UnaryKind.FLOOR, dtype, "halves", halves, Rule.R1);
      Source nearZero = Source.reals(r -> () -> r.nextGaussian() * 1e-3);
      for (UnaryKind kind : List.of(UnaryKind.TANH, UnaryKind.ERF, UnaryKind.SIN)) {
        unary(list, kind, dtype, "near-zero", nearZero, Rule.R1);
      }
      unary(
          list,
          UnaryKind.LOG,
          dtype,
          "near-one",
          Source.reals(r -> () -> 1 + r.nextGaussian() * 1e-2),
          Rule.R1);
    }
    Source toMillion = Source.reals(r -> () -> (2 * r.nextDouble() - 1) * 0x1p20);
    unary(list, UnaryKind.SIN, DType.F32, "to-2e20", toMillion, Rule.R1);
    unary(list, UnaryKind.COS, DType.F32, "to-2e20", toMillion, Rule.R1);
  }

  /** Keeps arguments where the op has a bound: positive for roots, up to 2^20 for sin and cos. */
  private static Source domain(UnaryKind kind, Regime regime) {
    return switch (kind) {
      case SQRT, RSQRT, LOG ->
          (dtype, sizes, random) -> magnitudes(regime.make(dtype, sizes, random));
      case SIN, COS -> regime == Regime.WIDE ? Regime.NORMAL : regime;
      case NEG, ABS, EXP, RECIP, TANH, SIGMOID, ERF, FLOOR, ROUND, NOT -> regime;
    };
  }

  private static RefTensor magnitudes(RefTensor x) {
    RefTensor.Builder out = new RefTensor.Builder(x.dtype(), x.sizes());
    for (int i = 0; i < x.count(); i++) {
      out.near(i, Math.abs(x.real(i)), 0);
    }
    return out.build();
  }

  private static void unary(
      CaseList list, UnaryKind kind, DType dtype, String attrs, Source source, Rule rule) {
    list.graph(
        name(kind),
        dtype.text(),
        Dtypes.shape(SIZE),
        attrs,
        g -> {
          g.out(g.ops.unary(kind, g.in(source, dtype, SIZE)));
          g.subnormal = attrs.equals(Regime.SUBNORMAL.text());
        },
        rule);
  }

  private static void binary(CaseList list) {
    for (BinaryKind kind : BinaryKind.values()) {
      for (DType dtype : Dtypes.FLOATS) {
        if (!isFloatKind(kind)) {
          continue;
        }
        boolean pow = kind == BinaryKind.POW;
        for (Regime regime : ORDINARY) {
          Source base = pow ? Regime.POSITIVE : regime;
          Source second = pow && regime == Regime.LARGE ? Regime.OUTLIERS : regime;
          binary(list, kind, dtype, regime.text(), base, second, Rule.R1);
        }
        if (!pow) {
          binary(list, kind, dtype, "ties", Regime.TIES, Regime.TIES, Rule.R1);
          binary(list, kind, dtype, "infinite", Regime.INFINITE, Regime.INFINITE, Rule.R3);
          binary(list, kind, dtype, "nans", Regime.NANS, Regime.INFINITE, Rule.R3);
        }
      }
      for (DType dtype : Dtypes.INTEGERS) {
        if (kind == BinaryKind.POW) {
          continue;
        }
        boolean shift = kind == BinaryKind.SHL || kind == BinaryKind.SHR;
        Source second = shift ? Source.between(0, 8L * dtype.bytes() + 3) : Regime.UNIFORM;
        binary(list, kind, dtype, "wrap", Regime.UNIFORM, second, Rule.R4);
        binary(list, kind, dtype, "small", Regime.NORMAL, Regime.TIES, Rule.R4);
      }
    }
    for (BinaryKind kind : List.of(BinaryKind.AND, BinaryKind.OR, BinaryKind.XOR)) {
      binary(list, kind, DType.BOOL, "logical", Regime.UNIFORM, Regime.UNIFORM, Rule.R4);
    }
    Source wholes = Source.reals(r -> () -> (double) (r.nextInt(9) - 4));
    Source bases = Source.reals(r -> () -> (r.nextBoolean() ? -1 : 1) * (0.5 + r.nextDouble()));
    binary(list, BinaryKind.POW, DType.F32, "negative-base", bases, wholes, Rule.R1);
    Source huge = Source.reals(r -> () -> r.nextGaussian() * 1e30);
    binary(list, BinaryKind.REM, DType.F32, "huge-quotient", huge, Regime.NORMAL, Rule.R1);
  }

  private static boolean isFloatKind(BinaryKind kind) {
    return switch (kind) {
      case ADD, SUB, MUL, DIV, REM, MAX, MIN, POW -> true;
      case AND, OR, XOR, SHL, SHR -> false;
    };
  }

  private static void binary(
      CaseList list,
      BinaryKind kind,
      DType dtype,
      String attrs,
      Source first,
      Source second,
      Rule rule) {
    list.graph(
        name(kind),
        dtype.text(),
        Dtypes.shape(SIZE),
        attrs,
        g -> g.out(g.ops.binary(kind, g.in(first, dtype, SIZE), g.in(second, dtype, SIZE))),
        rule);
  }

  private static void compare(CaseList list) {
    for (CompareKind kind : CompareKind.values()) {
      for (DType dtype : Dtypes.FLOATS) {
        compare(list, kind, dtype, "ties", Regime.TIES, Rule.R1);
        compare(list, kind, dtype, "nans", Regime.NANS, Rule.R3);
        compare(list, kind, dtype, "infinite", Regime.INFINITE, Rule.R3);
      }
      for (DType dtype : Dtypes.INTEGERS) {
        compare(list, kind, dtype, "extremes", Regime.UNIFORM, Rule.R4);
        compare(list, kind, dtype, "ties", Regime.TIES, Rule.R4);
      }
    }
    compare(list, CompareKind.EQ, DType.BOOL, "logical", Regime.UNIFORM, Rule.R4);
  }

  private static void compare(
      CaseList list, CompareKind kind, DType dtype, String attrs, Regime regime, Rule rule) {
    list.graph(
        name(kind),
        dtype.text(),
        Dtypes.shape(SIZE),
        attrs,
        g -> g.out(g.ops.compare(kind, g.in(regime, dtype, SIZE), g.in(regime, dtype, SIZE))),
        rule);
  }

  private static void select(CaseList list) {
    for (DType dtype : DType.values()) {
      Regime other = dtype.isFloat() ? Regime.NANS : Regime.UNIFORM;
      list.graph(
          "select",
          dtype.text(),
          Dtypes.shape(SIZE),
          "nan-in-the-other",
          g -> {
            Value p = g.in(Regime.UNIFORM, DType.BOOL, SIZE);
            g.out(g.ops.select(p, g.in(Regime.UNIFORM, dtype, SIZE), g.in(other, dtype, SIZE)));
          },
          Rule.R3);
    }
  }

  private static void sizes(CaseList list) {
    for (long[] sizes : Grid.SHAPES) {
      String shape = Dtypes.shape(sizes);
      for (DType dtype : List.of(DType.F32, DType.F16, DType.BF16, DType.I32, DType.U8)) {
        list.graph(
            "add",
            dtype.text(),
            shape,
            "edge",
            g ->
                g.out(
                    g.ops.add(g.in(Regime.NORMAL, dtype, sizes), g.in(Regime.TIES, dtype, sizes))),
            Rule.STRUCTURE);
      }
      list.graph(
          "exp",
          "f32",
          shape,
          "edge",
          g -> g.out(g.ops.unary(UnaryKind.EXP, g.in(Regime.NORMAL, DType.F32, sizes))),
          Rule.STRUCTURE);
      list.graph(
          "select",
          "f32",
          shape,
          "edge",
          g ->
              g.out(
                  g.ops.select(
                      g.in(Regime.UNIFORM, DType.BOOL, sizes),
                      g.in(Regime.NORMAL, DType.F32, sizes),
                      g.in(Regime.NORMAL, DType.F32, sizes))),
          Rule.STRUCTURE);
    }
  }

  static String name(Enum<?> kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }
}
