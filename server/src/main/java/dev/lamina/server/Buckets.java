package dev.lamina.server;

import java.util.Arrays;

/** Upper bounds of histogram buckets; vLLM's, with finer ones below for small models. */
final class Buckets {
  /** Seconds to a first token. */
  static final double[] FIRST_TOKEN = {
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40,
    80, 160, 640, 2560
  };

  /** Seconds between two tokens. */
  static final double[] TOKEN = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5,
    7.5, 10, 20, 40, 80
  };

  /** Seconds of a request. */
  static final double[] REQUEST = {
    0.01, 0.05, 0.1, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480,
    960, 1920, 7680
  };

  /** Tokens of a step. */
  static final double[] STEP_TOKENS = {
    1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384
  };

  /** Choices of a request. */
  static final double[] CHOICES = {1, 2, 5, 10, 20};

  private Buckets() {}

  /** 1, 2, 5, 10, 20, ... up to {@code max}. */
  static double[] oneTwoFive(int max) {
    double[] bounds = new double[32];
    int n = 0;
    for (long decade = 1; decade <= max; decade *= 10) {
      for (long digit : new long[] {1, 2, 5}) {
        if (digit * decade <= max) {
          bounds[n++] = digit * decade;
        }
      }
    }
    return Arrays.copyOf(bounds, n);
  }
}
