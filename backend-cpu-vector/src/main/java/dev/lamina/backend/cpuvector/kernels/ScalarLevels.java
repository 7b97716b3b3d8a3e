package dev.lamina.backend.cpuvector.kernels;

import dev.lamina.backend.sdk.BlockDecoder;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Scalar twin of {@link VectorLevels}: the same numbers; their products are those of {@link
 * ScalarDot}.
 */
final class ScalarLevels {
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, Lanes.LE);

  private ScalarLevels() {}

  /** Elements {@code from} to {@code to} of a piece whose first one goes to {@code out[at]}. */
  static void widen(
      LevelForm form, BlockDecoder.Unpacked u, int from, int to, float[] out, int at) {
    for (int k = from; k < to; k++) {
      out[at + k] = weight(form, u, k);
    }
  }

  /** Element k of what was unpacked. */
  static float weight(LevelForm form, BlockDecoder.Unpacked u, int k) {
    int group = k / BlockDecoder.GROUP;
    byte level = u.levels()[k];
    return switch (form) {
      case SCALED -> u.scales()[group] * level;
      case RAISED -> u.scales()[group] * level + u.minima()[group];
      case FLOAT8 -> u.scales()[group] * eight(level);
    };
  }

  /** Whether one of n 8-bit floats is NaN: all bits set but the sign. */
  static boolean hasNan(byte[] levels, int n) {
    long seen = 0;
    for (int i = 0; i < n; i += 8) {
      seen |= ((long) LONGS.get(levels, i) & 0x7F7F7F7F7F7F7F7FL) + 0x0101010101010101L;
    }
    return (seen & 0x8080808080808080L) != 0;
  }

  /** A float of 8 bits. */
  static float eight(byte level) {
    int size = level & 127;
    float f = Float.intBitsToFloat(size << 20 | level & 0x80000000) * 0x1p120f;
    return size == 127 ? Float.NaN : f;
  }
}
