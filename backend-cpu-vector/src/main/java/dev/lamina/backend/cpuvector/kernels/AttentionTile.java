package dev.lamina.backend.cpuvector.kernels;

import static dev.lamina.backend.cpuvector.kernels.Attention.BLOCK;
import static dev.lamina.backend.cpuvector.kernels.AttentionArgs.given;
import static dev.lamina.backend.cpuvector.kernels.Lanes.NR;
import static dev.lamina.backend.cpuvector.kernels.Lanes.VL;

import dev.lamina.spi.ir.DType;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One thread's part of {@link Attention}: some query tokens of a sequence, one KV head.
 *
 * <p>Row {@code i * group + g} is query token i, head g of the group. Both products are {@link
 * VectorTile}s over packed panels; K's columns are positions, V's columns are the head's width.
 */
final class AttentionTile {
  private static final int[] NO_SQUARE = {};
  private static final AttentionSpec NONE = new AttentionSpec(1, 1, 1, 1, 1, 1, false, 0, 0, 0);

  private final int[] square = new int[VL * VL];
  private final float[] s = new float[0];
  private final Operand query = new Operand();
  private final Operand weights = new Operand();
  private AttentionSpec spec = NONE;
  private int widthV;
  private float[] q = s; // [rows][dimK]
  private float[] logits = s; // [rows][BLOCK]
  private float[] acc = s; // [rows][widthV]
  private float[] panelK = s; // [BLOCK / NR][dimK][NR]
  private float[] panelV = s; // [widthV / NR][BLOCK][NR]
  private float[] max = s; // [rows]
  private float[] sums = s; // [rows][VL], partial sums of the weights
  private AttentionArgs args = new AttentionArgs();
  private boolean finiteV;

  /** Makes room for tiles of this many rows. */
  void fit(AttentionSpec newSpec, int rows) {
    spec = newSpec;
    widthV = Lanes.roundUp(spec.dimV(), NR);
    q = grown(q, rows * spec.dimK());
    logits = grown(logits, rows * BLOCK);
    acc = grown(acc, rows * widthV);
    panelK = grown(panelK, Math.max(1, BLOCK / NR) * spec.dimK() * NR);
    panelV = grown(panelV, BLOCK * widthV);
    max = grown(max, rows);
    sums = grown(sums, rows * VL);
  }

  private static float[] grown(float[] array, int length) {
    return array.length >= length ? array : new float[length];
  }

  void run(AttentionArgs newArgs, int seq, int kvHead, int firstToken, int numTokens) {
    args = newArgs;
    int rows = numTokens * spec.group();
    int kvLen = args.kvLen(seq);
    int position = kvLen - args.cuSeqlensQ(seq + 1) + firstToken;
    loadQueries(kvHead, firstToken, numTokens);
    Arrays.fill(max, 0, rows, Float.NEGATIVE_INFINITY);
    Arrays.fill(sums, 0, rows * VL, 0);
    Arrays.fill(acc, 0, rows * widthV, 0);
    int from = spec.from(Math.max(0, position));
    int to = spec.to(position + numTokens - 1, kvLen);
    for (int j = from / BLOCK * BLOCK; j < to; j += BLOCK) {
      int first = Math.max(from, j);
      int end = Math.min(to, j + BLOCK);
      pack(seq, kvHead, j, first, end);
      int fromRow = firstSeeing(first, position, numTokens, kvLen) * spec.group();
      int toRow = endSeeing(end, position, numTokens) * spec.group();
      score(kvHead, fromRow, toRow, position, j, first, end, kvLen);
      gather(fromRow, toRow, position, j, end, kvLen);
    }
    store(kvHead, firstToken, numTokens);
  }

  /** First query token that sees the position {@code first} or a later one. */
  private int firstSeeing(int first, int position, int numTokens, int kvLen) {
    int i = 0;
    while (i < numTokens && spec.to(position + i, kvLen) <= first) {
      i++;
    }
    return i;
  }

  /** End of the query tokens that see a position before {@code end}. */
  private int endSeeing(int end, int position, int numTokens) {
    int i = numTokens;
    while (i > 0 && spec.from(Math.max(0, position + i - 1)) >= end) {
      i--;
    }
    return i;
  }

