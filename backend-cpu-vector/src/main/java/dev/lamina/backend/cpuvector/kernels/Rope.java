package dev.lamina.backend.cpuvector.kernels;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Rotary position embedding, arXiv:2104.09864.
 *
 * <p>Cosines and sines are computed once a step: the table is kept as long as positions and
 * frequencies stay the same, which they do through the layers. The angle is an F32 product. Plain
 * loops, which C2 vectorises without another order of operations. Not thread-safe.
 */
public final class Rope {
  private static final int CHUNK_ELEMENTS = 8192;

  private final WorkerPool pool;
  private final WorkerPool.Task angles = this::angles;
  private final WorkerPool.Task turns = this::turn;
  private final float[][] buffers;
  private int[] positions = new int[0];
  private float[] freqs = new float[0];
  private int[] newPositions = new int[0];
  private float[] newFreqs = new float[0];
  private float[] cos = new float[0]; // [tokens][pairs]
  private float[] sin = new float[0];
  private List<Integer> sections = List.of();
  private float scale;
  private int numTokens;
  private int tokensPerPart;
  private @Nullable RopeSpec spec;
  private Linear.@Nullable Rows x;
  private Linear.@Nullable Rows out;

  /**
   * Makes the kernel.
   *
   * @param pool threads to use
   */
  public Rope(WorkerPool pool) {
    this.pool = pool;
    buffers = new float[pool.size()][0];
  }

  /**
   * Rotates.
   *
   * @param spec sizes and style
   * @param x {@code [tokens, numHeads, headDim]}
   * @param positions I32 {@code [sections, tokens]}, and its byte offset
   * @param freqs F32 {@code [rotaryDims / 2]}
   * @param out as x
   * @param tokens how many
   */
  public void run(
      RopeSpec spec,
      Linear.Rows x,
      Linear.Rows positions,
      Linear.Rows freqs,
      Linear.Rows out,
      int tokens) {
    this.spec = spec;
    this.x = x;
    this.out = out;
    prepare(spec, positions, freqs, tokens);
    int width = spec.numHeads() * spec.headDim();
    for (int i = 0; i < buffers.length; i++) {
      if (buffers[i].length < width) {
        buffers[i] = new float[width];
      }
    }
    tokensPerPart = Math.max(1, CHUNK_ELEMENTS / Math.max(1, width));
    pool.forEach((tokens + tokensPerPart - 1) / tokensPerPart, turns);
  }

  private void prepare(RopeSpec spec, Linear.Rows pos, Linear.Rows freq, int tokens) {
    int pairs = spec.rotaryDims() / 2;
    int rows = Math.max(1, spec.sections().size());
    if (newPositions.length != rows * tokens) {
      newPositions = new int[rows * tokens];
    }
    if (newFreqs.length != pairs) {
      newFreqs = new float[pairs];
    }
    for (int i = 0; i < newPositions.length; i++) {
      newPositions[i] = pos.data().get(Lanes.I32, pos.offset() + 4L * i);
    }
    Elements.load(freq.type(), freq.data(), freq.offset(), newFreqs, 0, pairs);
    if (tokens == numTokens
        && scale == spec.scale()
        && sections.equals(spec.sections())
        && Arrays.equals(newPositions, positions)
        && Arrays.equals(newFreqs, freqs)) {
      return;
    }
    int[] oldPositions = positions;
    positions = newPositions;
    newPositions = oldPositions;
    float[] oldFreqs = freqs;
    freqs = newFreqs;
    newFreqs = oldFreqs;
    numTokens = tokens;
    scale = spec.scale();
    sections = spec.sections();
    if (cos.length < tokens * pairs) {
      cos = new float[tokens * pairs];
      sin = new float[tokens * pairs];
    }
    pool.forEach((tokens + 7) / 8, angles);
  }

  private void angles(int index, int worker) {
    RopeSpec s = AttentionArgs.given(spec);
    int pairs = freqs.length;
    int end = Math.min(numTokens, index * 8 + 8);
    for (int t = index * 8; t < end; t++) {
      for (int i = 0; i < pairs; i++) {
        float angle = (float) positions[s.section(i) * numTokens + t] * freqs[i];
        cos[t * pairs + i] = (float) Math.cos(angle) * scale;
        sin[t * pairs + i] = (float) Math.sin(angle) * scale;
      }
    }
  }

  private void turn(int index, int worker) {
    RopeSpec s = AttentionArgs.given(spec);
    Linear.Rows from = AttentionArgs.given(x);
    Linear.Rows to = AttentionArgs.given(out);
    float[] row = buffers[worker];
    int width = s.numHeads() * s.headDim();
    int end = Math.min(numTokens, (index + 1) * tokensPerPart);
    for (int t = index * tokensPerPart; t < end; t++) {
      long at = (long) t * width;
      Elements.load(
          from.type(), from.data(), from.offset() + at * from.type().bytes(), row, 0, width);
      for (int h = 0; h < s.numHeads(); h++) {
        if (s.interleaved()) {
          interleaved(row, h * s.headDim(), s.rotaryDims() / 2, t * freqs.length);
        } else {
          halves(row, h * s.headDim(), s.rotaryDims() / 2, t * freqs.length);
        }
      }
      Elements.store(to.type(), to.data(), to.offset() + at * to.type().bytes(), row, 0, width);
    }
  }

  private void halves(float[] row, int at, int pairs, int table) {
    for (int i = 0; i < pairs; i++) {
      float a = row[at + i];
      float b = row[at + pairs + i];
      float c = cos[table + i];
      float d = sin[table + i];
      row[at + i] = a * c - b * d;
      row[at + pairs + i] = b * c + a * d;
    }
  }

  private void interleaved(float[] row, int at, int pairs, int table) {
    for (int i = 0; i < pairs; i++) {
      float a = row[at + 2 * i];
      float b = row[at + 2 * i + 1];
      float c = cos[table + i];
      float d = sin[table + i];
      row[at + 2 * i] = a * c - b * d;
      row[at + 2 * i + 1] = b * c + a * d;
    }
  }
}
