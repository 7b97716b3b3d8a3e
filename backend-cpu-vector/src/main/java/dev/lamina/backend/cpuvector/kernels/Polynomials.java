package dev.lamina.backend.cpuvector.kernels;

/**
 * Coefficients of the functions below, fitted for this project by minimax (Lawson's iteration on
 * Chebyshev nodes), shared by {@link VectorMath} and {@link ScalarMath}.
 */
final class Polynomials {
  static final float LOG2E = 1.44269504f;

  /** ln 2 in two parts, the first with few enough bits that n times it is exact. */
  static final float LN2_HIGH = 0.693359375f;

  static final float LN2_LOW = -2.1219444e-4f;

  /** Adding it rounds to an integer, which then lies in the low mantissa bits. */
  static final float ROUNDER = 12582912f;

  /** Above it exp overflows; below {@link #EXP_MIN} it is less than half the least subnormal. */
  static final float EXP_MAX = 88.72284f;

  static final float EXP_MIN = -103.97208f;

  /** (exp(r) - 1 - r) / r^2 for |r| up to ln(2) / 2. */
  static final float E0 = 0.5f;

  static final float E1 = 0.16666576f;
  static final float E2 = 0.041666374f;
  static final float E3 = 0.008363175f;
  static final float E4 = 0.0013941098f;

  /** Below it tanh is {@code x + x^3 T(x^2)}, above it a quotient of exponentials. */
  static final float TANH_SMALL = 0.625f;

  static final float T0 = -0.33333328f;
  static final float T1 = 0.13332747f;
  static final float T2 = -0.053846695f;
  static final float T3 = 0.020975009f;
  static final float T4 = -0.006062223f;

  /** Below it erf is {@code x + x S(x^2)}, above it {@code 1 - exp(-L(x))}. */
  static final float ERF_SMALL = 0.93f;

  /** From here on erf rounds to 1. */
  static final float ERF_ONE = 3.95f;

  static final float S0 = 0.12837917f;
  static final float S1 = -0.37612632f;
  static final float S2 = 0.11283674f;
  static final float S3 = -0.026858186f;
  static final float S4 = 0.0051979916f;
  static final float S5 = -8.1080798e-4f;
  static final float S6 = 8.2239756e-5f;

  static final float L0 = -1.6308615e-4f;
  static final float L1 = 1.1294487f;
  static final float L2 = 0.6335096f;
  static final float L3 = 0.10805613f;
  static final float L4 = -0.024930384f;
  static final float L5 = 0.0040709754f;
  static final float L6 = -4.0202495e-4f;
  static final float L7 = 1.5214649e-5f;
  static final float L8 = 4.5632146e-7f;

  private Polynomials() {}
}
