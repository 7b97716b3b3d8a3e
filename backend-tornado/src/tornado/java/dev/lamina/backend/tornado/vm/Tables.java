package dev.lamina.backend.tornado.vm;

import dev.lamina.backend.sdk.Elements;
import dev.lamina.backend.tornado.kernels.Cells;
import dev.lamina.spi.ir.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Writes the F32 of every narrow float where kernels look it up. */
final class Tables {
  private Tables() {}

  /**
   * Writes all tables.
   *
   * @param memory begins with them
   */
  static void write(MemorySegment memory) {
    int at = 0;
    at = write(memory, at, DType.F16);
    at = write(memory, at, DType.BF16);
    at = write(memory, at, DType.F8E4M3);
    at = write(memory, at, DType.F8E5M2);
    if (at != Cells.TABLE_FLOATS) {
      throw new AssertionError(at);
    }
  }

  private static int write(MemorySegment memory, int first, DType dtype) {
    int count = 1 << 8 * dtype.bytes();
    MemorySegment bits = MemorySegment.ofArray(new int[1]);
    for (int i = 0; i < count; i++) {
      bits.set(ValueLayout.JAVA_INT, 0, i);
      float x = Elements.getFloat(dtype, bits, 0);
      memory.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, first + i, x);
    }
    return first + count;
  }
}
