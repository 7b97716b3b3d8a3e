package dev.lamina.backend.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Copies between the memory and arrays that TornadoVM carries to the device and back. */
public final class Staging {
  private Staging() {}

  /** Bytes of a staging array to an address, by words where it is a multiple of 4. */
  public static void in(
      KernelContext context, IntArray p, IntArray staging, ByteArray bytes, IntArray ints) {
    int thread = context.globalIdx;
    int threads = context.globalGroupSizeX;
    int to = p.get(0);
    int n = p.get(2);
    int words = (to & 3) == 0 ? n / 4 : 0;
    for (int i = thread; i < words; i += threads) {
      ints.set((to >> 2) + i, staging.get(i));
    }
    for (int i = 4 * words + thread; i < n; i += threads) {
      bytes.set(to + i, (byte) (staging.get(i >> 2) >> 8 * (i & 3)));
    }
  }

  /** Bytes from an address to a staging array. */
  public static void out(
      KernelContext context, IntArray p, IntArray staging, ByteArray bytes, IntArray ints) {
    int thread = context.globalIdx;
    int threads = context.globalGroupSizeX;
    int from = p.get(0);
    int n = p.get(2);
    if ((from & 3) == 0) {
      // Memory goes on behind what was asked for, as far as allocations are aligned.
      for (int i = thread; i < (n + 3) / 4; i += threads) {
        staging.set(i, ints.get((from >> 2) + i));
      }
    } else {
      for (int i = thread; i < (n + 3) / 4; i += threads) {
        int word = 0;
        for (int b = 0; b < 4; b++) {
          int at = 4 * i + b < n ? from + 4 * i + b : from;
          word = word | (bytes.get(at) & 255) << 8 * b;
        }
        staging.set(i, word);
      }
    }
  }
}
