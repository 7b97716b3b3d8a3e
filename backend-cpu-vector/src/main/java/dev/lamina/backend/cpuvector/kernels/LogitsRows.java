package dev.lamina.backend.cpuvector.kernels;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Operations on rows of F32 logits {@code [rows, vocab]}, a row a task. Not thread-safe. */
public final class LogitsRows {
  private final WorkerPool pool;
  private final float[][] buffers;
  private final int[][] counts;
  private final Draw[] draws;

  /**
   * Makes the kernels.
   *
   * @param pool threads to use
   */
  public LogitsRows(WorkerPool pool) {
    this.pool = pool;
    buffers = new float[pool.size()][0];
    counts = new int[pool.size()][0];
    draws = new Draw[pool.size()];
    for (int i = 0; i < draws.length; i++) {
      draws[i] = new Draw();
    }
  }

  /**
   * An operand of one of these kernels.
   *
   * @param data holds it
   * @param offset of its first element, in bytes
   */
  public record Place(MemorySegment data, long offset) {
    float f32(long i) {
      return data.get(Lanes.F32, offset + 4 * i);
    }

    int i32(long i) {
      return data.get(Lanes.I32, offset + 4 * i);
    }

    long i64(long i) {
      return data.get(Lanes.I64, offset + 8 * i);
    }
  }

  private float[] buffer(int worker, int vocab) {
    if (buffers[worker].length < vocab) {
      buffers[worker] = new float[vocab];
    }
    return buffers[worker];
  }

  private static void load(Place logits, long row, float[] dst, int vocab) {
    MemorySegment.copy(logits.data, Lanes.F32, logits.offset + 4 * row * vocab, dst, 0, vocab);
  }

  private static void store(float[] src, Place out, long row, int vocab) {
    MemorySegment.copy(src, 0, out.data, Lanes.F32, out.offset + 4 * row * vocab, vocab);
  }

  /**
   * Draws an id a row.
   *
   * @param in logits F32 [R, V]; temperature F32, topK I32, topP F32, minP F32, seed I64, position
   *     I64, each [R]
   * @param ids I32 [R]
   * @param rows R
   * @param vocab V
   */
  public void sample(Place[] in, Place ids, int rows, int vocab) {
    pool.forEach(
        rows,
        (r, worker) -> {
          Draw draw = draws[worker];
          load(in[0], r, draw.row(vocab), vocab);
          Draw.Settings how =
              new Draw.Settings(
                  in[1].f32(r),
                  in[2].i32(r),
                  in[3].f32(r),
                  in[4].f32(r),
                  in[5].i64(r),
                  in[6].i64(r));
          ids.data.set(Lanes.I32, ids.offset + 4L * r, draw.draw(vocab, how));
        });
  }

  /**
   * Applies penalties.
   *
   * @param in logits F32 [R, V], history I32 [R, L], numPrompt I32, presence F32, frequency F32,
   *     repetition F32, each [R]
   * @param out F32 [R, V]
   * @param rows R
   * @param vocab V
   * @param length L
   */
  public void penalties(Place[] in, Place out, int rows, int vocab, int length) {
    pool.forEach(
        rows,
        (r, worker) -> {
          float[] z = buffer(worker, vocab);
          if (counts[worker].length < vocab) {
            counts[worker] = new int[vocab];
          }
          load(in[0], r, z, vocab);
          penalise(in, z, counts[worker], r, vocab, length);
          store(z, out, r, vocab);
        });
  }

  private static void penalise(Place[] in, float[] z, int[] seen, int r, int vocab, int length) {
    int prompt = in[2].i32(r);
    float presence = in[3].f32(r);
    float frequency = in[4].f32(r);
    float repetition = in[5].f32(r);
    long base = (long) r * length;
    for (int i = 0; i < length; i++) {
      int v = in[1].i32(base + i);
      if (v >= 0 && v < vocab) {
        // Bit 0 marks a prompt token, the bits above count the output.
        seen[v] = i < prompt ? seen[v] | 1 : seen[v] + 2;
      }
    }
    for (int i = 0; i < length; i++) {
      int v = in[1].i32(base + i);
      if (v >= 0 && v < vocab && seen[v] != 0) {
        int count = seen[v] >> 1;
        seen[v] = 0;
        float x = z[v] > 0 ? z[v] / repetition : z[v] * repetition;
        z[v] = x - (frequency * count + (count > 0 ? presence : 0));
      }
    }
  }

  /**
   * Hides tokens whose bit is 0.
   *
   * @param logits F32 [R, V]
   * @param mask U32 [R, ceil(V / 32)]
   * @param out F32 [R, V]
   * @param rows R
   * @param vocab V
   */
  public void bitmask(Place logits, Place mask, Place out, int rows, int vocab) {
    int words = (vocab + 31) / 32;
    pool.forEach(
        rows,
        (r, worker) -> {
          float[] z = buffer(worker, vocab);
          load(logits, r, z, vocab);
          for (int w = 0; w < words; w++) {
            int bits = mask.i32((long) r * words + w);
            int end = Math.min(vocab, 32 * w + 32);
            for (int v = 32 * w; v < end && bits != -1; v++) {
              z[v] = (bits >>> (v & 31) & 1) == 0 ? Float.NEGATIVE_INFINITY : z[v];
            }
          }
          store(z, out, r, vocab);
        });
  }

  /**
   * Log-softmax of a row at an id, and its k largest.
   *
   * @param in logits F32 [R, V] and ids I32 [R]
   * @param out chosen F32 [R], top F32 [R, k], topIds I32 [R, k]
   * @param rows R
   * @param vocab V
   * @param k at most V
   */
  public void logprobs(Place[] in, Place[] out, int rows, int vocab, int k) {
    pool.forEach(
        rows,
        (r, worker) -> {
          float[] z = buffer(worker, vocab);
          load(in[0], r, z, vocab);
          float total = logTotal(z, vocab);
          int id = in[1].i32(r);
          float chosen = id < 0 ? 0 : z[id] - total;
          out[0].data.set(Lanes.F32, out[0].offset + 4L * r, chosen);
          int[] best = largest(z, vocab, k);
          for (int i = 0; i < k; i++) {
            long at = 4L * ((long) r * k + i);
            out[1].data.set(Lanes.F32, out[1].offset + at, z[best[i]] - total);
            out[2].data.set(Lanes.I32, out[2].offset + at, best[i]);
          }
        });
  }

  /** {@code log(sum of exp(z))}. */
  private static float logTotal(float[] z, int n) {
    float most = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      most = Math.max(most, z[i]);
    }
    if (Float.isInfinite(most)) {
      return most;
    }
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += ScalarMath.exp(z[i] - most);
    }
    return (float) (most + Math.log(sum));
  }

  /** Indices of the k largest in order, ties lowest first, by insertion: k is small. */
  static int[] largest(float[] z, int n, int k) {
    int[] best = new int[k];
    int size = 0;
    for (int i = 0; i < n; i++) {
      float x = key(z[i]);
      if (size == k && (k == 0 || !(x > key(z[best[k - 1]])))) {
        continue;
      }
      int at = size < k ? size++ : k - 1;
      while (at > 0 && x > key(z[best[at - 1]])) {
        best[at] = best[at - 1];
        at--;
      }
      best[at] = i;
    }
    return Arrays.copyOf(best, size);
  }

  private static float key(float x) {
    return Float.isNaN(x) ? Float.NEGATIVE_INFINITY : x;
  }
}
