package dev.lamina.backend.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** Folds of axes, running folds along one, choices of the largest, and matrix products. */
public final class Folds {
  private static final int SUM = 0;
  private static final int MAXIMUM = 1;

  /**
   * Elements that are folded apart: a sum of parts rounds less than one of thousands of elements.
   */
  private static final int PART = 64;

  private static final int KEPT_SIZE = 8;
  private static final int KEPT_STRIDE = 24;
  private static final int FOLD_SIZE = 40;
  private static final int FOLD_STRIDE = 56;

  private Folds() {}

  private static int walk(IntArray p, int i, int size, int stride, int rank) {
    int rest = i;
    int at = 0;
    for (int axis = rank - 1; axis >= 0; axis--) {
      int s = p.get(size + 2 * axis);
      at += rest % s * p.get(stride + 2 * axis);
      rest = rest / s;
    }
    return at;
  }

  private static float fold(int kind, float a, float b) {
    float y;
    if (kind == SUM) {
      y = a + b;
    } else if (kind == MAXIMUM) {
      y = Functions.max(a, b);
    } else {
      y = Functions.min(a, b);
    }
    return y;
  }

  private static long fold(int kind, long a, long b) {
    long y;
    if (kind == SUM) {
      y = a + b;
    } else if (kind == MAXIMUM) {
      y = a > b ? a : b;
    } else {
      y = a < b ? a : b;
    }
    return y;
  }

  private static float firstFloat(FloatArray floats, int kind) {
    float y = 0f;
    if (kind != SUM) {
      float infinity = Cells.infinity(floats);
      y = kind == MAXIMUM ? -infinity : infinity;
    }
    return y;
  }

  private static long firstLong(int kind, int dtype) {
    long y = 0L;
    if (kind != SUM) {
      y = kind == MAXIMUM ? Functions.lowest(dtype) : Functions.highest(dtype);
    }
    return y;
  }

  /** A thread a result; the folded axes are walked in row-major order. */
  public static void fold(
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
    int folded = p.get(6);
    int keptRank = p.get(72);
    int foldRank = p.get(73);
    int kind = p.get(74);
    int dtype = p.get(75);
    for (int o = thread; o < n; o += threads) {
      int base = walk(p, o, KEPT_SIZE, KEPT_STRIDE, keptRank);
      float x = firstFloat(floats, kind);
      long v = firstLong(kind, dtype);
      for (int first = 0; first < folded; first += PART) {
        float part = firstFloat(floats, kind);
        int end = TornadoMath.min(folded, first + PART);
        for (int i = first; i < end; i++) {
          int at = base + walk(p, i, FOLD_SIZE, FOLD_STRIDE, foldRank);
          if (dtype <= Cells.F8E5M2) {
            part = fold(kind, part, Cells.load(bytes, shorts, floats, p.get(0), at, dtype));
          } else {
            v = fold(kind, v, Cells.loadLong(bytes, shorts, ints, longs, p.get(0), at, dtype));
          }
        }
        x = fold(kind, x, part);
      }
      if (dtype <= Cells.F8E5M2) {
        Cells.store(bytes, shorts, floats, thread, p.get(2), o, dtype, x);
      } else {
        Cells.storeLong(bytes, shorts, ints, longs, p.get(2), o, dtype, Cells.wrap(dtype, v));
      }
    }
  }

  /** A thread a line. */
  public static void scan(
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
    int length = p.get(6);
    int inner = p.get(8);
    int lines = p.get(4) * inner;
    int kind = p.get(10);
    int exclusive = p.get(11);
    int dtype = p.get(12);
    for (int line = thread; line < lines; line += threads) {
      int base = line / inner * length * inner + line % inner;
      float x = firstFloat(floats, kind);
      long v = firstLong(kind, dtype);
      for (int i = 0; i < length; i++) {
        int at = base + i * inner;
        if (dtype <= Cells.F8E5M2) {
          float next = fold(kind, x, Cells.load(bytes, shorts, floats, p.get(0), at, dtype));
          float kept = exclusive != 0 ? x : next;
          Cells.store(bytes, shorts, floats, thread, p.get(2), at, dtype, kept);
          x = next;
        } else {
          long next =
              fold(kind, v, Cells.loadLong(bytes, shorts, ints, longs, p.get(0), at, dtype));
          long kept = Cells.wrap(dtype, exclusive != 0 ? v : next);
          Cells.storeLong(bytes, shorts, ints, longs, p.get(2), at, dtype, kept);
          v = next;
        }
      }
    }
  }

