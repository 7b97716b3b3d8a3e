package dev.lamina.backend.cpuvector.kernels;

import java.util.function.LongSupplier;

/**
 * A vector kernel run on dummies until C2 has compiled it. That shows in what it allocates: a
 * vector that is not compiled away is an object on the heap, so a compiled kernel is one that
 * allocates nothing. Unlike its time, that does not depend on what else the machine does.
 */
final class Trial {
  /** Runs of a round. */
  static final int RUNS = 64;

  /**
   * Rounds after which C2 will not come: over ten times the most that was seen, 716, also on an
   * overloaded machine.
   */
  static final int MAX_ROUNDS = 10_000;

  private final Runnable kernel;
  private int rounds;
  private boolean compiled;

  /**
   * A kernel to be tried.
   *
   * @param kernel allocates nothing but vectors
   */
  Trial(Runnable kernel) {
    this.kernel = kernel;
  }

  /** Whether a whole round allocated nothing. */
  boolean isCompiled() {
    return compiled;
  }

  /** Whether it was tried often enough to know that it stays as it is. */
  boolean isHopeless() {
    return !compiled && rounds >= MAX_ROUNDS;
  }

  /**
   * Runs the kernel {@link #RUNS} times.
   *
   * @param allocated bytes that this thread has allocated so far
   */
  void round(LongSupplier allocated) {
    long before = allocated.getAsLong();
    for (int i = 0; i < RUNS; i++) {
      kernel.run();
    }
    compiled = allocated.getAsLong() == before;
    rounds++;
  }
}
