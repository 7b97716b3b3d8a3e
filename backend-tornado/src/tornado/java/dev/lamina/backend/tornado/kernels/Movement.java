package dev.lamina.backend.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** Kernels that only move elements: copies between strides, ramps, boxes, gather and scatter. */
public final class Movement {
  private static final int INDEX_PAST_END = 1;
  private static final int DUPLICATE_INDEX = 2;
  private static final int BOX_OUTSIDE = 3;

  /** A tensor in a struct: address, sizes, strides, rank, dtype, in words of 32 bits. */
  private static final int SIZE = 2;

  private static final int STRIDE = 18;
  private static final int RANK = 34;
  private static final int TENSOR_WORDS = 36;

  private Movement() {}

  /** Sizes are the destination's; both sides have any strides. */
  public static void copyStrided(
      KernelContext context,
      IntArray p,
      FloatArray numbers,
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      LongArray longs) {
    int thread = context.globalIdx;
    int threads = context.globalGroupSizeX;
    int to = TENSOR_WORDS;
    int n = p.get(72);
    int width = p.get(74);
    int rank = p.get(to + RANK);
    for (int i = thread; i < n; i += threads) {
      int rest = i;
      int f = 0;
      int t = 0;
      for (int axis = rank - 1; axis >= 0; axis--) {
        int size = p.get(to + SIZE + 2 * axis);
        int index = rest % size;
        rest = rest / size;
        f += index * p.get(STRIDE + 2 * axis);
        t += index * p.get(to + STRIDE + 2 * axis);
      }
      Cells.move(bytes, shorts, ints, longs, p.get(to), t, p.get(0), f, width);
    }
  }

  /** The index along an axis. */
  public static void iota(
      KernelContext context,
      IntArray p,
      FloatArray numbers,
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      LongArray longs) {
    int thread = context.globalIdx;
    int threads = context.globalGroupSizeX;
    int n = p.get(2);
    int inner = p.get(4);
    int size = p.get(6);
    int dtype = p.get(8);
    for (int i = thread; i < n; i += threads) {
      int index = i / inner % size;
      if (dtype <= Cells.F8E5M2) {
        Cells.store(bytes, shorts, floats, thread, p.get(0), i, dtype, (float) index);
      } else {
        Cells.storeLong(bytes, shorts, ints, longs, p.get(0), i, dtype, index);
      }
    }
  }

  /** The small tensor's box lies in the large one at starts that only the device knows. */
  public static void box(
      KernelContext context,
      IntArray p,
      FloatArray numbers,
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      LongArray longs) {
    int thread = context.globalIdx;
    int threads = context.globalGroupSizeX;
    int small = TENSOR_WORDS;
    int n = p.get(72);
    int fault = p.get(106);
    int starts = p.get(124);
    int write = p.get(125);
    int width = p.get(126);
    int rank = p.get(small + RANK);
    int base = 0;
    int outside = 0;
    for (int k = 0; k < starts; k++) {
      int axis = p.get(108 + k);
      int start =
          (int) Cells.loadLong(bytes, shorts, ints, longs, p.get(74 + 2 * k), 0, p.get(116 + k));
      int size = p.get(small + SIZE + 2 * axis);
      int end = start + (size - 1) * p.get(90 + 2 * k);
      int limit = p.get(SIZE + 2 * axis);
      if (size > 0) {
        if ((start | limit - 1 - end) < 0) {
          outside = 1;
          if (thread == 0) {
            Cells.report(ints, longs, fault, BOX_OUTSIDE, start < 0 ? start : end, limit);
          }
        }
      }
      base += start * p.get(STRIDE + 2 * axis);
    }
    if (outside == 0) {
      for (int i = thread; i < n; i += threads) {
        int rest = i;
        int at = base;
        int near = 0;
        for (int axis = rank - 1; axis >= 0; axis--) {
          int size = p.get(small + SIZE + 2 * axis);
          int index = rest % size;
          rest = rest / size;
          int scale = 1;
          for (int k = 0; k < starts; k++) {
            if (p.get(108 + k) == axis) {
              scale = p.get(90 + 2 * k);
            }
          }
          at += index * scale * p.get(STRIDE + 2 * axis);
          near += index * p.get(small + STRIDE + 2 * axis);
        }
        if (write != 0) {
          Cells.move(bytes, shorts, ints, longs, p.get(0), at, p.get(small), near, width);
        } else {
          Cells.move(bytes, shorts, ints, longs, p.get(small), near, p.get(0), at, width);
        }
      }
    }
  }

