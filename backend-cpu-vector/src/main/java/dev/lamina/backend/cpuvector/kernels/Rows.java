package dev.lamina.backend.cpuvector.kernels;

/**
 * Operations on a row of floats in an array, n a multiple of VL; each picks the vector form or its
 * twin.
 */
final class Rows {
  private Rows() {}

  /** {@code s = tanh(s * scale / cap) * cap + slope * (first + i)}, without cap or slope if 0. */
  static void logits(float[] s, int at, int n, float scale, float cap, float slope, int first) {
    if (HotKernel.ROWS.isWarm()) {
      VectorRows.logits(s, at, n, scale, cap, slope, first);
    } else {
      ScalarRows.logits(s, at, n, scale, cap, slope, first);
    }
  }

  /**
   * Largest value. As ints order them: a NaN counts as above or below all numbers by its sign bit.
   */
  static float max(float[] s, int at, int n) {
    return HotKernel.ROWS.isWarm() ? VectorRows.max(s, at, n) : ScalarRows.max(s, at, n);
  }

  /** {@code s = exp(s - max)}; added to VL partial sums, element i to number i mod VL. */
  static void exp(float[] s, int at, int n, float max, float[] sums, int to) {
    if (HotKernel.ROWS.isWarm()) {
      VectorRows.exp(s, at, n, max, sums, to);
    } else {
      ScalarRows.exp(s, at, n, max, sums, to);
    }
  }

  /** Sum of squares. {@code lanes} is scratch of VL floats. */
  static float sumOfSquares(float[] s, int at, int n, float[] lanes) {
    return HotKernel.ROWS.isWarm()
        ? VectorRows.sumOfSquares(s, at, n, lanes)
        : ScalarRows.sumOfSquares(s, at, n, lanes);
  }

  /** Sum. {@code lanes} is scratch of VL floats. */
  static float sum(float[] s, int at, int n, float[] lanes) {
    return HotKernel.ROWS.isWarm()
        ? VectorRows.sum(s, at, n, lanes)
        : ScalarRows.sum(s, at, n, lanes);
  }

  /** {@code s *= factor}; plain code, which C2 vectorises. */
  static void scale(float[] s, int at, int n, float factor) {
    for (int i = at; i < at + n; i++) {
      s[i] *= factor;
    }
  }

  /** Whether there is no infinity and no NaN. */
  static boolean isFinite(float[] s, int at, int n) {
    return HotKernel.ROWS.isWarm() ? VectorRows.isFinite(s, at, n) : ScalarRows.isFinite(s, at, n);
  }
}
