package dev.lamina.models.gguf;

import dev.lamina.spi.ir.Shape;
import java.lang.foreign.MemorySegment;

/**
 * The order of rows of query and key projections. Where transformers has the two numbers of a
 * rotary pair half a head apart, GGUF files of Llama's architecture have them side by side: row
 * {@code 2 * i + s} of a head is row {@code s * D / 2 + i} of transformers.
 */
final class RotaryRows {
  private RotaryRows() {}

  /** Copies rows in GGUF's order to that of transformers. */
  static void toHalves(MemorySegment from, MemorySegment to, Shape shape, int numHeads) {
    move(from, to, shape, numHeads, true);
  }

  /** Copies rows in transformers' order to that of GGUF. */
  static void toPairs(MemorySegment from, MemorySegment to, Shape shape, int numHeads) {
    move(from, to, shape, numHeads, false);
  }

  private static void move(
      MemorySegment from, MemorySegment to, Shape shape, int numHeads, boolean toHalves) {
    long rows = shape.dim(0).upperBound();
    long rowBytes = from.byteSize() / rows;
    long headDim = rows / numHeads;
    for (long head = 0; head < numHeads; head++) {
      for (long i = 0; i < headDim / 2; i++) {
        for (int s = 0; s < 2; s++) {
          long pairs = head * headDim + 2 * i + s;
          long halves = head * headDim + s * (headDim / 2) + i;
          long source = toHalves ? pairs : halves;
          long target = toHalves ? halves : pairs;
          MemorySegment.copy(from, source * rowBytes, to, target * rowBytes, rowBytes);
        }
      }
    }
  }
}