  private void loadQueries(int kvHead, int firstToken, int numTokens) {
    Linear.Rows rows = given(args.q);
    int n = spec.group() * spec.dimK();
    for (int i = 0; i < numTokens; i++) {
      long head = (long) (firstToken + i) * spec.numHeads() + (long) kvHead * spec.group();
      long p = rows.offset() + head * spec.dimK() * rows.type().bytes();
      Elements.load(rows.type(), rows.data(), p, q, i * n, n);
    }
  }

  /** Packs positions first to end of the block that starts at j, a run of a page at a time. */
  private void pack(int seq, int kvHead, int j, int first, int end) {
    Matrix keys = given(args.keys);
    Matrix values = given(args.values);
    int page = spec.slotsPerPage();
    finiteV = true;
    int position = first;
    while (position < end) {
      int panelEnd = position - (position - j) % NR + NR;
      int run = Math.min(Math.min(end, panelEnd), position - position % page + page) - position;
      int slot = args.page(seq, position / page) * page + position % page;
      packKeys(keys, kvHead, slot, run, position - j);
      packValues(values, kvHead, slot, run, position - j);
      position += run;
    }
    for (int c = 0; c < BLOCK; c += NR) {
      int from = Math.clamp(first - j - c, 0, NR);
      int to = Math.clamp(end - j - c, 0, NR);
      Pack.clear(spec.dimK(), panelK, c * spec.dimK(), 0, from, NR);
      Pack.clear(spec.dimK(), panelK, c * spec.dimK(), to, NR, NR);
    }
    for (int c = 0; c < widthV; c += NR) {
      Arrays.fill(panelV, c * BLOCK, c * BLOCK + (first - j) * NR, 0);
      int used = c * BLOCK + (end - j) * NR;
      finiteV &= Rows.isFinite(panelV, c * BLOCK, (end - j) * NR);
      Arrays.fill(panelV, used, (c + NR) * BLOCK, 0);
    }
  }

  private void packKeys(Matrix keys, int kvHead, int slot, int run, int column) {
    boolean vector = HotKernel.pack(keys.type).isWarm() && run >= VL;
    int k0 = kvHead * spec.dimK();
    if (keys.type == DType.F16 && vector) {
      for (int i = 0; i < run; i++) {
        long p = keys.row(slot + i) + 2L * k0;
        vector &= !Matrix.specialHalf(keys.data, p, spec.dimK());
      }
    }
    int at = column / NR * NR * spec.dimK() + column % NR;
    Pack.columns(keys, slot, run, k0, spec.dimK(), panelK, at, vector ? square : NO_SQUARE);
  }

  private void packValues(Matrix values, int kvHead, int slot, int run, int row) {
    long p = values.row(slot) + (long) kvHead * spec.dimV() * values.type.bytes();
    for (int c = 0; c < spec.dimV(); c += NR) {
      int n = Math.min(NR, spec.dimV() - c);
      int at = c * BLOCK + row * NR;
      long pc = p + (long) c * values.type.bytes();
      if (values.type == DType.F32 && n == NR && HotKernel.ROWS.isWarm()) {
        VectorRows.copy(values.data, pc, values.rowBytes, run, NR, panelV, at, NR);
      } else {
        for (int i = 0; i < run; i++) {
          Elements.load(values.type, values.data, pc + i * values.rowBytes, panelV, at + i * NR, n);
          Arrays.fill(panelV, at + i * NR + n, at + (i + 1) * NR, 0);
        }
      }
    }
  }

  /** Logits of the block, then their exponentials; zero where a row may not look. */
  private void score(
      int kvHead, int fromRow, int toRow, int position, int j, int first, int end, int kvLen) {
    Arrays.fill(logits, fromRow * BLOCK, toRow * BLOCK, 0);
    query.set(q, spec.dimK(), BLOCK);
    for (int c = (first - j) / NR * NR; c < end - j; c += NR) {
      multiply(fromRow, toRow, panelK, c * spec.dimK(), query, spec.dimK(), logits, c);
    }
    int group = spec.group();
    for (int r = fromRow; r < toRow; r++) {
      int p = position + r / group;
      int from = Math.clamp(spec.from(Math.max(0, p)) - j, 0, BLOCK);
      int to = Math.clamp(spec.to(p, kvLen) - j, 0, BLOCK);
      if (from >= to) {
        Arrays.fill(logits, r * BLOCK, (r + 1) * BLOCK, 0);
      } else {
        float slope = element(args.alibi, kvHead * group + r % group);
        softmax(r, from, to, slope, j - p);
      }
    }
  }