  /** A thread an element of the product of matrices, of as many as the batch has. */
  public static void matmul(
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
    int a = p.get(0);
    int b = p.get(2);
    int m = p.get(6);
    int n = p.get(8);
    int k = p.get(10);
    int aDtype = p.get(12);
    int bDtype = p.get(13);
    int batch = p.get(Cells.GRID_Z);
    int columnStep = p.get(15) != 0 ? k : 1;
    int rowStep = p.get(15) != 0 ? 1 : n;
    for (int o = thread; o < batch * m * n; o += threads) {
      int column = o % n;
      int row = o / n;
      int aAt = row * k;
      int bAt = row / m * n * k + column * columnStep;
      float sum = 0f;
      for (int i = 0; i < k; i++) {
        sum +=
            Cells.load(bytes, shorts, floats, a, aAt + i, aDtype)
                * Cells.load(bytes, shorts, floats, b, bAt + i * rowStep, bDtype);
      }
      Cells.store(bytes, shorts, floats, thread, p.get(4), o, p.get(14), sum);
    }
  }

  /**
   * The k largest of one line, by insertion into the list of indices: of equals the lower index
   * comes first (R6), as a later one goes behind it, and NaN counts as -infinity.
   */
  private static void pickLine(
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      LongArray longs,
      int x,
      int base,
      int length,
      int inner,
      int dtype,
      int values,
      int indices,
      int to,
      int picks) {
    int list = (indices >> 2) + to;
    int count = 0;
    for (int i = 0; i < length; i++) {
      int at = count;
      float f = 0f;
      long v = 0L;
      if (dtype <= Cells.F8E5M2) {
        f = key(bytes, shorts, floats, x, base + i * inner, dtype);
      } else {
        v = Cells.loadLong(bytes, shorts, ints, longs, x, base + i * inner, dtype);
      }
      for (int q = count - 1; q >= 0; q--) {
        int other = base + ints.get(list + q * inner) * inner;
        float g = 0f;
        long w = 0L;
        if (dtype <= Cells.F8E5M2) {
          g = key(bytes, shorts, floats, x, other, dtype);
        } else {
          w = Cells.loadLong(bytes, shorts, ints, longs, x, other, dtype);
        }
        int found = at;
        if (g < f) {
          found = q;
        }
        if (w < v) {
          found = q;
        }
        q = found < at ? q : 0;
        at = found;
      }
      if (at < picks) {
        int last = TornadoMath.min(count, picks - 1);
        for (int q = last; q > at; q--) {
          ints.set(list + q * inner, ints.get(list + (q - 1) * inner));
        }
        ints.set(list + at * inner, i);
        count = last + 1;
      }
    }
    if (length == 0) {
      ints.set(list, 0);
    }
    if (values != 0) {
      int width = Cells.width(dtype);
      for (int q = 0; q < count; q++) {
        int from = base + ints.get(list + q * inner) * inner;
        Cells.move(bytes, shorts, ints, longs, values, to + q * inner, x, from, width);
      }
    }
  }

  private static float key(
      ByteArray bytes, ShortArray shorts, FloatArray floats, int x, int i, int dtype) {
    float f = Cells.load(bytes, shorts, floats, x, i, dtype);
    return Float.isNaN(f) ? -Cells.infinity(floats) : f;
  }

  /** The k largest along an axis, or with no place for values the index of the largest. */
  public static void pick(
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
    int length = p.get(8);
    int inner = p.get(10);
    int picks = p.get(12);
    for (int line = thread; line < p.get(6) * inner; line += threads) {
      int o = line / inner;
      int in = line % inner;
      int base = o * length * inner + in;
      int to = o * picks * inner + in;
      pickLine(
          bytes, shorts, ints, floats, longs, p.get(0), base, length, inner, p.get(14), p.get(2),
          p.get(4), to, picks);
    }
  }

  /** The k largest of each row of floats; as many rows as the grid has blocks. */
  public static void topRows(
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
    int length = p.get(8);
    int picks = p.get(12);
    for (int row = thread; row < p.get(Cells.GRID_X); row += threads) {
      pickLine(
          bytes,
          shorts,
          ints,
          floats,
          longs,
          p.get(0),
          row * length,
          length,
          1,
          p.get(13),
          p.get(2),
          p.get(4),
          row * picks,
          picks);
    }
  }

  /** The index of each row's largest F32. */
  public static void argmaxRows(
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
    int length = p.get(4);
    for (int row = thread; row < p.get(Cells.GRID_X); row += threads) {
      int at = (p.get(0) >> 2) + row * length;
      float best = -Cells.infinity(floats);
      int index = 0;
      for (int i = 0; i < length; i++) {
        float x = floats.get(at + i);
        if (x > best) {
          best = x;
          index = i;
        }
      }
      ints.set((p.get(2) >> 2) + row, index);
    }
  }
}
