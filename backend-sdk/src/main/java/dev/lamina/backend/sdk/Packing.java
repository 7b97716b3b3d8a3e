package dev.lamina.backend.sdk;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a tensor's strides before the symbols have values.
 *
 * <p>Axes of constant size 1 do not count. Any other axis is joined if its stride is the extent of
 * the next one that counts, {@code stride[n] * size[n]}, or 1 if it is the last; joined axes can be
 * viewed as one.
 */
final class Packing {
  private static final long[] NO_DIMS = {};

  private final Sizes sizes;
  private final boolean[] joined;

  private Packing(Sizes sizes, boolean[] joined) {
    this.sizes = sizes;
    this.joined = joined;
  }

  static Packing dense(Sizes sizes) {
    boolean[] joined = new boolean[sizes.rank()];
    Arrays.fill(joined, true);
    return new Packing(sizes, joined);
  }

  /** Of constant strides. */
  static Packing of(Sizes sizes, List<Long> strides) {
    Packing p = dense(sizes);
    for (int i = 0; i < p.joined.length; i++) {
      int n = p.next(i);
      if (n == p.joined.length) {
        p.joined[i] = strides.get(i) == 1;
      } else {
        p.joined[i] =
            sizes.isConstant(n) && strides.get(i) == strides.get(n) * sizes.get(n, NO_DIMS);
      }
    }
    return p;
  }

  /** The next axis that counts, or the rank. */
  private int next(int axis) {
    int n = axis + 1;
    while (n < sizes.rank() && sizes.isOne(n)) {
      n++;
    }
    return n;
  }

  private int previous(int axis) {
    int p = axis - 1;
    while (p >= 0 && sizes.isOne(p)) {
      p--;
    }
    return p;
  }

  /** Whether the elements lie row-major without gaps for all values of the symbols. */
  boolean isContiguous() {
    return isJoined(0, sizes.rank());
  }

  private boolean isJoined(int from, int to) {
    for (int i = from; i < to; i++) {
      if (!joined[i] && !sizes.isOne(i)) {
        return false;
      }
    }
    return true;
  }

  Packing permute(int[] perm, Sizes result) {
    Packing p = dense(result);
    for (int i = 0; i < perm.length; i++) {
      int n = p.next(i);
      int to = n < perm.length ? perm[n] : perm.length;
      p.joined[i] = result.isOne(i) || next(perm[i]) == to && joined[perm[i]];
    }
    return p;
  }

  Packing expand(Sizes result) {
    Packing p = new Packing(result, joined.clone());
    for (int i = 0; i < joined.length; i++) {
      if (!sizes.sameAxis(i, result, i)) {
        p.split(i, p.previous(i));
      }
    }
    return p;
  }

  Packing slice(Sizes result, List<Long> steps) {
    Packing p = new Packing(result, joined.clone());
    for (int i = 0; i < joined.length; i++) {
      if (!sizes.sameAxis(i, result, i)) {
        p.split(-1, previous(i));
      }
      if (steps.get(i) != 1) {
        p.split(i, previous(i));
      }
    }
    return p;
  }

  private void split(int axis, int previous) {
    if (axis >= 0) {
      joined[axis] = false;
    }
    if (previous >= 0) {
      joined[previous] = false;
    }
  }

  /**
   * Another shape over the same elements, without a copy.
   *
   * @return null if some values of the symbols would need a copy
   */
  @Nullable Packing reshape(Sizes result) {
    Packing p = dense(result);
    if (isContiguous()) {
      return p;
    }
    int a = next(-1);
    int b = p.next(-1);
    while (a < sizes.rank() && b < result.rank()) {
      int lastA = a;
      int lastB = b;
      if (!sizes.sameAxis(a, result, b)) {
        int[] ends = group(p, a, b);
        if (ends.length == 0 || !isJoined(a, ends[0])) {
          return null;
        }
        lastA = ends[0];
        lastB = ends[1];
      }
      p.joined[lastB] = joined[lastA];
      a = next(lastA);
      b = p.next(lastB);
    }
    return a >= sizes.rank() && b >= result.rank() ? p : null;
  }

  /** Last axes of the shortest runs from a and b with equal products; empty if there are none. */
  private int[] group(Packing to, int a, int b) {
    int lastA = a;
    int lastB = b;
    if (!sizes.isConstant(a) || !to.sizes.isConstant(b)) {
      return new int[0];
    }
    long pa = sizes.get(a, NO_DIMS);
    long pb = to.sizes.get(b, NO_DIMS);
    while (pa != pb) {
      Packing grow = pa < pb ? this : to;
      int n = grow.next(grow == this ? lastA : lastB);
      if (n == grow.sizes.rank() || !grow.sizes.isConstant(n)) {
        return new int[0];
      }
      if (grow == this) {
        lastA = n;
        pa *= sizes.get(n, NO_DIMS);
      } else {
        lastB = n;
        pb *= to.sizes.get(n, NO_DIMS);
      }
      if (pa == 0 || pb == 0) {
        return new int[0];
      }
    }
    return new int[] {lastA, lastB};
  }
}