  /** x is [outer, n, row], index [count], out [outer, count, row], in units of so many bytes. */
  public static void gatherRows(
      KernelContext context,
      IntArray p,
      FloatArray numbers,
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      LongArray longs) {
    int thread = context.globalIdx;
    int threads = context.globalGroupSizeX;
    int n = p.get(8);
    int count = p.get(10);
    int row = p.get(12);
    int total = p.get(6) * count * row;
    int dtype = p.get(16);
    int width = p.get(17);
    for (int i = thread; i < total; i += threads) {
      int column = i % row;
      int rows = i / row;
      int o = rows / count;
      long at = Cells.loadLong(bytes, shorts, ints, longs, p.get(2), rows % count, dtype);
      if (at >= n) {
        Cells.report(ints, longs, p.get(14), INDEX_PAST_END, at, n);
      } else if (at < 0L) {
        zero(bytes, shorts, ints, longs, p.get(4), i, width);
      } else {
        int f = (o * n + (int) at) * row + column;
        Cells.move(bytes, shorts, ints, longs, p.get(4), i, p.get(0), f, width);
      }
    }
  }

  private static void zero(
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      LongArray longs,
      int to,
      int t,
      int width) {
    if (width == 1) {
      bytes.set(to + t, (byte) 0);
    } else if (width == 2) {
      shorts.set((to >> 1) + t, (short) 0);
    } else if (width == 4) {
      ints.set((to >> 2) + t, 0);
    } else if (width == 8) {
      longs.set((to >> 3) + t, 0L);
    } else {
      longs.set((to >> 3) + 2 * t, 0L);
      longs.set((to >> 3) + 2 * t + 1, 0L);
    }
  }

  /** The reverse: x is the update [outer, count, row], out the target [outer, n, row]. */
  public static void scatterRows(
      KernelContext context,
      IntArray p,
      FloatArray numbers,
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      LongArray longs) {
    int thread = context.globalIdx;
    int threads = context.globalGroupSizeX;
    int n = p.get(8);
    int count = p.get(10);
    int row = p.get(12);
    int total = p.get(6) * count * row;
    int dtype = p.get(16);
    int width = p.get(17);
    for (int i = thread; i < total; i += threads) {
      int column = i % row;
      int rows = i / row;
      int o = rows / count;
      long at = Cells.loadLong(bytes, shorts, ints, longs, p.get(2), rows % count, dtype);
      if (at >= n) {
        Cells.report(ints, longs, p.get(14), INDEX_PAST_END, at, n);
      } else if (at >= 0L) {
        int t = (o * n + (int) at) * row + column;
        Cells.move(bytes, shorts, ints, longs, p.get(4), t, p.get(0), i, width);
      }
    }
  }

  /**
   * Reports an index that occurs twice, by one thread, for checks alone; there are n zeros that
   * tell what was seen.
   */
  public static void checkDistinct(
      KernelContext context,
      IntArray p,
      FloatArray numbers,
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      LongArray longs) {
    int thread = context.globalIdx;
    int threads = context.globalGroupSizeX;
    int n = p.get(4);
    int count = p.get(6);
    int fault = p.get(8);
    int dtype = p.get(10);
    if (thread == 0) {
      for (int i = 0; i < count; i++) {
        long at = Cells.loadLong(bytes, shorts, ints, longs, p.get(0), i, dtype);
        if (at >= n) {
          Cells.report(ints, longs, fault, INDEX_PAST_END, at, n);
        } else if (at >= 0L) {
          int seen = (p.get(2) >> 2) + (int) at;
          if (ints.get(seen) != 0) {
            Cells.report(ints, longs, fault, DUPLICATE_INDEX, at, n);
          }
          ints.set(seen, 1);
        }
      }
    }
  }

