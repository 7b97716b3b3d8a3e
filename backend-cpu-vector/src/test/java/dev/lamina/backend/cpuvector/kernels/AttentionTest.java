package dev.lamina.backend.cpuvector.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class AttentionTest {
  private static final long SEED = 4711;
  private static final int PAGE = 16;

  /** A batch with its pool; pages are dealt in random order and unused slots hold NaN. */
  private static final class Batch {
    final AttentionSpec spec;
    final AttentionArgs args = new AttentionArgs();
    final int[] queries;
    final int[] kvLens;
    final int[][] pages;

    Batch(AttentionSpec spec, DType pool, int[] queries, int[] kvLens, boolean extras, Random r) {
      this.spec = spec;
      this.queries = queries;
      this.kvLens = kvLens;
      int numSeqs = queries.length;
      int maxPages = 1;
      int numPages = 3;
      int numTokens = 2;
      for (int s = 0; s < numSeqs; s++) {
        int n = (kvLens[s] + spec.slotsPerPage() - 1) / spec.slotsPerPage();
        maxPages = Math.max(maxPages, n);
        numPages += n;
        numTokens += queries[s];
      }
      pages = new int[numSeqs][maxPages];
      deal(numPages, r);
      args.numTokens = numTokens;
      args.numSeqs = numSeqs;
      args.maxPages = maxPages;
      args.q = Samples.normal(DType.F32, numTokens * spec.numHeads() * spec.dimK(), 0, r);
      args.out = Samples.rows(DType.F32, numTokens * spec.numHeads() * spec.dimV(), 0);
      args.keys = pool(pool, numPages, spec.dimK(), r);
      args.values = pool(pool, numPages, spec.dimV(), r);
      args.sinks = extras ? Samples.normal(DType.F32, spec.numHeads(), 0, r) : null;
      args.alibi = extras ? Samples.normal(DType.F32, spec.numHeads(), 0, r) : null;
      fillIndices();
    }

    private void deal(int numPages, Random r) {
      int[] order = new int[numPages];
      for (int i = 0; i < numPages; i++) {
        int j = r.nextInt(i + 1);
        order[i] = order[j];
        order[j] = i;
      }
      int next = 0;
      for (int s = 0; s < pages.length; s++) {
        for (int i = 0; i * spec.slotsPerPage() < kvLens[s]; i++) {
          pages[s][i] = order[next++];
        }
      }
    }

    private Matrix pool(DType type, int numPages, int dim, Random r) {
      int slots = numPages * spec.slotsPerPage();
      int cols = spec.numKvHeads() * dim;
      Linear.Rows rows = Samples.normal(type, slots * cols, 0, r);
      boolean[] used = new boolean[slots];
      for (int s = 0; s < pages.length; s++) {
        for (int j = 0; j < kvLens[s]; j++) {
          used[slot(s, j)] = true;
        }
      }
      for (int i = 0; i < slots * cols; i++) {
        if (!used[i / cols]) {
          Elements.store(type, rows.data(), (long) i * type.bytes(), Float.NaN);
        }
      }
      return Matrix.dense(type, rows.data(), 0, slots, cols);
    }

    private void fillIndices() {
      int n = queries.length;
      args.cuSeqlensQ = Samples.memory(4L * (n + 1), 0);
      args.kvLens = Samples.memory(4L * n, 0);
      args.blockTable = Samples.memory(4L * n * args.maxPages, 0);
      int at = 1;
      for (int s = 0; s <= n; s++) {
        args.cuSeqlensQ.set(Lanes.I32, 4L * s, at);
        if (s < n) {
          at += queries[s];
          args.kvLens.set(Lanes.I32, 4L * s, kvLens[s]);
          for (int i = 0; i < args.maxPages; i++) {
            args.blockTable.set(Lanes.I32, 4L * (s * args.maxPages + i), pages[s][i]);
          }
        }
      }
    }

    int slot(int s, int j) {
      return pages[s][j / spec.slotsPerPage()] * spec.slotsPerPage() + j % spec.slotsPerPage();
    }

    int seqOf(int t) {
      int at = 1;
      for (int s = 0; s < queries.length; s++) {
        if (t >= at && t < at + queries[s]) {
          return s;
        }
        at += queries[s];
      }
      return -1;
    }

    float[] run(WorkerPool pool) {
      new Attention(pool).run(spec, args);
      return Samples.floats(
          AttentionArgs.given(args.out), args.numTokens * spec.numHeads() * spec.dimV());
    }
  }

  private static float at(@Nullable Matrix m, int row, int col) {
    Matrix matrix = AttentionArgs.given(m);
    return Elements.load(
        matrix.type, matrix.data, matrix.row(row) + (long) col * matrix.type.bytes());
  }

  private static float at(Linear.@Nullable Rows rows, int i) {
    return rows == null ? 0 : Samples.at(rows, i);
  }

  /** The definition in double precision, one query row and head. */
  private static double[] truth(Batch b, int t, int h) {
    AttentionSpec spec = b.spec;
    double[] out = new double[spec.dimV()];
    int s = b.seqOf(t);
    if (s < 0) {
      return out;
    }
    int kvLen = b.kvLens[s];
    int position = kvLen - b.args.cuSeqlensQ(s + 1) + t;
    int g = h / spec.group();
    double[] logits = new double[kvLen];
    double max = b.args.sinks == null ? Double.NEGATIVE_INFINITY : at(b.args.sinks, h);
    for (int j = 0; j < kvLen; j++) {
      logits[j] = logit(b, t, h, g, j, position, s);
      max = Math.max(max, logits[j]);
    }
    double total = b.args.sinks == null ? 0 : Math.exp(at(b.args.sinks, h) - max);
    for (int j = 0; j < kvLen; j++) {
      double p = Math.exp(logits[j] - max);
      total += p;
      for (int d = 0; d < out.length && p > 0; d++) {
        out[d] += p * at(b.args.values, b.slot(s, j), g * spec.dimV() + d);
      }
    }
    for (int d = 0; d < out.length && total > 0; d++) {
      out[d] /= total;
    }
    return out;
  }

  private static double logit(Batch b, int t, int h, int g, int j, int position, int s) {
    AttentionSpec spec = b.spec;
    boolean allowed =
        (!spec.causal() || j <= position)
            && (spec.window() == 0 || j > position - spec.window())
            && (spec.chunk() == 0 || j / spec.chunk() == position / spec.chunk());
    if (!allowed) {
      return Double.NEGATIVE_INFINITY;
    }
    double sum = 0;
    for (int d = 0; d < spec.dimK(); d++) {
      float q = at(b.args.q, (t * spec.numHeads() + h) * spec.dimK() + d);
      sum += (double) q * at(b.args.keys, b.slot(s, j), g * spec.dimK() + d);
    }
    sum *= spec.scale();
    if (spec.softcap() > 0) {
      sum = spec.softcap() * Math.tanh(sum / spec.softcap());
    }
    return sum + at(b.args.alibi, h) * (j - position);
  }

  private static void check(Batch b) {
    try (WorkerPool pool = new WorkerPool(2)) {
      float[][] got = new float[2][];
      Samples.onBoth(() -> got[0] = b.run(pool), () -> got[1] = b.run(pool));
      assertThat(got[1]).as("vector = twin, %s, seed %d", b.spec, SEED).isEqualTo(got[0]);
      for (int t = 0; t < b.args.numTokens; t++) {
        for (int h = 0; h < b.spec.numHeads(); h++) {
          double[] expected = truth(b, t, h);
          for (int d = 0; d < b.spec.dimV(); d++) {
            float y = got[0][(t * b.spec.numHeads() + h) * b.spec.dimV() + d];
            assertThat((double) y)
                .as("%s row %d head %d element %d", b.spec, t, h, d)
                .isCloseTo(expected[d], org.assertj.core.data.Offset.offset(2e-5));
          }
        }
      }
    }
  }

  private static AttentionSpec spec(int hq, int hkv, int dk, int dv) {
    return new AttentionSpec(hq, hkv, dk, dv, PAGE, 0.3f, true, 0, 0, 0);
  }

  @Test
  void run_isTheDefinition_inMixedBatches() {
    Random r = new Random(SEED);
    for (DType pool : Samples.TYPES) {
      check(
          new Batch(
              spec(4, 2, 64, 64), pool, new int[] {1, 40, 3}, new int[] {130, 40, 67}, false, r));
    }
  }

  @Test
  void run_isTheDefinition_forOddSizesAndPages() {
    Random r = new Random(SEED);
    for (int page : new int[] {1, 3, 16, 48}) {
      for (int dim : new int[] {1, 7, 16, 31, 33, 80}) {
        AttentionSpec s = new AttentionSpec(3, 1, dim, dim + 1, page, 0.2f, true, 0, 0, 0);
        check(new Batch(s, DType.F32, new int[] {5, 1}, new int[] {63, 65}, false, r));
      }
    }
  }

  @Test
  void run_appliesWindowChunkSoftcapSinksAndSlopes() {
    Random r = new Random(SEED);
    for (int window : new int[] {0, 1, 17, 64}) {
      for (int chunk : new int[] {0, 24}) {
        for (boolean causal : new boolean[] {true, false}) {
          AttentionSpec s = new AttentionSpec(4, 2, 16, 16, PAGE, 0.5f, causal, window, chunk, 3f);
          check(new Batch(s, DType.F32, new int[] {70, 1, 2}, new int[] {70, 99, 2}, true, r));
        }
      }
    }
  }

  @Test
  void run_givesZeros_whereNothingIsAllowed() {
    Random r = new Random(SEED);
    Batch b = new Batch(spec(2, 1, 16, 16), DType.F32, new int[] {0, 3}, new int[] {0, 2}, true, r);
    check(b);
    try (WorkerPool pool = new WorkerPool(1)) {
      float[] y = b.run(pool);
      for (int i = 0; i < 2 * 2 * 16; i++) {
        assertThat(y[i]).isZero();
      }
    }
  }

  @Test
  void run_isFinite_forHugeLogits_andKeepsNaNOfHiddenPositionsOut() {
    Random r = new Random(SEED);
    AttentionSpec s = new AttentionSpec(2, 1, 16, 16, PAGE, 200f, true, 0, 0, 0);
    Batch b = new Batch(s, DType.F32, new int[] {20}, new int[] {20}, false, r);
    MemorySegment values = AttentionArgs.given(b.args.values).data;
    MemorySegment keys = AttentionArgs.given(b.args.keys).data;
    for (int d = 0; d < 16; d++) {
      values.set(Lanes.F32, 4L * (b.slot(0, 19) * 16 + d), Float.NaN);
      keys.set(Lanes.F32, 4L * (b.slot(0, 19) * 16 + d), Float.NaN);
    }
    try (WorkerPool pool = new WorkerPool(2)) {
      Runnable run =
          () -> {
            float[] y = b.run(pool);
            for (int i = 0; i < 20 * 2 * 16; i++) {
              assertThat(y[i]).isFinite();
            }
            assertThat(y[20 * 2 * 16]).isNaN();
          };
      Samples.onBoth(run, run);
    }
  }

  @Test
  void run_givesTheSameBits_wholeAndByChunks() {
    Random r = new Random(SEED);
    AttentionSpec s = spec(4, 2, 32, 32);
    Batch whole = new Batch(s, DType.F32, new int[] {90}, new int[] {90}, false, r);
    try (WorkerPool pool = new WorkerPool(2)) {
      float[] all = whole.run(pool).clone();
      int row = 4 * 32;
      for (int n : new int[] {1, 7, 64}) {
        for (int from = 0; from < 90; from += n) {
          int to = Math.min(90, from + n);
          AttentionArgs.given(whole.args.cuSeqlensQ).set(Lanes.I32, 0, 1 + from);
          AttentionArgs.given(whole.args.cuSeqlensQ).set(Lanes.I32, 4, 1 + to);
          AttentionArgs.given(whole.args.kvLens).set(Lanes.I32, 0, to);
          float[] part = whole.run(pool);
          for (int i = (1 + from) * row; i < (1 + to) * row; i++) {
            assertThat(part[i]).as("chunk %d element %d", n, i).isEqualTo(all[i]);
          }
        }
      }
    }
  }
}
