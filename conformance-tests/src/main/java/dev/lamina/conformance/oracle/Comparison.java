package dev.lamina.conformance.oracle;

import dev.lamina.conformance.CheckFailedException;
import dev.lamina.spi.ir.DType;
import java.util.Arrays;

/**
 * A result against the truth: NaN and infinities first, then each element, then the tensor's bias.
 */
public final class Comparison {
  /** Fewest inexact elements on which a mean says something. */
  private static final int BIAS_ELEMENTS = 256;

  private final String name;
  private final RefTensor expected;
  private double worst;

  private Comparison(String name, RefTensor expected) {
    this.name = name;
    this.expected = expected;
  }

  /**
   * Compares.
   *
   * @param name of the output, for the message
   * @param expected the truth
   * @param actual the backend's elements, as {@link Elements#read} gives them
   * @param unbiased whether the errors are independent, so that their mean must vanish
   * @return largest error as a part of what is allowed
   * @throws CheckFailedException naming the worst element
   */
  public static double check(String name, RefTensor expected, long[] actual, boolean unbiased) {
    Comparison c = new Comparison(name, expected);
    c.elements(actual);
    if (unbiased) {
      c.bias(actual);
    }
    return c.worst;
  }

  private void elements(long[] actual) {
    int wrong = 0;
    int at = -1;
    double ratioThere = 0;
    for (int i = 0; i < actual.length; i++) {
      double ratio = ratio(i, actual[i]);
      if (ratio > 1) {
        wrong++;
        if (ratio > ratioThere) {
          at = i;
          ratioThere = ratio;
        }
      }
      worst = Math.max(worst, ratio);
    }
    if (wrong > 0) {
      throw new CheckFailedException(describe(at, actual[at], ratioThere, wrong), ratioThere, null);
    }
  }

  /** Error as a part of what is allowed; infinite where nothing but the truth is. */
  private double ratio(int i, long bits) {
    DType dtype = expected.dtype();
    if (!dtype.isFloat()) {
      return bits == expected.integer(i) ? 0 : Double.POSITIVE_INFINITY;
    }
    double y = FloatCodec.of(dtype).decode(bits);
    double r = expected.real(i);
    if (Double.isNaN(r)) {
      return Double.isNaN(y) ? 0 : Double.POSITIVE_INFINITY;
    }
    if (expected.isExact(i)) {
      return bits == expected.bits(i) ? 0 : Double.POSITIVE_INFINITY;
    }
    return overflowAllowed(i, y) ? 0 : finiteRatio(i, y);
  }

  private double finiteRatio(int i, double y) {
    if (Double.isNaN(y) || Double.isInfinite(y)) {
      return Double.POSITIVE_INFINITY;
    }
    return Math.abs(y - expected.real(i)) / expected.bound(i);
  }

  /** Whether the result is an overflow that some right rounding could have met. */
  private boolean overflowAllowed(int i, double y) {
    FloatCodec codec = FloatCodec.of(expected.dtype());
    double r = expected.real(i);
    boolean reaches = Math.abs(r) + expected.bound(i) >= codec.overflowThreshold();
    double overflow = codec.decode(codec.encode(Math.copySign(Double.POSITIVE_INFINITY, r)));
    return reaches && Double.compare(y, overflow) == 0;
  }

  /**
   * The mean error must vanish within six of its standard deviations: catches truncation and small
   * offsets that stay below the bound of every element.
   */
  private void bias(long[] actual) {
    double sum = 0;
    double squares = 0;
    double scale = 0;
    int n = 0;
    for (int i = 0; i < actual.length; i++) {
      double error = Elements.real(expected.dtype(), actual[i]) - expected.real(i);
      if (!expected.isExact(i) && !Double.isNaN(error) && !Double.isInfinite(error)) {
        sum += error;
        squares += error * error;
        scale = Math.max(scale, expected.bound(i));
        n++;
      }
    }
    if (n < BIAS_ELEMENTS) {
      return;
    }
    double mean = sum / n;
    double deviation = Math.sqrt(Math.max(0, squares / n - mean * mean));
    double allowed = 6 * deviation / Math.sqrt(n) + 1e-4 * scale;
    if (Math.abs(mean) > allowed) {
      throw new CheckFailedException(
          "output '%s': expected a mean error of at most %.3g over %d elements, got %.3g: biased"
              .formatted(name, allowed, n, mean),
          Math.abs(mean) / allowed,
          null);
    }
  }

  private String describe(int i, long bits, double ratio, int wrong) {
    long[] index = Axes.index(i, expected.sizes());
    String where = name + Arrays.toString(index).replace(" ", "");
    if (expected.isExact(i)) {
      return "output %s: expected exactly %s, got %s (%d of %d elements are wrong)"
          .formatted(where, show(expected.bits(i)), show(bits), wrong, expected.count());
    }
    return ("output %s: expected %.9g within %.3g, got %s, %.3g times what is allowed"
            + " (%d of %d elements are wrong)")
        .formatted(
            where, expected.real(i), expected.bound(i), show(bits), ratio, wrong, expected.count());
  }

  private String show(long bits) {
    DType dtype = expected.dtype();
    return dtype.isFloat()
        ? "%.9g (0x%x)".formatted(FloatCodec.of(dtype).decode(bits), bits)
        : Long.toString(bits);
  }
}
