package dev.lamina.backend.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** The composites of a layer that touch no state: norm and rope. */
public final class Layers {
  private static final int SECTIONS = 15;

  private Layers() {}

  /** A thread a row: {@code x / sqrt(mean(x^2) + eps) * w}, or {@code * (1 + w)}. */
  public static void rmsNorm(
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
    int weight = p.get(2);
    int rows = p.get(8);
    int width = p.get(10);
    float eps = numbers.get(11);
    int plusOne = p.get(12);
    int xDtype = p.get(13);
    for (int row = thread; row < rows; row += threads) {
      int at = row * width;
      float squares = 0f;
      for (int i = 0; i < width; i++) {
        float v = Cells.load(bytes, shorts, floats, x, at + i, xDtype);
        squares += v * v;
      }
      float scale = 1f / TornadoMath.sqrt(squares / width + eps);
      for (int i = 0; i < width; i++) {
        float v = Cells.load(bytes, shorts, floats, x, at + i, xDtype) * scale;
        if (weight != 0) {
          float w = Cells.load(bytes, shorts, floats, weight, i, p.get(14));
          v = v * (plusOne != 0 ? 1f + w : w);
        }
        Cells.store(bytes, shorts, floats, thread, p.get(6), at + i, p.get(16), v);
      }
    }
  }

  /** A thread a pair that turns, or an element that passes (arXiv:2104.09864). */
  public static void rope(
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
    int out = p.get(6);
    int tokens = p.get(8);
    int heads = p.get(10);
    int width = p.get(11);
    int rotary = p.get(12);
    int interleaved = p.get(13);
    int sections = p.get(SECTIONS);
    int xDtype = p.get(24);
    int outDtype = p.get(25);
    int pairs = rotary / 2;
    int items = width - pairs;
    for (int i = thread; i < tokens * heads * items; i += threads) {
      int item = i % items;
      int head = i / items;
      int at = head * width;
      if (item >= pairs) {
        int to = at + rotary + (item - pairs);
        float v = Cells.load(bytes, shorts, floats, x, to, xDtype);
        Cells.store(bytes, shorts, floats, thread, out, to, outDtype, v);
      } else {
        int row = 0;
        for (int s = 0; s < sections - 1; s++) {
          if (item >= p.get(SECTIONS + 1 + s)) {
            row = s + 1;
          }
        }
        float position = ints.get((p.get(2) >> 2) + row * tokens + head / heads);
        float angle = position * floats.get((p.get(4) >> 2) + item);
        float c = TornadoMath.cos(angle) * numbers.get(14);
        float s = TornadoMath.sin(angle) * numbers.get(14);
        int first = at + (interleaved != 0 ? 2 * item : item);
        int second = at + (interleaved != 0 ? 2 * item + 1 : item + pairs);
        float a = Cells.load(bytes, shorts, floats, x, first, xDtype);
        float b = Cells.load(bytes, shorts, floats, x, second, xDtype);
        Cells.store(bytes, shorts, floats, thread, out, first, outDtype, a * c - b * s);
        Cells.store(bytes, shorts, floats, thread, out, second, outDtype, b * c + a * s);
      }
    }
  }
}
