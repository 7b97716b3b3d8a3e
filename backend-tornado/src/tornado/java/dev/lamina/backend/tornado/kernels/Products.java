package dev.lamina.backend.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** Projections: {@code out = x w^T + bias}, w plain or in blocks of Q8_0 or Q4_0. */
public final class Products {
  private static final int BLOCK = 32;

  /** Rows that a thread takes. */
  private static final int ROWS = 4;

  private static final int Q8_0_BYTES = 34;
  private static final int Q4_0_BYTES = 18;

  /** Where a format's description has the bytes of a block. */
  private static final int FORMAT_BYTES = 27;

  private Products() {}

  /** Four elements of a row of x and of w, each product added to a sum of its own. */
  private static float plain(
      ByteArray bytes,
      ShortArray shorts,
      FloatArray floats,
      int x,
      int xAt,
      int xDtype,
      int w,
      int wAt,
      int wDtype,
      int k) {
    float a = 0f;
    float b = 0f;
    float c = 0f;
    float d = 0f;
    int whole = k / 4 * 4;
    for (int i = 0; i < whole; i += 4) {
      a +=
          Cells.load(bytes, shorts, floats, x, xAt + i, xDtype)
              * Cells.load(bytes, shorts, floats, w, wAt + i, wDtype);
      b +=
          Cells.load(bytes, shorts, floats, x, xAt + i + 1, xDtype)
              * Cells.load(bytes, shorts, floats, w, wAt + i + 1, wDtype);
      c +=
          Cells.load(bytes, shorts, floats, x, xAt + i + 2, xDtype)
              * Cells.load(bytes, shorts, floats, w, wAt + i + 2, wDtype);
      d +=
          Cells.load(bytes, shorts, floats, x, xAt + i + 3, xDtype)
              * Cells.load(bytes, shorts, floats, w, wAt + i + 3, wDtype);
    }
    for (int i = whole; i < k; i++) {
      a +=
          Cells.load(bytes, shorts, floats, x, xAt + i, xDtype)
              * Cells.load(bytes, shorts, floats, w, wAt + i, wDtype);
    }
    return (a + b) + (c + d);
  }

  /** The same over blocks: the scale of each multiplies every level, as the format says. */
  private static float blocks(
      ByteArray bytes,
      ShortArray shorts,
      FloatArray floats,
      int x,
      int xAt,
      int xDtype,
      int w,
      int wAt,
      int blockBytes,
      int k) {
    float a = 0f;
    float b = 0f;
    int half = BLOCK / 2;
    for (int first = 0; first < k; first += BLOCK) {
      int block = w + (wAt + first) / BLOCK * blockBytes;
      int scaleBits = (bytes.get(block) & 255) | (bytes.get(block + 1) & 255) << 8;
      float scale = floats.get(Cells.F16_TABLE + scaleBits);
      int count = k - first < half ? k - first : half;
      for (int i = 0; i < count; i++) {
        int low = bytes.get(block + 2 + i);
        int high = bytes.get(block + 2 + (blockBytes == Q8_0_BYTES ? half : 0) + i);
        if (blockBytes == Q4_0_BYTES) {
          // Levels are taken from the signed byte: the offset comes off last.
          low = (low & 15) - 8;
          high = (high >> 4 & 15) - 8;
        }
        int at = xAt + first + i;
        a += Cells.load(bytes, shorts, floats, x, at, xDtype) * (scale * low);
        b += Cells.load(bytes, shorts, floats, x, at + half, xDtype) * (scale * high);
      }
    }
    return a + b;
  }

  /** Of the two loops one has nothing to do: no loop stands in a branch whose value is used. */
  private static float product(
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      int x,
      int xAt,
      int xDtype,
      int w,
      int wAt,
      int wDtype,
      int format,
      int k) {
    int plainK = format == 0 ? k : 0;
    int blockK = k - plainK;
    int blockBytes = Q8_0_BYTES;
    if (format != 0) {
      blockBytes = ints.get((format >> 2) + FORMAT_BYTES);
    }
    return plain(bytes, shorts, floats, x, xAt, xDtype, w, wAt, wDtype, plainK)
        + blocks(bytes, shorts, floats, x, xAt, xDtype, w, wAt, blockBytes, blockK);
  }

  /**
   * A thread a column of some rows. F32 rows times F16 or BF16 weights take a loop of their own, in
   * which a weight is looked up once for all rows.
   */
  public static void linear(
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
    int bias = p.get(4);
    int format = p.get(8);
    int m = p.get(10);
    int n = p.get(12);
    int k = p.get(14);
    int xDtype = p.get(16);
    int wDtype = p.get(17);
    int other = xDtype - Cells.F32 | wDtype - Cells.F16 >> 1 | format;
    int looked = other == 0 ? k : 0;
    int table = wDtype == Cells.F16 ? Cells.F16_TABLE : Cells.BF16_TABLE;
    int w = p.get(2) >> 1;
    for (int o = thread; o < (m + ROWS - 1) / ROWS * n; o += threads) {
      int first = o / n * ROWS;
      int column = o % n;
      int rows = TornadoMath.min(ROWS, m - first);
      // Rows that are not there are the last one again.
      int x0 = (p.get(0) >> 2) + first * k;
      int x1 = x0 + TornadoMath.min(1, rows - 1) * k;
      int x2 = x0 + TornadoMath.min(2, rows - 1) * k;
      int x3 = x0 + TornadoMath.min(3, rows - 1) * k;
      float a = 0f;
      float b = 0f;
      float c = 0f;
      float d = 0f;
      for (int i = 0; i < looked; i++) {
        float v = floats.get(table + (shorts.get(w + column * k + i) & 0xFFFF));
        a += v * floats.get(x0 + i);
        b += v * floats.get(x1 + i);
        c += v * floats.get(x2 + i);
        d += v * floats.get(x3 + i);
      }
      for (int r = 0; r < rows; r++) {
        int row = first + r;
        float sum = r < 2 ? r < 1 ? a : b : r < 3 ? c : d;
        sum +=
            product(
                bytes,
                shorts,
                ints,
                floats,
                p.get(0),
                row * k,
                xDtype,
                p.get(2),
                column * k,
                wDtype,
                format,
                k - looked);
        if (bias != 0) {
          sum += Cells.load(bytes, shorts, floats, bias, column, p.get(18));
        }
        Cells.store(bytes, shorts, floats, thread, p.get(6), row * n + column, p.get(19), sum);
      }
    }
  }

  /** A thread an element of the result: the row of one expert for one choice of one token. */
  public static void experts(
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
    int bias = p.get(6);
    int format = p.get(10);
    int experts = p.get(14);
    int n = p.get(16);
    int k = p.get(18);
    int choices = p.get(20);
    int xDtype = p.get(22);
    for (int o = thread; o < p.get(12) * choices * n; o += threads) {
      int choice = o / n;
      int column = o % n;
      int expert = ints.get((p.get(4) >> 2) + choice);
      int valid = (expert | experts - 1 - expert) >= 0 ? 1 : 0;
      int xAt = (p.get(21) != 0 ? choice : choice / choices) * k;
      int wAt = (expert * n + column) * k;
      int length = valid != 0 ? k : 0;
      float sum =
          product(
              bytes, shorts, ints, floats, p.get(0), xAt, xDtype, p.get(2), wAt, p.get(23), format,
              length);
      if (bias != 0) {
        if (valid != 0) {
          sum += Cells.load(bytes, shorts, floats, bias, expert * n + column, p.get(24));
        }
      }
      Cells.store(bytes, shorts, floats, thread, p.get(8), o, p.get(25), sum);
    }
  }
}