  private static float element(Linear.@Nullable Rows rows, int i) {
    return rows == null
        ? 0
        : Elements.load(rows.type(), rows.data(), rows.offset() + (long) i * rows.type().bytes());
  }

  private void softmax(int r, int from, int to, float slope, int distance) {
    int at = r * BLOCK;
    Rows.logits(logits, at, BLOCK, spec.scale(), spec.softcap(), slope, distance);
    if (to - from < BLOCK) {
      Arrays.fill(logits, at, at + from, Float.NEGATIVE_INFINITY);
      Arrays.fill(logits, at + to, at + BLOCK, Float.NEGATIVE_INFINITY);
    }
    float newMax = Math.max(max[r], Rows.max(logits, at, BLOCK));
    if (newMax == Float.NEGATIVE_INFINITY) {
      Arrays.fill(logits, at, at + BLOCK, 0);
      return;
    }
    if (newMax != max[r]) {
      float factor = ScalarMath.exp(max[r] - newMax);
      Rows.scale(sums, r * VL, VL, factor);
      Rows.scale(acc, r * widthV, widthV, factor);
      max[r] = newMax;
    }
    Rows.exp(logits, at, BLOCK, newMax, sums, r * VL);
  }

  private void gather(int fromRow, int toRow, int position, int j, int end, int kvLen) {
    if (finiteV) {
      weights.set(logits, BLOCK, widthV);
      for (int c = 0; c < widthV; c += NR) {
        multiply(fromRow, toRow, panelV, c * BLOCK, weights, end - j, acc, c);
      }
      return;
    }
    for (int r = fromRow; r < toRow; r++) {
      int p = position + r / spec.group();
      int from = Math.clamp(spec.from(Math.max(0, p)) - j, 0, BLOCK);
      int to = Math.clamp(spec.to(p, kvLen) - j, 0, BLOCK);
      for (int i = from; i < to; i++) {
        for (int d = 0; d < spec.dimV(); d++) {
          float v = panelV[d / NR * NR * BLOCK + i * NR + d % NR];
          acc[r * widthV + d] = Math.fma(logits[r * BLOCK + i], v, acc[r * widthV + d]);
        }
      }
    }
  }

  private static void multiply(
      int fromRow, int toRow, float[] panel, int at, Operand x, int kc, float[] c, int column) {
    int rows = toRow - fromRow;
    int xo = fromRow * x.stride;
    int co = fromRow * x.outStride + column;
    if (HotKernel.TILE.isWarm()) {
      VectorTile.rows(rows, panel, at, x, xo, kc, c, co);
    } else {
      ScalarTile.rows(rows, panel, at, x, xo, kc, c, co);
    }
  }

  private void store(int kvHead, int firstToken, int numTokens) {
    Linear.Rows out = given(args.out);
    int group = spec.group();
    int dim = spec.dimV();
    for (int r = 0; r < numTokens * group; r++) {
      int head = kvHead * group + r % group;
      float total = Lanes.fold(sums, r * VL);
      float factor = 1;
      if (args.sinks != null && total != 0) {
        float sink = element(args.sinks, head);
        float top = Math.max(sink, max[r]);
        factor = ScalarMath.exp(max[r] - top);
        total = Math.fma(total, factor, ScalarMath.exp(sink - top));
      }
      int at = r * widthV;
      for (int d = 0; d < dim && total != 0; d++) {
        acc[at + d] = acc[at + d] * factor / total;
      }
      long row = (long) (firstToken + r / group) * spec.numHeads() + head;
      Elements.store(
          out.type(), out.data(), out.offset() + row * dim * out.type().bytes(), acc, at, dim);
    }
  }
}
