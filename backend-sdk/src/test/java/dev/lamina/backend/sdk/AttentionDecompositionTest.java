package dev.lamina.backend.sdk;

import static dev.lamina.backend.sdk.Composite.assertClose;
import static dev.lamina.backend.sdk.Composite.uniform;
import static org.assertj.core.api.Assertions.assertThat;

import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.Dim;
import dev.lamina.spi.ir.StateSpec;
import dev.lamina.spi.ir.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Decomposed paged attention against softmax in doubles, key by key. */
class AttentionDecompositionTest {
  private static final int KV_HEADS = 2;
  private static final int GROUP = 3;
  private static final int HEADS = KV_HEADS * GROUP;
  private static final int KEY_DIM = 5;
  private static final int VALUE_DIM = 3;

  /** Rows before the first sequence, queries and lengths of the sequences, rows after the last. */
  record Batch(int before, int[] queries, int[] lengths, int after, int page) {
    int tokens() {
      return before + Arrays.stream(queries).sum() + after;
    }

    long[] cuSeqlensQ() {
      long[] cu = new long[queries.length + 1];
      cu[0] = before;
      for (int s = 0; s < queries.length; s++) {
        cu[s + 1] = cu[s] + queries[s];
      }
      return cu;
    }
  }

  private static CompositeOp.PagedAttention op(boolean causal, long window, long chunk) {
    return new CompositeOp.PagedAttention(0, 0.4, causal, window, chunk, 0, false, false);
  }

  private static final CompositeOp.PagedAttention CAUSAL = op(true, 0, 0);

  static List<CompositeOp.PagedAttention> variants() {
    return List.of(
        CAUSAL,
        op(false, 0, 0),
        op(true, 1, 0),
        op(true, 5, 0),
        op(false, 16, 0),
        op(true, 0, 4),
        op(true, 3, 16),
        op(true, 1L << 40, 1L << 40),
        new CompositeOp.PagedAttention(0, 0.4, true, 0, 0, 1.5, false, false),
        new CompositeOp.PagedAttention(0, 0.4, true, 0, 0, 0, true, false),
        new CompositeOp.PagedAttention(0, 0.4, true, 0, 0, 0, false, true),
        new CompositeOp.PagedAttention(0, 0.4, true, 7, 0, 2, true, true));
  }

  private final Random random = new Random(11);

  @ParameterizedTest
  @MethodSource("variants")
  void attention_matchesSoftmaxOnARaggedBatch(CompositeOp.PagedAttention op) {
    Batch mixed = new Batch(0, new int[] {7, 1, 0, 2}, new int[] {7, 33, 0, 17}, 0, 16);
    check(op, mixed, DType.F32, 2e-6);
  }

  @ParameterizedTest
  @MethodSource("variants")
  void attention_givesZerosToRowsOfNoSequence(CompositeOp.PagedAttention op) {
    Batch padded = new Batch(2, new int[] {3, 1, 0, 0}, new int[] {4, 9, 0, 0}, 3, 16);
    check(op, padded, DType.F32, 2e-6);
  }

  @Test
  void attention_worksInTilesOfTokens() {
    Batch longPrefill = new Batch(1, new int[] {70, 1, 60}, new int[] {75, 40, 60}, 5, 16);
    check(CAUSAL, longPrefill, DType.F32, 2e-6);
  }

  @Test
  void attention_takesPagesOfOneSlotAndOfThousands() {
    check(CAUSAL, new Batch(0, new int[] {3, 2}, new int[] {5, 2}, 0, 1), DType.F32, 2e-6);
    check(CAUSAL, new Batch(0, new int[] {3, 2}, new int[] {5, 2}, 1, 2048), DType.F32, 2e-6);
  }

  @Test
  void attention_readsHalfPrecisionPools() {
    Batch batch = new Batch(0, new int[] {4, 1}, new int[] {20, 18}, 0, 16);
    check(CAUSAL, batch, DType.F16, 2e-6);
    check(CAUSAL, batch, DType.BF16, 2e-6);
  }

