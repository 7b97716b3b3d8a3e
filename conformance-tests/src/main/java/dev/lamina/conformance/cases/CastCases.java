package dev.lamina.conformance.cases;

import dev.lamina.conformance.Rule;
import dev.lamina.conformance.oracle.Elements;
import dev.lamina.conformance.oracle.FloatCodec;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.ir.CoreOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Scalar;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.Value;

/** Cast between every pair of dtypes, bitcast between every pair of widths, iota and fill. */
final class CastCases {
  private static final int SIZE = 513;

  private CastCases() {}

  static void addTo(CaseList list) {
    for (DType from : DType.values()) {
      for (DType to : DType.values()) {
        cast(list, from, to);
        bitcast(list, from, to);
      }
    }
    outOfRange(list);
    constants(list);
  }

  private static void cast(CaseList list, DType from, DType to) {
    String name = "to=" + to.text();
    if (to == DType.BOOL && from != DType.BOOL) {
      cast(list, from, to, name + ",zero-or-one", false, zeroOrOne(from), Rule.R4);
    } else if (from.isFloat() && to.isInteger()) {
      Source inside =
          to.isSigned() && to.bytes() > 1
              ? Source.reals(r -> () -> r.nextGaussian() * 40)
              : Source.reals(r -> () -> r.nextDouble() * 120);
      cast(list, from, to, name + ",inside", false, inside, Rule.R4);
      cast(list, from, to, name + ",sat", true, Regime.WIDE, Rule.R4);
      cast(list, from, to, name + ",sat-special", true, Regime.INFINITE, Rule.R4);
      cast(list, from, to, name + ",nan", false, positiveOrNan(), Rule.R4);
    } else if (from.isInteger() && to.isFloat()) {
      cast(list, from, to, name + ",rounds", false, exactInF32(from, to), Rule.R1);
    } else if (from.isFloat()) {
      cast(list, from, to, name + ",normal", false, Regime.NORMAL, Rule.R1);
      cast(list, from, to, name + ",halfway", false, halfway(to), Rule.R1);
      if (to.bytes() > 1) {
        cast(list, from, to, name + ",wide", false, Regime.WIDE, Rule.R3);
        cast(list, from, to, name + ",infinite", false, Regime.INFINITE, Rule.R3);
        cast(list, from, to, name + ",nans", false, Regime.NANS, Rule.R3);
        cast(list, from, to, name + ",subnormal", false, Regime.SUBNORMAL, Rule.R3);
      }
    } else {
      cast(list, from, to, name, false, Regime.UNIFORM, Rule.R4);
    }
  }

  private static Source zeroOrOne(DType from) {
    return from.isFloat() ? Source.cycleReals(0, 1, 1, 0, 1) : Source.cycle(0, 1, 1, 0, 1);
  }

  private static Source positiveOrNan() {
    return Source.cycleReals(Double.NaN, 3, 0.75, Double.NaN, 17.5, 0);
  }

  /**
   * Integers that a float of 24 bits holds, where the target is narrower than that: the rules leave
   * open whether an integer goes through F32 on its way to a 16-bit float.
   */
  private static Source exactInF32(DType from, DType to) {
    return to == DType.F32 ? Regime.UNIFORM : Source.between(from.isSigned() ? -4097 : 0, 4098);
  }

  /** Values halfway between two neighbours of the target, and just beside: where rounding shows. */
  private static Source halfway(DType to) {
    double step = 2 * FloatCodec.of(to).unitRoundoff();
    return Source.reals(r ->
        () -> {
          double base = 1 + step * r.nextInt(Math.max(1, (int) Math.min(1 / step, 128)));
          // A little beside shows a wrong rounding, a hair beside shows two roundings.
          double off = r.nextBoolean() ? step / 64 : 0x1p-22;
          double beside = (r.nextInt(3) - 1) * Math.min(off, step / 4);
          double v = Math.scalb(base + step / 2 + beside, r.nextInt(5) - 2);
          return r.nextBoolean() ? v : -v;
        });
  }

  private static void cast(
      CaseList list, DType from, DType to, String attrs, boolean sat, Source source, Rule rule) {
    list.graph(
        "cast",
        from.text(),
        Dtypes.shape(SIZE),
        attrs,
        g -> {
          Value x = g.in(source, from, SIZE);
          g.out(g.ops.add(new CoreOp.Cast(to, sat), x));
        },
        rule);
  }

  private static void outOfRange(CaseList list) {
    Source beyond = Source.reals(r -> () -> (2 * r.nextDouble() - 1) * 0x1p40);
    for (DType to : Dtypes.INTEGERS) {
      cast(list, DType.F32, to, "to=" + to.text() + ",wraps", false, beyond, Rule.R4);
    }
  }

  private static void bitcast(CaseList list, DType from, DType to) {
    if (from == DType.BOOL || to == DType.BOOL) {
      return;
    }
    boolean sameWidth = from.bytes() == to.bytes();
    if (!sameWidth && from != DType.U8 && to != DType.U8) {
      return;
    }
    long[] sizes =
        from == DType.U8 && !sameWidth ? new long[] {67, to.bytes()} : new long[] {3, 67};
    Source bits =
        (dtype, shape, random) -> {
          RefTensor.Builder out = new RefTensor.Builder(dtype, shape);
          for (int i = 0; i < out.count(); i++) {
            out.exact(i, Elements.wrap(dtype, random.nextLong()));
          }
          return out.build();
        };
    list.graph(
        "bitcast",
        from.text(),
        Dtypes.shape(sizes),
        "to=" + to.text(),
        g -> g.out(g.ops.bitcast(g.in(bits, from, sizes), to)),
        Rule.STRUCTURE);
  }

  private static void constants(CaseList list) {
    for (DType dtype : DType.values()) {
      long bits = dtype == DType.BOOL ? 1 : 0x5A5A5A5A5A5A5A5AL;
      Scalar value =
          dtype.isFloat()
              ? new Scalar(dtype, bits & (1L << 8 * dtype.bytes()) - 1)
              : Scalar.integer(dtype, bits);
      for (long[] sizes : new long[][] {{}, {0}, {1}, {257}, {3, 65}}) {
        list.graph(
            "fill",
            dtype.text(),
            Dtypes.shape(sizes),
            "-",
            g -> g.out(g.ops.fill(Shape.of(sizes), value)),
            Rule.STRUCTURE);
      }
      if (dtype != DType.BOOL) {
        iota(list, dtype, 0, 129);
        iota(list, dtype, 0, 5, 7);
        iota(list, dtype, 1, 5, 7);
        iota(list, dtype, 1, 3, 0);
      }
    }
    iota(list, DType.F16, 0, 4099);
    iota(list, DType.BF16, 0, 777);
    iota(list, DType.U8, 0, 300);
  }

  private static void iota(CaseList list, DType dtype, int dim, long... sizes) {
    list.graph(
        "iota",
        dtype.text(),
        Dtypes.shape(sizes),
        "dim=" + dim,
        g -> g.out(g.ops.iota(Shape.of(sizes), dim, dtype)),
        Rule.R1);
  }
}
