package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Polynomials.E0;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.E1;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.E2;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.E3;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.E4;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.ERF_ONE;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.ERF_SMALL;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.EXP_MAX;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.EXP_MIN;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L0;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L1;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L2;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L3;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L4;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L5;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L6;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L7;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.L8;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.LN2_HIGH;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.LN2_LOW;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.LOG2E;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.ROUNDER;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S0;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S1;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S2;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S3;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S4;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S5;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.S6;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.T0;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.T1;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.T2;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.T3;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.T4;
import static dev.lamina.backend.cpuvector.kernels.Polynomials.TANH_SMALL;

/**
 * Scalar twins of {@link VectorMath}: the same operations in the same order, so the same bits.
 *
 * <p>Each is within 4 ulps for every float, subnormal results included; NaN stays NaN.
 */
final class ScalarMath {
  private ScalarMath() {}

  static float exp(float x) {
    if (x > EXP_MAX) {
      return Float.POSITIVE_INFINITY;
    }
    if (x < EXP_MIN) {
      return 0;
    }
    float shifted = Math.fma(x, LOG2E, ROUNDER);
    float n = shifted - ROUNDER;
    float r = Math.fma(n, -LN2_HIGH, x);
    r = Math.fma(n, -LN2_LOW, r);
    float p = Math.fma(E4, r, E3);
    p = Math.fma(p, r, E2);
    p = Math.fma(p, r, E1);
    p = Math.fma(p, r, E0);
    float y = Math.fma(p, r * r, r) + 1;
    int exponent = Float.floatToRawIntBits(shifted) - Float.floatToRawIntBits(ROUNDER);
    int half = exponent >> 1;
    return y * power(half) * power(exponent - half);
  }

  private static float power(int exponent) {
    return Float.intBitsToFloat(exponent + 127 << 23);
  }

  static float sigmoid(float x) {
    float e = exp(-Math.abs(x));
    return (x < 0 ? e : 1) / (1 + e);
  }

  static float tanh(float x) {
    float a = Math.abs(x);
    if (a < TANH_SMALL) {
      float z = x * x;
      float p = Math.fma(T4, z, T3);
      p = Math.fma(p, z, T2);
      p = Math.fma(p, z, T1);
      p = Math.fma(p, z, T0);
      return Math.fma(p * z, x, x);
    }
    float big = 1 - 2 / (exp(a + a) + 1);
    return withSign(big, x);
  }

  static float erf(float x) {
    float a = Math.abs(x);
    if (a < ERF_SMALL) {
      float z = x * x;
      float p = Math.fma(S6, z, S5);
      p = Math.fma(p, z, S4);
      p = Math.fma(p, z, S3);
      p = Math.fma(p, z, S2);
      p = Math.fma(p, z, S1);
      p = Math.fma(p, z, S0);
      return Math.fma(p, x, x);
    }
    float t = a > ERF_ONE ? ERF_ONE : a;
    float p = Math.fma(L8, t, L7);
    p = Math.fma(p, t, L6);
    p = Math.fma(p, t, L5);
    p = Math.fma(p, t, L4);
    p = Math.fma(p, t, L3);
    p = Math.fma(p, t, L2);
    p = Math.fma(p, t, L1);
    p = Math.fma(p, t, L0);
    return withSign(1 - exp(-p), x);
  }

  private static float withSign(float magnitude, float sign) {
    int bits = Float.floatToRawIntBits(magnitude) | Float.floatToRawIntBits(sign) & 0x80000000;
    return Float.intBitsToFloat(bits);
  }
}