  /**
   * A thread a column, which adds in the order of the indices: the same bits every time. Floats
   * narrower than F32 are added apart and rounded once at the end.
   */
  public static void scatterAdd(
      KernelContext context,
      IntArray p,
      FloatArray numbers,
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      LongArray longs) {
    int thread = context.globalIdx;
    int threads = context.globalGroupSizeX;
    int x = p.get(0);
    int out = p.get(4);
    int sums = p.get(6);
    int n = p.get(10);
    int count = p.get(12);
    int row = p.get(14);
    int columns = p.get(8) * row;
    int indexDtype = p.get(18);
    int dtype = p.get(19);
    for (int c = thread; c < columns; c += threads) {
      int o = c / row;
      int k = c % row;
      int first = o * n * row + k;
      if (sums != 0) {
        for (int r = 0; r < n; r++) {
          int at = first + r * row;
          floats.set((sums >> 2) + at, Cells.load(bytes, shorts, floats, out, at, dtype));
        }
      }
      for (int i = 0; i < count; i++) {
        long at = Cells.loadLong(bytes, shorts, ints, longs, p.get(2), i, indexDtype);
        if (at >= n) {
          Cells.report(ints, longs, p.get(16), INDEX_PAST_END, at, n);
        } else if (at >= 0L) {
          int to = first + (int) at * row;
          int from = (o * count + i) * row + k;
          if (dtype > Cells.F8E5M2) {
            long sum =
                Cells.loadLong(bytes, shorts, ints, longs, out, to, dtype)
                    + Cells.loadLong(bytes, shorts, ints, longs, x, from, dtype);
            Cells.storeLong(bytes, shorts, ints, longs, out, to, dtype, Cells.wrap(dtype, sum));
          } else {
            int target = ((sums != 0 ? sums : out) >> 2) + to;
            float added = Cells.load(bytes, shorts, floats, x, from, dtype);
            floats.set(target, floats.get(target) + added);
          }
        }
      }
      if (sums != 0) {
        for (int r = 0; r < n; r++) {
          int at = first + r * row;
          float sum = floats.get((sums >> 2) + at);
          Cells.store(bytes, shorts, floats, thread, out, at, dtype, sum);
        }
      }
    }
  }

  /** Repeats a pattern of 1, 2, 4 or 8 bytes. */
  public static void fill(
      KernelContext context,
      IntArray p,
      FloatArray numbers,
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      LongArray longs) {
    int thread = context.globalIdx;
    int threads = context.globalGroupSizeX;
    int to = p.get(0);
    int low = p.get(2);
    int high = p.get(3);
    int n = p.get(4);
    int width = p.get(6);
    for (int i = thread; i < n; i += threads) {
      if (width == 1) {
        bytes.set(to + i, (byte) low);
      } else if (width == 2) {
        shorts.set((to >> 1) + i, (short) low);
      } else if (width == 4) {
        ints.set((to >> 2) + i, low);
      } else {
        ints.set((to >> 2) + 2 * i, low);
        ints.set((to >> 2) + 2 * i + 1, high);
      }
    }
  }

  /** Row i of x to slot dst[i]; a pair with a negative member is dropped. */
  public static void scatterPairs(
      KernelContext context,
      IntArray p,
      FloatArray numbers,
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      LongArray longs) {
    int thread = context.globalIdx;
    int threads = context.globalGroupSizeX;
    int n = p.get(8);
    int count = p.get(10);
    int row = p.get(12);
    int width = p.get(16);
    for (int i = thread; i < count * row; i += threads) {
      int pair = i / row;
      int at = ints.get((p.get(4) >> 2) + pair);
      if ((ints.get((p.get(2) >> 2) + pair) | at) >= 0) {
        if (at >= n) {
          Cells.report(ints, longs, p.get(14), INDEX_PAST_END, at, n);
        } else {
          int t = at * row + i % row;
          Cells.move(bytes, shorts, ints, longs, p.get(6), t, p.get(0), i, width);
        }
      }
    }
  }

  /** Copies units of so many bytes, 16 at most, from one place to another. */
  public static void copyRange(
      KernelContext context,
      IntArray p,
      FloatArray numbers,
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      LongArray longs) {
    int thread = context.globalIdx;
    int threads = context.globalGroupSizeX;
    int n = p.get(4);
    int width = p.get(6);
    for (int i = thread; i < n; i += threads) {
      Cells.move(bytes, shorts, ints, longs, p.get(2), i, p.get(0), i, width);
    }
  }
}
