package dev.lamina.models.ggml;

import java.nio.ByteBuffer;

/**
 * Encodes K blocks. Each sub-block's scale (and minimum) is the least-squares one of the best of
 * several roundings; the errors of large elements count for more, as those of large weights do in a
 * product. Then the scales are rounded under the block's own, and the elements under those.
 */
final class KEncoder {
  private static final int TRIES = 10;
  private static final double STEP = 0.1;

  private KEncoder() {}

  /** Sub-blocks of 32 with {@code scale * q - min}, q in 0..15, scale and min at least 0. */
  static void q4(float[] x, int from, ByteBuffer block) {
    double[] scales = new double[8];
    double[] mins = new double[8];
    for (int sub = 0; sub < 8; sub++) {
      fitAffine(x, from + 32 * sub, scales, mins, sub);
    }
    short dBits = Float.floatToFloat16((float) (max(scales) / 63));
    short dminBits = Float.floatToFloat16((float) (max(mins) / 63));
    double d = Float.float16ToFloat(dBits);
    double dmin = Float.float16ToFloat(dminBits);
    int[] s = new int[8];
    int[] m = new int[8];
    for (int sub = 0; sub < 8; sub++) {
      s[sub] = steps(scales[sub], d, 0, 63);
      m[sub] = steps(mins[sub], dmin, 0, 63);
    }
    block.putShort(dBits).putShort(dminBits);
    putSixBits(s, m, block);
    for (int pair = 0; pair < 4; pair++) {
      for (int i = 0; i < 32; i++) {
        int low = steps(x[from + 64 * pair + i] + dmin * m[2 * pair], d * s[2 * pair], 0, 15);
        int high =
            steps(
                x[from + 64 * pair + 32 + i] + dmin * m[2 * pair + 1], d * s[2 * pair + 1], 0, 15);
        block.put((byte) (low | high << 4));
      }
    }
  }

  private static void putSixBits(int[] s, int[] m, ByteBuffer block) {
    for (int i = 0; i < 4; i++) {
      block.put((byte) (s[i] | s[i + 4] >> 4 << 6));
    }
    for (int i = 0; i < 4; i++) {
      block.put((byte) (m[i] | m[i + 4] >> 4 << 6));
    }
    for (int i = 4; i < 8; i++) {
      block.put((byte) (s[i] & 15 | (m[i] & 15) << 4));
    }
  }

  private static void fitAffine(float[] x, int at, double[] scales, double[] mins, int sub) {
    double least = 0;
    double most = Double.NEGATIVE_INFINITY;
    double squares = 0;
    for (int i = at; i < at + 32; i++) {
      least = Math.min(least, x[i]);
      most = Math.max(most, x[i]);
      squares += x[i] * (double) x[i];
    }
    if (most <= least) {
      mins[sub] = -least;
      return;
    }
    double typical = Math.sqrt(squares / 32);
    double best = Double.POSITIVE_INFINITY;
    for (int t = -TRIES; t <= TRIES; t++) {
      double[] fit = affine(x, at, (most - least) / (15 + STEP * t), -least, typical);
      if (fit[2] < best) {
        best = fit[2];
        scales[sub] = fit[0];
        mins[sub] = fit[1];
      }
    }
  }

  /** Scale, minimum and weighted error of the best line through one rounding. */
  private static double[] affine(float[] x, int at, double scale, double min, double typical) {
    double w = 0;
    double wq = 0;
    double wqq = 0;
    double wx = 0;
    double wqx = 0;
    int[] q = new int[32];
    for (int i = 0; i < 32; i++) {
      q[i] = steps(x[at + i] + min, scale, 0, 15);
      double weight = typical + Math.abs(x[at + i]);
      w += weight;
      wq += weight * q[i];
      wqq += weight * q[i] * q[i];
      wx += weight * x[at + i];
      wqx += weight * q[i] * x[at + i];
    }
    double determinant = w * wqq - wq * wq;
    double fitted = determinant > 0 ? (w * wqx - wq * wx) / determinant : scale;
    double fittedMin = determinant > 0 ? (wq * wqx - wqq * wx) / determinant : min;
    if (fittedMin < 0) {
      // The format has no negative minimum: the line goes through zero.
      fittedMin = 0;
      fitted = wqq > 0 ? wqx / wqq : scale;
    }
    double error = 0;
    for (int i = 0; i < 32; i++) {
      double off = fitted * q[i] - fittedMin - x[at + i];
      error += (typical + Math.abs(x[at + i])) * off * off;
    }
    return new double[] {Math.max(0, fitted), fittedMin, error};
  }

  /** Sub-blocks of 16 with {@code scale * q}, q in -32..31, scales of either sign. */
  static void q6(float[] x, int from, ByteBuffer block) {
    double[] scales = new double[16];
    double most = 0;
    for (int sub = 0; sub < 16; sub++) {
      scales[sub] = fitSigned(x, from + 16 * sub);
      most = Math.abs(scales[sub]) > Math.abs(most) ? scales[sub] : most;
    }
    short dBits = Float.floatToFloat16((float) (most / -128));
    double d = Float.float16ToFloat(dBits);
    byte[] low = new byte[128];
    byte[] high = new byte[64];
    byte[] s = new byte[16];
    for (int i = 0; i < 256; i++) {
      int sub = i / 16;
      s[sub] = (byte) steps(scales[sub], d, -128, 127);
      int q = steps(x[from + i], d * s[sub], -32, 31) + 32;
      int half = i / 128;
      low[64 * half + i % 64] |= (byte) ((q & 15) << 4 * (i / 64 % 2));
      high[32 * half + i % 32] |= (byte) (q >> 4 << 2 * (i / 32 % 4));
    }
    block.put(low).put(high).put(s).putShort(dBits);
  }

  private static double fitSigned(float[] x, int at) {
    double most = 0;
    for (int i = at; i < at + 16; i++) {
      most = Math.abs(x[i]) > Math.abs(most) ? x[i] : most;
    }
    double bestScale = 0;
    double best = Double.POSITIVE_INFINITY;
    for (int t = -TRIES; t <= TRIES; t++) {
      double scale = -most / (32 + STEP * t);
      double wqq = 0;
      double wqx = 0;
      double wxx = 0;
      for (int i = at; i < at + 16; i++) {
        int q = steps(x[i], scale, -32, 31);
        double weight = (double) x[i] * x[i];
        wqq += weight * q * q;
        wqx += weight * q * x[i];
        wxx += weight * x[i] * x[i];
      }
      double error = wqq > 0 ? wxx - wqx * wqx / wqq : wxx;
      if (error < best) {
        best = error;
        bestScale = wqq > 0 ? wqx / wqq : 0;
      }
    }
    return bestScale;
  }

  private static int steps(double x, double step, int min, int max) {
    return step == 0 ? 0 : (int) Math.clamp(Math.rint(x / step), min, max);
  }

  private static double max(double[] values) {
    double most = 0;
    for (double v : values) {
      most = Math.max(most, v);
    }
    return most;
  }
}
