package dev.lamina.backend.cpuvector.kernels;

import java.lang.foreign.ValueLayout;

/**
 * Whose rows are whose in a step, and where each sequence's state lies, all I32.
 *
 * @param reads slot of each sequence's state before the step, below 0 for zeros, {@code [S]}
 * @param writes slot of it after the step, below 0 to drop it, {@code [S]}
 * @param cuSeqlensQ first row of each sequence, and the end, {@code [S + 1]}
 * @param numSeqs S
 * @param numRows T, rows of the step
 */
public record SequenceSlots(
    Linear.Rows reads, Linear.Rows writes, Linear.Rows cuSeqlensQ, int numSeqs, int numRows) {
  int read(int s) {
    return get(reads, s);
  }

  int write(int s) {
    return get(writes, s);
  }

  int begin(int s) {
    return get(cuSeqlensQ, s);
  }

  /** Zeros the rows of no sequence, each so wide. */
  void clearOthers(Linear.Rows out, int width) {
    long bytes = (long) width * out.type().bytes();
    long first = begin(0) * bytes;
    long end = begin(numSeqs) * bytes;
    out.data().asSlice(out.offset(), first).fill((byte) 0);
    out.data().asSlice(out.offset() + end, numRows * bytes - end).fill((byte) 0);
  }

  private static int get(Linear.Rows row, int i) {
    return row.data().get(ValueLayout.JAVA_INT_UNALIGNED, row.offset() + (long) i * Integer.BYTES);
  }
}
