package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;
import static dev.lamina.backend.cpuvector.kernels.Streaming.GROUP;

import dev.lamina.backend.sdk.BlockDecoder;

/** Scalar twin of {@link VectorStreaming}: the same sums in the same order. */
final class ScalarStreaming {
  private static final int GROUPS = GROUP / BlockDecoder.GROUP;

  private ScalarStreaming() {}

  /** Adds the groups of a row of weights times a row of x to VL sums from {@code at} on. */
  static void groups(
      BlockDecoder.Unpacked u,
      boolean whole,
      int[] order,
      float unit,
      float[] x,
      int xo,
      int cols,
      float[] sums,
      int at) {
    for (int k = 0; k < cols; k += GROUP) {
      int place = k % order.length;
      int from = k - place;
      for (int l = 0; l < VL; l++) {
        // All columns of a lane have one scale.
        float scale = u.scales()[(from + order[place + l]) / BlockDecoder.GROUP];
        float sum = 0;
        for (int i = l; i < GROUP; i += VL) {
          byte level = u.levels()[from + order[place + i]];
          float w = whole ? level * unit : ScalarLevels.eight(level);
          sum = Math.fma(w, x[xo + k + i], sum);
        }
        sums[at + l] = Math.fma(sum, scale, sums[at + l]);
      }
    }
  }

  /** Adds the minima of a row of weights times the sums of a row of x. */
  static void minima(
      BlockDecoder.Unpacked u, float[] xSums, int from, int groups, float[] sums, int at) {
    for (int g = 0; g < groups; g++) {
      int l = at + g % VL;
      sums[l] = Math.fma(u.minima()[GROUPS * g], xSums[from + g], sums[l]);
    }
  }
}
