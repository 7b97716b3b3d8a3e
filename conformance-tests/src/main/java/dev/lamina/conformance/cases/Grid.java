package dev.lamina.conformance.cases;

import java.util.ArrayList;
import java.util.List;

/** Sizes at which kernels break: empty, one, around powers of two, primes; ranks 0 to 4. */
final class Grid {
  /** Lengths of one axis. */
  static final long[] LENGTHS = {
    0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 257, 1009
  };

  /** A few of them, where each costs more. */
  static final long[] FEW = {0, 1, 3, 31, 33, 64, 129, 257};

  /** Shapes of rank 0 to 4 that hold every length. */
  static final List<long[]> SHAPES = shapes();

  private Grid() {}

  private static List<long[]> shapes() {
    List<long[]> shapes = new ArrayList<>();
    shapes.add(new long[0]);
    for (long n : LENGTHS) {
      shapes.add(new long[] {n});
    }
    shapes.add(new long[] {0, 5});
    shapes.add(new long[] {5, 0});
    shapes.add(new long[] {1, 1});
    shapes.add(new long[] {3, 65});
    shapes.add(new long[] {17, 129});
    shapes.add(new long[] {2, 3, 31});
    shapes.add(new long[] {1, 7, 1});
    shapes.add(new long[] {2, 3, 5, 7});
    shapes.add(new long[] {2, 0, 5, 7});
    return List.copyOf(shapes);
  }
}
