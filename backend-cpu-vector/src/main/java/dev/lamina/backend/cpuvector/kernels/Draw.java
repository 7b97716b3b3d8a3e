package dev.lamina.backend.cpuvector.kernels;

/**
 * Draws a token of a row of logits: greedy, or temperature, min-p, top-k and top-p in that order,
 * then the argmax of logits plus Gumbel noise. One instance a thread; grows with the vocabulary.
 *
 * <p>Candidates are a heap with the largest on top, so only as many are sorted as top-k or top-p
 * keep. NaN counts as the least.
 */
public final class Draw {
  private final Philox philox = new Philox();
  private float[] z = new float[0];
  private int[] heap = new int[0];
  private int heapSize;

  /**
   * How to draw.
   *
   * @param temperature 0 = greedy
   * @param topK most candidates, 0 = all
   * @param topP mass of the candidates, 1 = all
   * @param minP least probability as a part of the largest one
   * @param seed of the request
   * @param position of the token
   */
  public record Settings(
      float temperature, int topK, float topP, float minP, long seed, long position) {}

  /** The row to fill before {@link #draw}, with room for n logits. */
  float[] row(int n) {
    if (z.length < n) {
      z = new float[n];
      heap = new int[n];
    }
    return z;
  }

  /** Index of the largest of n, the lowest on a tie. */
  static int argmax(float[] x, int n) {
    int best = 0;
    float most = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      if (x[i] > most) {
        most = x[i];
        best = i;
      }
    }
    return best;
  }

  /** Draws from the n logits in {@link #row}, which it overwrites. */
  int draw(int n, Settings how) {
    int greedy = argmax(z, n);
    if (!(how.temperature > 0) || n == 0) {
      return greedy;
    }
    for (int i = 0; i < n; i++) {
      z[i] = Float.isNaN(z[i]) ? Float.NEGATIVE_INFINITY : z[i] / how.temperature;
    }
    philox.start(how.seed, how.position);
    float most = z[greedy];
    boolean cutsK = how.topK > 0 && how.topK < n;
    if (!cutsK && !(how.topP < 1)) {
      return bestOfAll(n, most, how.minP);
    }
    return bestOfKept(n, most, how, cutsK ? how.topK : n);
  }

  private boolean likely(int i, float most, float minP) {
    return !(minP > 0) || Math.exp(z[i] - most) >= minP;
  }

  private int bestOfAll(int n, float most, float minP) {
    int best = 0;
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      if (z[i] > Float.NEGATIVE_INFINITY && likely(i, most, minP)) {
        float noisy = z[i] + philox.gumbel(i);
        if (noisy > largest) {
          largest = noisy;
          best = i;
        }
      }
    }
    return best;
  }

  private int bestOfKept(int n, float most, Settings how, int topK) {
    heapSize = 0;
    for (int i = 0; i < n; i++) {
      if (likely(i, most, how.minP)) {
        heap[heapSize++] = i;
      }
    }
    for (int i = heapSize / 2 - 1; i >= 0; i--) {
      sink(i);
    }
    int candidates = Math.min(topK, heapSize);
    // Taken candidates collect behind the shrinking heap, the first one last.
    int end = heapSize;
    double total = 0;
    if (candidates == end) {
      for (int i = 0; i < end; i++) {
        total += Math.exp(z[heap[i]] - most);
      }
      return pick(candidates, total, most, how.topP);
    }
    for (int i = 0; i < candidates; i++) {
      total += Math.exp(z[take()] - most);
    }
    double before = 0;
    int best = heap[end - 1];
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < candidates && (i == 0 || before / total < how.topP); i++) {
      int v = heap[end - 1 - i];
      best = better(v, largest) ? v : best;
      largest = Math.max(largest, noisy(v));
      before += Math.exp(z[v] - most);
    }
    return best;
  }

  /** Takes candidates in order until their mass reaches topP. */
  private int pick(int candidates, double total, float most, float topP) {
    double before = 0;
    int best = 0;
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < candidates && (i == 0 || !(topP < 1) || before / total < topP); i++) {
      int v = take();
      best = i == 0 || better(v, largest) ? v : best;
      largest = Math.max(largest, noisy(v));
      before += Math.exp(z[v] - most);
    }
    return best;
  }

  private float noisy(int v) {
    return z[v] + philox.gumbel(v);
  }

  private boolean better(int v, float largest) {
    return noisy(v) > largest;
  }

  /** Moves the largest behind the heap. */
  private int take() {
    int top = heap[0];
    heap[0] = heap[--heapSize];
    heap[heapSize] = top;
    sink(0);
    return top;
  }

  private void sink(int from) {
    int i = from;
    int v = heap[i];
    while (2 * i + 1 < heapSize) {
      int child = 2 * i + 1;
      if (child + 1 < heapSize && before(heap[child + 1], heap[child])) {
        child++;
      }
      if (!before(heap[child], v)) {
        break;
      }
      heap[i] = heap[child];
      i = child;
    }
    if (i < heap.length) {
      heap[i] = v;
    }
  }

  private boolean before(int a, int b) {
    return z[a] > z[b] || z[a] == z[b] && a < b;
  }
}
