package dev.lamina.conformance.oracle;

import dev.lamina.spi.ir.DType;
import java.math.BigDecimal;
import java.math.BigInteger;

/**
 * Elements as longs: raw bits of floats, values of integers (sign- or zero-extended), 0 or 1 of
 * BOOL; little-endian in memory.
 */
public final class Elements {
  private Elements() {}

  /** Reads an element. */
  public static long read(byte[] memory, int at, DType dtype) {
    long bits = 0;
    for (int i = 0; i < dtype.bytes(); i++) {
      bits |= (memory[at + i] & 0xFFL) << (8 * i);
    }
    return dtype.isSigned() ? wrap(dtype, bits) : bits;
  }

  /** Writes an element. */
  public static void write(byte[] memory, int at, DType dtype, long bits) {
    for (int i = 0; i < dtype.bytes(); i++) {
      memory[at + i] = (byte) (bits >> (8 * i));
    }
  }

  /** An integer modulo the width of its type (R4). */
  public static long wrap(DType dtype, long value) {
    int unused = 64 - 8 * dtype.bytes();
    return dtype.isSigned() ? value << unused >> unused : value << unused >>> unused;
  }

  /** The value of an element, rounded where it is an I64 beyond 2^53. */
  public static double real(DType dtype, long bits) {
    return dtype.isFloat() ? FloatCodec.of(dtype).decode(bits) : bits;
  }

  /** Smallest value of an integer type. */
  public static long min(DType dtype) {
    return dtype.isSigned() ? -1L << (8 * dtype.bytes() - 1) : 0;
  }

  /** Largest value of an integer type. */
  public static long max(DType dtype) {
    return dtype.isSigned() ? ~min(dtype) : (1L << (8 * dtype.bytes())) - 1;
  }

  /** Float to integer (R4): truncates, then saturates or wraps; NaN gives 0. */
  public static long truncate(DType dtype, double value, boolean saturate) {
    if (Double.isNaN(value)) {
      return 0;
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? max(dtype) : min(dtype);
    }
    BigInteger exact = new BigDecimal(value).toBigInteger();
    if (saturate) {
      return exact
          .max(BigInteger.valueOf(min(dtype)))
          .min(BigInteger.valueOf(max(dtype)))
          .longValue();
    }
    return wrap(dtype, exact.longValue());
  }

  /**
   * Integer to float by one rounding; a double alone would round an I64 twice.
   *
   * @return the float's bits
   */
  public static long toFloat(DType dtype, long value) {
    double nearest = (double) value;
    if (Math.abs(nearest) < 0x1p53) {
      return FloatCodec.of(dtype).encode(nearest);
    }
    // Round to odd: the low bit of an inexact double remembers that something was cut off.
    BigInteger exact = BigInteger.valueOf(value);
    int cut = exact.abs().bitLength() - 53;
    BigInteger kept = exact.abs().shiftRight(cut);
    if (!kept.shiftLeft(cut).equals(exact.abs())) {
      kept = kept.setBit(0);
    }
    double odd = Math.scalb(kept.doubleValue(), cut);
    return FloatCodec.of(dtype).encode(exact.signum() < 0 ? -odd : odd);
  }
}
