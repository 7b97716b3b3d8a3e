package dev.lamina.backend.cpuvector.kernels;

/**
 * Philox-4x32-10, a counter-based generator: the same words for the same seed and position, in any
 * batch. Source: Salmon et al., SC 2011. Not thread-safe.
 */
final class Philox {
  private static final long M0 = 0xD2511F53L;
  private static final long M1 = 0xCD9E8D57L;
  private static final int W0 = 0x9E3779B9;
  private static final int W1 = 0xBB67AE85;

  private final int[] words = new int[4];
  private long seed;
  private long position;
  private int block = -1;

  void start(long newSeed, long newPosition) {
    seed = newSeed;
    position = newPosition;
    block = -1;
  }

  /** {@code -log(-log(u))} for element v, u in (0, 1) from its word. */
  float gumbel(int v) {
    if (v >>> 2 != block) {
      block = v >>> 2;
      generate(block);
    }
    float u = ((words[v & 3] >>> 9) + 0.5f) * 0x1p-23f;
    return -(float) Math.log(-(float) Math.log(u));
  }

  int word(int v) {
    block = v >>> 2;
    generate(block);
    return words[v & 3];
  }

  private void generate(int counter) {
    int c0 = (int) position;
    int c1 = (int) (position >>> 32);
    int c2 = counter;
    int c3 = 0;
    int k0 = (int) seed;
    int k1 = (int) (seed >>> 32);
    for (int round = 0; round < 10; round++) {
      long a = (c0 & 0xFFFFFFFFL) * M0;
      long b = (c2 & 0xFFFFFFFFL) * M1;
      c0 = (int) (b >>> 32) ^ c1 ^ k0;
      c1 = (int) b;
      c2 = (int) (a >>> 32) ^ c3 ^ k1;
      c3 = (int) a;
      k0 += W0;
      k1 += W1;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
  }
}
