package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import java.util.Arrays;

/** Scalar twins of {@link VectorRows}. */
final class ScalarRows {
  private ScalarRows() {}

  static void logits(float[] s, int at, int n, float scale, float cap, float slope, int first) {
    for (int i = 0; i < n; i++) {
      float z = s[at + i] * scale;
      if (cap > 0) {
        z = ScalarMath.tanh(z / cap) * cap;
      }
      if (slope != 0) {
        z = Math.fma(slope, (float) (first + i), z);
      }
      s[at + i] = z;
    }
  }

  static float max(float[] s, int at, int n) {
    int max = Integer.MIN_VALUE;
    for (int i = 0; i < n; i++) {
      int bits = Float.floatToRawIntBits(s[at + i]);
      max = Math.max(max, bits ^ (bits >> 31 & 0x7FFFFFFF));
    }
    return fromOrdered(max);
  }

  /** The float whose bits, flipped below the sign where that is set, are an int of its order. */
  static float fromOrdered(int ordered) {
    return Float.intBitsToFloat(ordered ^ (ordered >> 31 & 0x7FFFFFFF));
  }

  static void exp(float[] s, int at, int n, float max, float[] sums, int to) {
    for (int i = 0; i < n; i += VL) {
      for (int l = 0; l < VL; l++) {
        float p = ScalarMath.exp(s[at + i + l] - max);
        s[at + i + l] = p;
        sums[to + l] += p;
      }
    }
  }

  static float sumOfSquares(float[] s, int at, int n, float[] lanes) {
    Arrays.fill(lanes, 0, VL, 0);
    for (int i = 0; i < n; i += VL) {
      for (int l = 0; l < VL; l++) {
        float x = s[at + i + l];
        lanes[l] = Math.fma(x, x, lanes[l]);
      }
    }
    return Lanes.fold(lanes, 0);
  }

  static float sum(float[] s, int at, int n, float[] lanes) {
    Arrays.fill(lanes, 0, VL, 0);
    for (int i = 0; i < n; i += VL) {
      for (int l = 0; l < VL; l++) {
        lanes[l] += s[at + i + l];
      }
    }
    return Lanes.fold(lanes, 0);
  }

  static boolean isFinite(float[] s, int at, int n) {
    for (int i = 0; i < n; i++) {
      if (!Float.isFinite(s[at + i])) {
        return false;
      }
    }
    return true;
  }
}
