package dev.lamina.spi.ir;

/**
 * A constant as its bits, so that NaN payloads and 64-bit integers survive.
 *
 * @param dtype its type
 * @param bits the element's bits in the low end; sign-extended for signed integers
 */
public record Scalar(DType dtype, long bits) {
  /**
   * A binary32 constant.
   *
   * @param value the value
   * @return the scalar
   */
  public static Scalar f32(double value) {
    return new Scalar(DType.F32, Float.floatToRawIntBits((float) value) & 0xFFFFFFFFL);
  }

  /**
   * An integer or BOOL constant.
   *
   * @param dtype an integer type or BOOL
   * @param value the value, wrapped to the type's width
   * @return the scalar
   */
  public static Scalar integer(DType dtype, long value) {
    if (dtype.isFloat()) {
      throw new GraphException("scalar: expected an integer dtype, got " + dtype.text());
    }
    int unused = 64 - 8 * dtype.bytes();
    long bits = dtype.isSigned() ? value << unused >> unused : value << unused >>> unused;
    return new Scalar(dtype, bits);
  }

  @Override
  public String toString() {
    return dtype.text() + ":0x" + Long.toHexString(bits);
  }
}
