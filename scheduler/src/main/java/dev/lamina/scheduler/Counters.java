package dev.lamina.scheduler;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;

/** The engine's counters: written by the engine thread, read by any. */
final class Counters {
  final Counter preemptions = new Counter();
  final Counter steps = new Counter();
  final Counter generationTokens = new Counter();
  final Counter promptTokens = new Counter();
  final Counter prefixHitTokens = new Counter();
  final Counter maxBatch = new Counter();

  /** Requests running now. */
  volatile int numRunning;

  /** KV blocks that no request holds now. */
  volatile int numFreeKvBlocks;

  /** The same for each KV group. */
  volatile AtomicIntegerArray numFreeByGroup = new AtomicIntegerArray(0);

  void admitted(int numPromptTokens, int numCachedTokens) {
    promptTokens.add(numPromptTokens);
    prefixHitTokens.add(numCachedTokens);
  }

  void stepped(int numSeqs) {
    steps.increment();
    if (numSeqs > maxBatch.value()) {
      maxBatch.add(numSeqs - maxBatch.value());
    }
  }

  /** One writer, so a plain read and an ordered write do. */
  static final class Counter {
    private final AtomicLong value = new AtomicLong();

    void increment() {
      add(1);
    }

    void add(long n) {
      value.lazySet(value.getPlain() + n);
    }

    long value() {
      return value.get();
    }
  }
}
