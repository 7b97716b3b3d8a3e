package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.DType;

/**
 * Bits of a float format to double, which is exact, and back by a single rounding to nearest even.
 *
 * <p>F8E4M3 has no infinities: an overflow gives its NaN (OCP 8-bit floating point specification,
 * non-saturating mode). The others overflow to infinity as IEEE 754 says.
 */
public enum FloatCodec {
  /** IEEE 754 binary32. */
  F32(8, 23, true),
  /** IEEE 754 binary16. */
  F16(5, 10, true),
  /** The upper half of a binary32. */
  BF16(8, 7, true),
  /** OCP E4M3. */
  F8E4M3(4, 3, false),
  /** OCP E5M2. */
  F8E5M2(5, 2, true);

  private final int mantissaBits;
  private final int bias;
  private final boolean hasInfinity;
  private final long infinity;
  private final long nan;
  private final long sign;
  private final double max;

  FloatCodec(int exponentBits, int mantissaBits, boolean hasInfinity) {
    this.mantissaBits = mantissaBits;
    this.bias = (1 << (exponentBits - 1)) - 1;
    this.hasInfinity = hasInfinity;
    this.infinity = ((1L << exponentBits) - 1) << mantissaBits;
    this.nan =
        hasInfinity ? infinity | 1L << (mantissaBits - 1) : infinity | (1L << mantissaBits) - 1;
    this.sign = 1L << (exponentBits + mantissaBits);
    this.max = magnitude(hasInfinity ? infinity - 1 : nan - 1);
  }

  /** The codec of a float dtype. */
  public static FloatCodec of(DType dtype) {
    return switch (dtype) {
      case F32 -> F32;
      case F16 -> F16;
      case BF16 -> BF16;
      case F8E4M3 -> F8E4M3;
      case F8E5M2 -> F8E5M2;
      case I64, I32, I16, I8, U32, U16, U8, BOOL ->
          throw new AssertionError("no float codec for " + dtype);
    };
  }

  /** The value of an element; exact. */
  public double decode(long bits) {
    long m = bits & (sign - 1);
    boolean negative = (bits & sign) != 0;
    if (m > (hasInfinity ? infinity : nan - 1)) {
      return Double.NaN;
    }
    double v = hasInfinity && m == infinity ? Double.POSITIVE_INFINITY : magnitude(m);
    return negative ? -v : v;
  }

  private double magnitude(long m) {
    long exponent = m >> mantissaBits;
    long fraction = m & ((1L << mantissaBits) - 1);
    return exponent == 0
        ? Math.scalb((double) fraction, 1 - bias - mantissaBits)
        : Math.scalb(
            (double) (fraction + (1L << mantissaBits)), (int) exponent - bias - mantissaBits);
  }

  /** The element nearest to a value, ties to even. */
  public long encode(double value) {
    if (Double.isNaN(value)) {
      return nan;
    }
    long s = Double.doubleToRawLongBits(value) < 0 ? sign : 0;
    double a = Math.abs(value);
    if (Double.isInfinite(a)) {
      return s | overflow();
    }
    int exponent = Math.max(Math.getExponent(a), 1 - bias);
    if (exponent > bias + 1) {
      return s | overflow();
    }
    // Scaled by a power of two, hence exact, so that rint is the only rounding.
    long steps = (long) Math.rint(Math.scalb(a, mantissaBits - exponent));
    long m = steps + ((long) (exponent - 1 + bias) << mantissaBits);
    return s | (m >= (hasInfinity ? infinity : nan) ? overflow() : m);
  }

  private long overflow() {
    return hasInfinity ? infinity : nan;
  }

  /** The value of the nearest element. */
  public double round(double value) {
    return decode(encode(value));
  }

  /** Bits that mean not a number. */
  public long nanBits() {
    return nan;
  }

  /** Largest finite value. */
  public double max() {
    return max;
  }

  /** Smallest positive normal value. */
  public double minNormal() {
    return Math.scalb(1.0, 1 - bias);
  }

  /** Smallest positive value. */
  public double minSubnormal() {
    return Math.scalb(1.0, 1 - bias - mantissaBits);
  }

  /** Largest relative error of one rounding: 2^-24, 2^-11, 2^-8, ... */
  public double unitRoundoff() {
    return Math.scalb(1.0, -mantissaBits - 1);
  }

  /** Magnitude from which rounding overflows: half a step above the largest finite value. */
  public double overflowThreshold() {
    return max
        + Math.ulp(Math.scalb(1.0, Math.getExponent(max))) * Math.scalb(0.5, 52 - mantissaBits);
  }
}
