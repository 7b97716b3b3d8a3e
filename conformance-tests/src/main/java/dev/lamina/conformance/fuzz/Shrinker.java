package dev.lamina.conformance.fuzz;

import java.util.ArrayList;
import java.util.List;

/** Leaves out what a failure does not need: halves first, then ever smaller pieces. */
final class Shrinker {
  /** Whether a shorter program still fails. */
  @FunctionalInterface
  interface Failing {
    boolean test(List<Step> steps) throws Exception;
  }

  private final Failing failing;
  private final long deadline;

  /**
   * Makes a shrinker.
   *
   * @param failing the question asked of each shorter program
   * @param nanos longest time to go on asking
   */
  Shrinker(Failing failing, long nanos) {
    this.failing = failing;
    this.deadline = System.nanoTime() + nanos;
  }

  /** A program that fails and from which no single step can be taken, if there was time. */
  List<Step> shrink(List<Step> program) throws Exception {
    List<Step> steps = program;
    boolean shorter = true;
    while (shorter) {
      shorter = false;
      for (int piece = Math.max(1, steps.size() / 2); piece >= 1; piece /= 2) {
        List<Step> left = without(steps, piece);
        shorter |= left.size() < steps.size();
        steps = left;
      }
    }
    return steps;
  }

  private List<Step> without(List<Step> program, int piece) throws Exception {
    List<Step> steps = program;
    for (int from = 0; from < steps.size() && System.nanoTime() < deadline; ) {
      List<Step> shorter = new ArrayList<>(steps);
      shorter.subList(from, Math.min(steps.size(), from + piece)).clear();
      if (failing.test(shorter)) {
        steps = shorter;
      } else {
        from += piece;
      }
    }
    return steps;
  }
}
