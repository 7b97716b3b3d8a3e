package dev.lamina.backend.sdk;

/** The two OCP 8-bit float formats; conversions from binary32 round once to nearest even. */
final class Float8 {
  private Float8() {}

  /** 4 exponent bits (bias 7), 3 mantissa bits, no infinities; 0x7F and 0xFF are NaN. */
  static float e4m3ToFloat(byte b) {
    int exponent = b >> 3 & 15;
    int mantissa = b & 7;
    float magnitude;
    if (exponent == 15 && mantissa == 7) {
      magnitude = Float.NaN;
    } else if (exponent == 0) {
      magnitude = mantissa * 0x1p-9f;
    } else {
      magnitude = Math.scalb(8 + mantissa, exponent - 10);
    }
    return b < 0 ? -magnitude : magnitude;
  }

  /** Overflow gives NaN, since the format has no infinity. */
  static byte toE4m3(float value) {
    int sign = Float.floatToRawIntBits(value) >>> 24 & 0x80;
    float a = Math.abs(value);
    if (!(a < 464f)) {
      // 464 lies halfway between the largest finite value, 448, and the next step.
      return (byte) (a == 464f ? sign | 0x7E : sign | 0x7F);
    }
    return (byte) (sign | roundMagnitude(a, -6, 3, 7));
  }

  /** 5 exponent bits (bias 15), 2 mantissa bits, infinities and NaN as IEEE 754. */
  static byte toE5m2(float value) {
    int sign = Float.floatToRawIntBits(value) >>> 24 & 0x80;
    float a = Math.abs(value);
    if (Float.isNaN(a)) {
      return (byte) (sign | 0x7E);
    }
    // 61440 lies halfway between the largest finite value, 57344, and the next step.
    return (byte) (sign | (a >= 61440f ? 0x7C : roundMagnitude(a, -14, 2, 15)));
  }

  /** Exponent and mantissa bits of a finite magnitude that does not overflow. */
  private static int roundMagnitude(float a, int minExponent, int mantissaBits, int bias) {
    int exponent = a == 0 ? minExponent : Math.max(Math.getExponent(a), minExponent);
    float steps = (float) Math.rint((double) Math.scalb(a, mantissaBits - exponent));
    int code = (int) steps;
    // A code of 2^bits or more has its leading one; each exponent step adds 2^bits to the code.
    return code + (exponent + bias - 1 << mantissaBits);
  }
}
