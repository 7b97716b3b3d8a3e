package dev.lamina.spi.ir;

import java.util.Locale;

/**
 * Element type of a tensor.
 *
 * <p>Quantised storage is not a dtype: it is {@link Layout.Blocked} over {@link #U8}. F64 is not a
 * dtype either; only the oracle of the conformance kit computes in it.
 */
public enum DType {
  /** IEEE 754 binary32. */
  F32(4, Kind.FLOAT),
  /** IEEE 754 binary16. */
  F16(2, Kind.FLOAT),
  /** The upper half of a binary32: 8 exponent bits, 7 mantissa bits. */
  BF16(2, Kind.FLOAT),
  /** 8-bit float, 4 exponent bits, no infinities, one NaN (OCP FP8 E4M3). */
  F8E4M3(1, Kind.FLOAT),
  /** 8-bit float, 5 exponent bits, IEEE-like (OCP FP8 E5M2). */
  F8E5M2(1, Kind.FLOAT),
  /** 64-bit two's complement. */
  I64(8, Kind.SIGNED),
  /** 32-bit two's complement. */
  I32(4, Kind.SIGNED),
  /** 16-bit two's complement. */
  I16(2, Kind.SIGNED),
  /** 8-bit two's complement. */
  I8(1, Kind.SIGNED),
  /** 32-bit unsigned. */
  U32(4, Kind.UNSIGNED),
  /** 16-bit unsigned. */
  U16(2, Kind.UNSIGNED),
  /** 8-bit unsigned. */
  U8(1, Kind.UNSIGNED),
  /** One byte, 0 or 1. */
  BOOL(1, Kind.BOOLEAN);

  private enum Kind {
    FLOAT,
    SIGNED,
    UNSIGNED,
    BOOLEAN
  }

  private final int bytes;
  private final Kind kind;

  DType(int bytes, Kind kind) {
    this.bytes = bytes;
    this.kind = kind;
  }

  /**
   * Size of one element.
   *
   * @return bytes an element
   */
  public int bytes() {
    return bytes;
  }

  /**
   * Whether this is a floating-point type.
   *
   * @return true for F32, F16, BF16 and the two 8-bit floats
   */
  public boolean isFloat() {
    return kind == Kind.FLOAT;
  }

  /**
   * Whether this is an integer type, signed or unsigned.
   *
   * @return false for floats and BOOL
   */
  public boolean isInteger() {
    return kind == Kind.SIGNED || kind == Kind.UNSIGNED;
  }

  /**
   * Whether this is a signed integer type.
   *
   * @return true for I8 to I64
   */
  public boolean isSigned() {
    return kind == Kind.SIGNED;
  }

  /**
   * Whether this can index rows of a tensor.
   *
   * @return true for I32 and I64
   */
  public boolean isIndex() {
    return this == I32 || this == I64;
  }

  /**
   * Name in graph text.
   *
   * @return the lower-case name, such as {@code bf16}
   */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * Reads a name as {@link #text()} writes it.
   *
   * @param text such as {@code bf16}
   * @return the dtype
   * @throws GraphException if there is no dtype of that name
   */
  public static DType parse(String text) {
    for (DType d : values()) {
      if (d.text().equals(text)) {
        return d;
      }
    }
    throw new GraphException("dtype: expected one of f32, f16, bf16, f8e4m3, ..., got " + text);
  }
}
