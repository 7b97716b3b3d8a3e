package dev.lamina.backend.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** What writes keys and values, and attention over pages of them by plain loops. */
public final class Attention {
  private static final int INDEX_PAST_END = 1;

  /** Columns of values that a thread takes. */
  public static final int COLUMNS = 64;

  private Attention() {}

  /** A thread an element of a key or a value. */
  public static void append(
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
    int n = p.get(10);
    int limit = p.get(12);
    int keyWidth = p.get(16);
    int valueWidth = p.get(17);
    int width = keyWidth + valueWidth;
    for (int i = thread; i < n * width; i += threads) {
      int t = i / width;
      int c = i % width;
      int slot = ints.get((p.get(4) >> 2) + t);
      if (slot >= limit) {
        Cells.report(ints, longs, p.get(14), INDEX_PAST_END, slot, limit);
      } else if (slot >= 0) {
        if (c < keyWidth) {
          float x = Cells.load(bytes, shorts, floats, p.get(0), t * keyWidth + c, p.get(18));
          int to = slot * keyWidth + c;
          Cells.store(bytes, shorts, floats, thread, p.get(6), to, p.get(20), x);
        } else {
          int v = c - keyWidth;
          float x = Cells.load(bytes, shorts, floats, p.get(2), t * valueWidth + v, p.get(19));
          int to = slot * valueWidth + v;
          Cells.store(bytes, shorts, floats, thread, p.get(8), to, p.get(21), x);
        }
      }
    }
  }

  /**
   * A thread some columns of one head of one row, by a running softmax (arXiv:1805.02867).
   * Positions are those that causality, window and chunk allow, or of these the ones that a list
   * names.
   */
  public static void attention(
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
    int tokens = p.get(24);
    int window = p.get(26);
    int chunk = p.get(28);
    int sequences = p.get(34);
    int page = p.get(36);
    int heads = p.get(37);
    int keyWidth = p.get(39);
    int valueWidth = p.get(40);
    int selected = p.get(41);
    float softcap = numbers.get(45);
    int cu = p.get(6) >> 2;
    int parts = (valueWidth + COLUMNS - 1) / COLUMNS;
    float infinity = Cells.infinity(floats);
    float[] sums = new float[COLUMNS];
    for (int o = thread; o < tokens * heads * parts; o += threads) {
      int part = o % parts;
      int head = o / parts % heads;
      int row = o / parts / heads;
      int begin = part * COLUMNS;
      int columns = valueWidth - begin < COLUMNS ? valueWidth - begin : COLUMNS;
      int s = -1;
      for (int i = 0; i < sequences; i++) {
        if ((row - ints.get(cu + i) | ints.get(cu + i + 1) - 1 - row) >= 0) {
          s = i;
        }
      }
      for (int c = 0; c < columns; c++) {
        sums[c] = 0f;
      }
      float peak = -infinity;
      float total = 0f;
      // A row of no sequence walks over nothing.
      int sequence = TornadoMath.max(s, 0);
      int length = ints.get((p.get(8) >> 2) + sequence);
      int position = length - ints.get(cu + sequence + 1) + row;
      int from = 0;
      int to = p.get(43) != 0 ? position + 1 : length;
      if (window > 0) {
        from = TornadoMath.max(0, position - window + 1);
      }
      if (chunk > 0) {
        int first = position / chunk * chunk;
        from = TornadoMath.max(from, first);
        to = TornadoMath.min(to, first + chunk);
      }
      to = TornadoMath.min(to, length);
      int kvHead = head / (heads / p.get(38));
      int list = (p.get(16) >> 2) + row * selected;
      int qAt = (row * heads + head) * keyWidth;
      int walkFrom = selected > 0 ? 0 : from;
      int walkTo = selected > 0 ? selected : to;
      walkTo = s < 0 ? walkFrom : walkTo;
      for (int j = walkFrom; j < walkTo; j++) {
        int key = j;
        int before = 0;
        if (selected > 0) {
          key = ints.get(list + j);
          before = j;
        }
        int seen = (key - from | to - 1 - key) >= 0 ? 1 : 0;
        for (int b = 0; b < before; b++) {
          if (ints.get(list + b) == key) {
            seen = 0;
          }
        }
        // What is not seen has no elements and the weight of -infinity.
        int elements = seen != 0 ? keyWidth : 0;
        int weighed = seen != 0 ? columns : 0;
        int place = seen != 0 ? key : 0;
        int at =
            ints.get((p.get(10) >> 2) + sequence * p.get(35) + place / page) * page + place % page;
        int keyAt = at * p.get(30) + kvHead * keyWidth;
        float dot = 0f;
        for (int c = 0; c < elements; c++) {
          dot +=
              Cells.load(bytes, shorts, floats, p.get(0), qAt + c, p.get(46))
                  * Cells.load(bytes, shorts, floats, p.get(2), keyAt + c, p.get(47));
        }
        float logit = numbers.get(44) * dot;
        if (softcap > 0f) {
          logit = softcap * TornadoMath.tanh(logit / softcap);
        }
        if (p.get(14) != 0) {
          float slope = Cells.load(bytes, shorts, floats, p.get(14), head, p.get(50));
          logit += slope * (key - position);
        }
        logit = seen != 0 ? logit : -infinity;
        float newPeak = Functions.max(peak, logit);
        float keep = peak == -infinity ? 0f : Functions.exp(peak - newPeak);
        float weight = newPeak == -infinity ? 0f : Functions.exp(logit - newPeak);
        total = total * keep + weight;
        peak = newPeak;
        int valueAt = at * p.get(32) + kvHead * valueWidth + begin;
        for (int c = 0; c < weighed; c++) {
          float v = Cells.load(bytes, shorts, floats, p.get(4), valueAt + c, p.get(48));
          sums[c] = sums[c] * keep + weight * v;
        }
      }
      float sink = -infinity;
      if (p.get(12) != 0) {
        sink = Cells.load(bytes, shorts, floats, p.get(12), head, p.get(49));
      }
      float last = Functions.max(peak, sink);
      float kept = peak == -infinity ? 0f : Functions.exp(peak - last);
      float added = last == -infinity ? 0f : Functions.exp(sink - last);
      total = total * kept + added;
      int outAt = (row * heads + head) * valueWidth + begin;
      for (int c = 0; c < columns; c++) {
        float x = total == 0f ? 0f : sums[c] * kept / total;
        Cells.store(bytes, shorts, floats, thread, p.get(18), outAt + c, p.get(51), x);
      }
    }
  }
}
