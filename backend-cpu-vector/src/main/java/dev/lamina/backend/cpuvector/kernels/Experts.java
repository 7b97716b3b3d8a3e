package dev.lamina.backend.cpuvector.kernels;

import dev.lamina.spi.ir.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Projections by each token's experts: the rows of an expert are gathered and multiplied by {@link
 * Linear}, streamed if they are few and blocked if they are many; an expert without rows is not
 * read. One instance serves one pool; not thread-safe; allocates only when a larger size comes.
 */
public final class Experts {
  private final Linear linear;
  private MemorySegment gathered = MemorySegment.NULL;
  private MemorySegment product = MemorySegment.NULL;
  private int[] starts = {};
  private int[] order = {};

  /**
   * Makes the kernel.
   *
   * @param linear what multiplies the rows of an expert
   */
  public Experts(Linear linear) {
    this.linear = linear;
  }

  /**
   * Computes the products.
   *
   * @param x {@code [tokens, K]}, or {@code [tokens, k, K]} if {@code own}
   * @param own whether each choice has a row of its own
   * @param ids I32 {@code [tokens, k]}, -1 for none
   * @param tokens T
   * @param k choices a token
   * @param experts a matrix {@code [N, K]} each
   * @param bias {@code [experts, N]}, or null
   * @param out {@code [tokens, k, N]}, rounded once
   */
  public void run(
      Linear.Rows x,
      boolean own,
      Linear.Rows ids,
      int tokens,
      int k,
      Matrix[] experts,
      Linear.@Nullable Rows bias,
      Linear.Rows out) {
    int n = experts[0].rows;
    long rowBytes = (long) experts[0].cols * x.type().bytes();
    long outBytes = (long) n * out.type().bytes();
    sort(ids, tokens * k, experts.length);
    fill(ids, tokens * k, out, outBytes);
    for (int e = 0; e < experts.length; e++) {
      int from = starts[e];
      int rows = starts[e + 1] - from;
      if (rows == 0) {
        continue;
      }
      gathered = fit(gathered, rows * rowBytes);
      product = fit(product, rows * outBytes);
      for (int r = 0; r < rows; r++) {
        int row = own ? order[from + r] : order[from + r] / k;
        MemorySegment.copy(x.data(), x.offset() + row * rowBytes, gathered, r * rowBytes, rowBytes);
      }
      Linear.Rows offsets =
          bias == null
              ? null
              : new Linear.Rows(
                  bias.type(), bias.data(), bias.offset() + (long) e * n * bias.type().bytes());
      linear.run(
          new Linear.Rows(x.type(), gathered, 0),
          rows,
          experts[e],
          offsets,
          new Linear.Rows(out.type(), product, 0));
      for (int r = 0; r < rows; r++) {
        long to = out.offset() + order[from + r] * outBytes;
        MemorySegment.copy(product, r * outBytes, out.data(), to, outBytes);
      }
    }
  }

  /** Choices by expert, in their order within one: a counting sort. */
  private void sort(Linear.Rows ids, int choices, int experts) {
    if (starts.length < experts + 1) {
      starts = new int[experts + 1];
    }
    if (order.length < choices) {
      order = new int[choices];
    }
    Arrays.fill(starts, 0);
    for (int i = 0; i < choices; i++) {
      int e = id(ids, i);
      if (e >= 0) {
        starts[e + 1]++;
      }
    }
    for (int e = 0; e < experts; e++) {
      starts[e + 1] += starts[e];
    }
    for (int i = 0; i < choices; i++) {
      int e = id(ids, i);
      if (e >= 0) {
        order[starts[e]++] = i;
      }
    }
    // Each start has moved to its expert's end.
    System.arraycopy(starts, 0, starts, 1, experts);
    starts[0] = 0;
  }

  /** Zeros for choices without an expert. */
  private static void fill(Linear.Rows ids, int choices, Linear.Rows out, long outBytes) {
    for (int i = 0; i < choices; i++) {
      if (id(ids, i) < 0) {
        out.data().asSlice(out.offset() + i * outBytes, outBytes).fill((byte) 0);
      }
    }
  }

  private static int id(Linear.Rows ids, int choice) {
    return ids.data().get(Lanes.I32, ids.offset() + (long) choice * DType.I32.bytes());
  }

  private static MemorySegment fit(MemorySegment scratch, long bytes) {
    return scratch.byteSize() >= bytes ? scratch : Arena.ofAuto().allocate(bytes, 64);
  }
}