  private void check(CompositeOp.PagedAttention op, Batch b, DType stored, double share) {
    Composite c = new Composite();
    int sequences = b.queries().length;
    int pages = Math.max(1, Arrays.stream(b.lengths()).max().orElse(0) / b.page() + 1);
    // Every page but the table's is garbage, and so is what lies past a sequence's length.
    int numSlots = (sequences * pages + 3) * b.page();
    Array k = nan(stored, numSlots, KEY_DIM);
    Array v = nan(stored, numSlots, VALUE_DIM);
    long[] table = new long[sequences * pages];
    for (int i = 0; i < table.length; i++) {
      table[i] = (i * 7L + 2) % (sequences * pages);
    }
    boolean coprime = sequences * pages % 7 != 0;
    assertThat(coprime).as("the table is a permutation").isTrue();
    for (int s = 0; s < sequences; s++) {
      for (int j = 0; j < b.lengths()[s]; j++) {
        int slot = (int) table[s * pages + j / b.page()] * b.page() + j % b.page();
        fillRow(k, slot, KEY_DIM);
        fillRow(v, slot, VALUE_DIM);
      }
      for (int i = (b.lengths()[s] + b.page() - 1) / b.page(); i < pages; i++) {
        table[s * pages + i] = -1;
      }
    }
    double[] q = uniform(random, b.tokens() * HEADS * KEY_DIM);
    Array queries = Array.f32(q, b.tokens(), HEADS, KEY_DIM);
    Array sinks = Array.f32(uniform(random, HEADS), HEADS);
    Array slopes = Array.f32(random.doubles(HEADS, 0, 0.3).toArray(), HEADS);

    Dim t = Dim.sym("T", 1, 4096);
    Dim s = Dim.sym("S", 1, 8);
    StateSpec spec =
        new StateSpec(
            "kv.0",
            b.page(),
            new Dim.Sym("slots.kv.0", b.page(), 1L << 20, b.page()),
            List.of(
                new StateSpec.Entry("k", 0, stored, List.of(KV_HEADS, KEY_DIM)),
                new StateSpec.Entry("v", 0, stored, List.of(KV_HEADS, VALUE_DIM))));
    List<Value> operands = new ArrayList<>();
    operands.add(c.in(queries, t, Dim.of(HEADS), Dim.of(KEY_DIM)));
    operands.add(c.state(spec, k, v));
    operands.add(c.in(Array.i32(b.cuSeqlensQ()), Dim.sym("S1", 2, 9)));
    operands.add(c.in(Array.i32(Arrays.stream(b.lengths()).asLongStream().toArray()), s));
    operands.add(c.in(Array.ints(DType.I32, table, sequences, pages), s, Dim.sym("P", 1, 64)));
    if (op.sinks()) {
      operands.add(c.in(sinks));
    }
    if (op.alibi()) {
      operands.add(c.in(slopes));
    }
    Value out = c.g.pagedAttention(op, operands.toArray(Value[]::new));
    double[] expected = expected(op, b, queries, k, v, table, pages, sinks.floats, slopes.floats);
    assertClose(c.run(out).getFirst(), expected, share);
  }

  private static Array nan(DType dtype, int slots, int width) {
    Array a = new Array(dtype, slots, KV_HEADS, width);
    Arrays.fill(a.floats, Double.NaN);
    return a;
  }

  private void fillRow(Array pool, int slot, int width) {
    for (int i = 0; i < KV_HEADS * width; i++) {
      pool.set(slot * KV_HEADS * width + i, random.nextDouble(-3, 3));
    }
  }

  private static double[] expected(
      CompositeOp.PagedAttention op,
      Batch b,
      Array q,
      Array k,
      Array v,
      long[] table,
      int pages,
      double[] sinks,
      double[] slopes) {
    double[] out = new double[b.tokens() * HEADS * VALUE_DIM];
    int token = b.before();
    for (int s = 0; s < b.queries().length; s++) {
      for (int i = 0; i < b.queries()[s]; i++, token++) {
        int p = b.lengths()[s] - b.queries()[s] + i;
        for (int h = 0; h < HEADS; h++) {
          double sum = op.sinks() ? Math.exp(sinks[h]) : 0;
          double[] acc = new double[VALUE_DIM];
          for (int j = 0; j < b.lengths()[s]; j++) {
            if (!allowed(op, p, j)) {
              continue;
            }
            long slot = table[s * pages + j / b.page()] * b.page() + j % b.page();
            double logit = 0;
            for (int d = 0; d < KEY_DIM; d++) {
              logit += q.floats[q.at(token, h, d)] * k.floats[k.at(slot, h / GROUP, d)];
            }
            logit *= op.scale();
            logit = op.softcap() > 0 ? op.softcap() * Math.tanh(logit / op.softcap()) : logit;
            logit += op.alibi() ? slopes[h] * (j - p) : 0;
            sum += Math.exp(logit);
            for (int d = 0; d < VALUE_DIM; d++) {
              acc[d] += Math.exp(logit) * v.floats[v.at(slot, h / GROUP, d)];
            }
          }
          for (int d = 0; d < VALUE_DIM; d++) {
            out[(token * HEADS + h) * VALUE_DIM + d] = sum == 0 ? 0 : acc[d] / sum;
          }
        }
      }
    }
    return out;
  }

  private static boolean allowed(CompositeOp.PagedAttention op, int p, int j) {
    return (!op.causal() || j <= p)
        && (op.window() == 0 || j > p - op.window())
        && (op.chunk() == 0 || j / op.chunk() == p / op.chunk());
  }
}
