package dev.lamina.conformance.cases;

import dev.lamina.conformance.CheckFailedException;
import dev.lamina.conformance.Context;
import dev.lamina.conformance.oracle.Elements;
import dev.lamina.conformance.oracle.RefTensor;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import dev.lamina.spi.CompileOptions;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * How far runs that should agree are apart. Where the device declares the guarantee they must agree
 * in every bit; where not, the distance is measured and only a gross one fails.
 */
final class Drift {
  /** Part of the largest magnitude beyond which a difference is no rounding of any format. */
  private static final double GROSS = 0.02;

  private final String name;
  private final boolean bits;
  private double worst;
  private long different;
  private long compared;

  /**
   * Nothing compared yet.
   *
   * @param name of what is compared
   * @param bits whether every bit must agree
   */
  Drift(String name, boolean bits) {
    this.name = name;
    this.bits = bits;
  }

  /** The options that ask for a guarantee, if the device declares it. */
  static CompileOptions options(Context context, Cap... wanted) throws BackendException {
    return options(context, false, wanted);
  }

  /** The same, every composite decomposed if so asked. */
  static CompileOptions options(Context context, boolean decompose, Cap... wanted)
      throws BackendException {
    Set<CompileOptions.Guarantee> asked = EnumSet.noneOf(CompileOptions.Guarantee.class);
    for (Cap cap : wanted) {
      if (context.has(cap)) {
        asked.add(CompileOptions.Guarantee.valueOf(cap.name()));
      }
    }
    return new CompileOptions(decompose, false, false, asked);
  }

  /** Compares all outputs of two runs. */
  void compare(String where, List<RefTensor> expected, List<RefTensor> got) {
    for (int i = 0; i < expected.size(); i++) {
      compare(where + ", out" + i, expected.get(i), got.get(i));
    }
  }

  /** Compares two tensors of one shape. */
  void compare(String where, RefTensor expected, RefTensor got) {
    double scale = scale(expected);
    for (int i = 0; i < expected.count(); i++) {
      compared++;
      if (expected.bits(i) == got.bits(i)) {
        continue;
      }
      double a = Elements.real(expected.dtype(), expected.bits(i));
      double b = Elements.real(expected.dtype(), got.bits(i));
      double apart = Math.abs(a - b) / scale;
      boolean number = Double.isNaN(a) == Double.isNaN(b);
      boolean nan = Double.isNaN(a) && Double.isNaN(b);
      boolean gross = expected.dtype().isFloat() && !nan && !(number && apart <= GROSS);
      if (bits && !nan || gross) {
        throw new CheckFailedException(
            "%s: %s: expected %s at element %d as in the other run, got %s"
                .formatted(name, where, show(expected, i, a), i, show(got, i, b)));
      }
      different += nan ? 0 : 1;
      worst = Math.max(worst, nan || !expected.dtype().isFloat() ? worst : apart);
    }
  }

  private static String show(RefTensor t, int i, double value) {
    return t.dtype().isFloat()
        ? "%.9g (0x%x)".formatted(value, t.bits(i))
        : Long.toString(t.bits(i));
  }

  private static double scale(RefTensor t) {
    double scale = 0x1p-126;
    for (int i = 0; i < t.count(); i++) {
      double v = Math.abs(Elements.real(t.dtype(), t.bits(i)));
      scale = Double.isNaN(v) || Double.isInfinite(v) ? scale : Math.max(scale, v);
    }
    return scale;
  }

  /** Reports what was measured where the bits were free. */
  void report(Context context, String guarantee) {
    if (!bits) {
      String path = "drift." + guarantee + "." + name;
      context.measure(path, worst, "of the largest magnitude", remark());
    }
  }

  private String remark() {
    return different == 0
        ? "not declared; all %d elements agree".formatted(compared)
        : "not declared; %d of %d elements differ".formatted(different, compared);
  }
}
