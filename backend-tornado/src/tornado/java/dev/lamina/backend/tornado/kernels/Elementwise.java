package dev.lamina.backend.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.LongArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * Fused elementwise expressions as programs of a small register machine: those that the SDK writes
 * for GPUs. Every value is rounded to its dtype, as if the ops had run one by one.
 */
public final class Elementwise {
  private static final int REGISTERS = 48;
  private static final int CODE = 0;
  private static final int OUT = 2;
  private static final int N = 4;
  private static final int SIZE = 6;
  private static final int INPUTS = 22;
  private static final int INPUT_WORDS = 20;
  private static final int LENGTH = 262;
  private static final int RANK = 263;
  private static final int DENSE = 264;
  private static final int DTYPE = 265;

  private Elementwise() {}

  /** An instruction is four words: op, dtype, result, a | b, c, dtype of a, saturate | 64 bits. */
  public static void elementwise(
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
    float[] x = new float[REGISTERS];
    long[] v = new long[REGISTERS];
    int n = p.get(N);
    int length = p.get(LENGTH);
    int dense = p.get(DENSE);
    int axes = dense == 0 ? p.get(RANK) : 0;
    int code = p.get(CODE) >> 2;
    for (int i = thread; i < n; i += threads) {
      for (int k = 0; k < length; k++) {
        int first = ints.get(code + 4 * k);
        int second = ints.get(code + 4 * k + 1);
        int op = first & 255;
        int dtype = first >> 8 & 255;
        int result = first >> 16 & 255;
        int a = first >> 24 & 255;
        int b = second & 255;
        int c = second >> 8 & 255;
        int from = second >> 16 & 255;
        int saturate = second >> 24 & 255;
        float f = 0f;
        long w = 0L;
        // Of an input that repeats; no axis is walked for anything else.
        int in = INPUTS + INPUT_WORDS * a;
        int walked = op == 0 ? axes : 0;
        int place = dense == 0 ? 0 : i;
        int rest = i;
        for (int axis = walked - 1; axis >= 0; axis--) {
          int size = p.get(SIZE + 2 * axis);
          place += rest % size * p.get(in + 2 + 2 * axis);
          rest = rest / size;
        }
        if (op == 0) {
          if (dtype <= Cells.F8E5M2) {
            f = Cells.load(bytes, shorts, floats, p.get(in), place, dtype);
          } else {
            w = Cells.loadLong(bytes, shorts, ints, longs, p.get(in), place, dtype);
          }
        } else if (op == 1) {
          if (dtype <= Cells.F8E5M2) {
            f = floats.get(code + 4 * k + 2);
          } else {
            w = longs.get((code >> 1) + 2 * k + 1);
          }
        } else if (op == 2) {
          if (v[a] != 0L) {
            f = x[b];
            w = v[b];
          } else {
            f = x[c];
            w = v[c];
          }
        } else if (op == 3) {
          if (from <= Cells.F8E5M2) {
            if (dtype <= Cells.F8E5M2) {
              f = Cells.round(bytes, floats, thread, dtype, x[a]);
            } else {
              w = Functions.toLong(x[a], Cells.bits(bytes, floats, thread, x[a]), dtype, saturate);
            }
          } else if (dtype <= Cells.F8E5M2) {
            f = Cells.round(bytes, floats, thread, dtype, (float) v[a]);
          } else {
            w = Functions.toLong(v[a], dtype, saturate);
          }
        } else if (op >= 48) {
          int less = 0;
          int equal = 0;
          if (from <= Cells.F8E5M2) {
            less = x[a] < x[b] ? 1 : 0;
            equal = x[a] == x[b] ? 1 : 0;
          } else {
            less = v[a] < v[b] ? 1 : 0;
            equal = v[a] == v[b] ? 1 : 0;
          }
          w = op == 48 ? equal : op == 49 ? less : less + equal;
        } else if (op >= 32) {
          if (dtype <= Cells.F8E5M2) {
            f =
                Cells.round(
                    bytes, floats, thread, dtype, Functions.binary(floats, op - 32, x[a], x[b]));
          } else {
            w = Functions.binary(op - 32, dtype, v[a], v[b]);
          }
        } else {
          if (dtype <= Cells.F8E5M2) {
            f = Cells.round(bytes, floats, thread, dtype, Functions.unary(op - 16, x[a]));
          } else {
            w = Functions.unary(op - 16, dtype, v[a]);
          }
        }
        x[result] = f;
        v[result] = w;
      }
      int out = p.get(OUT);
      int dtype = p.get(DTYPE);
      if (dtype <= Cells.F8E5M2) {
        Cells.store(bytes, shorts, floats, thread, out, i, dtype, x[0]);
      } else {
        Cells.storeLong(bytes, shorts, ints, longs, out, i, dtype, v[0]);
      }
    }
  }

  /** The residual stream's sum, without the machine. */
  public static void add(
      KernelContext context,
      IntArray p,
      FloatArray numbers,
      ByteArray bytes,
      ShortArray shorts,
      IntArray ints,
      FloatArray floats,
      LongArray longs) {
    int thread = context.globalIdx;
    int a = p.get(0) >> 2;
    int b = p.get(2) >> 2;
    int out = p.get(4) >> 2;
    int n = p.get(6);
    for (int i = thread; i < n; i += context.globalGroupSizeX) {
      floats.set(out + i, floats.get(a + i) + floats.get(b + i));
    }
  }
}
