package dev.lamina.conformance.fuzz;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * One step of a program; its numbers choose among what there is when it is reached.
 *
 * @param kind what to do
 * @param a first choice
 * @param b second choice
 * @param c third choice
 * @param queue which queue takes the command
 * @param extra what it waits for beside what it must: a gate, an earlier command, or nothing
 */
record Step(Kind kind, int a, int b, int c, int queue, int extra) {
  /** What a step does, and how often. */
  enum Kind {
    /** Allocates a buffer where none is. */
    ALLOC(6),
    /** Closes a buffer, whatever still uses it. */
    FREE(4),
    /** Fills a buffer. */
    FILL(8),
    /** Uploads to a buffer. */
    UPLOAD(5),
    /** Copies a buffer. */
    COPY(8),
    /** Binds three buffers anew, once nothing in flight uses the bindings. */
    BIND(8),
    /** Adds two bound buffers into a third. */
    ADD(8),
    /** Records a run, a fill and a copy. */
    RECORD(5),
    /** Replays a recording. */
    REPLAY(14),
    /** Closes a recording, whatever still uses it. */
    FORGET(1),
    /** Makes a gate, a timeline that the host decides. */
    GATE(5),
    /** Opens a gate. */
    SIGNAL(4),
    /** Fails a gate: what waits for it is cancelled. */
    CANCEL(3),
    /** Waits on the host for a command. */
    AWAIT(5),
    /** Reads a buffer back and compares. */
    CHECK(4),
    /** Allocates a pool where none is. */
    POOL(3),
    /** Closes a pool, whatever still uses it. */
    DRAIN(2),
    /** Writes a buffer to a slot of a pool. */
    PUT(5),
    /** Reads a slot of a pool to a buffer. */
    GET(5),
    /** Closes a queue with all that it still has to do, and makes another one. */
    RENEW(1);

    private final int weight;

    Kind(int weight) {
      this.weight = weight;
    }
  }

  /** A random program; buffers and bindings exist before it does anything else. */
  static List<Step> program(Random random, int length) {
    List<Step> steps = new ArrayList<>();
    for (int i = 0; i < Planner.BUFFERS; i++) {
      steps.add(new Step(Kind.ALLOC, i, 0, 0, 0, 0));
      steps.add(new Step(Kind.FILL, i, i + 1, 0, random.nextInt(8), 0));
    }
    for (int i = 0; i < Planner.BINDINGS; i++) {
      steps.add(new Step(Kind.BIND, i, i + 1, i + 2, i, 0));
    }
    while (steps.size() < length) {
      steps.add(
          new Step(
              kind(random),
              random.nextInt(1 << 16),
              random.nextInt(1 << 16),
              random.nextInt(1 << 16),
              random.nextInt(1 << 16),
              random.nextInt(1 << 16)));
    }
    return List.copyOf(steps);
  }

  private static Kind kind(Random random) {
    int total = 0;
    for (Kind k : Kind.values()) {
      total += k.weight;
    }
    int at = random.nextInt(total);
    for (Kind k : Kind.values()) {
      at -= k.weight;
      if (at < 0) {
        return k;
      }
    }
    throw new AssertionError("weights");
  }
}
