package dev.lamina.models.quantized;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.Shape;
import dev.lamina.spi.ir.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.LongStream;

/**
 * Experts as gpt-oss ships them: {@code _blocks} U8 {@code [E, N, K / 32, 16]}, a byte two columns,
 * the lower one in the low half; {@code _scales} U8 {@code [E, N, K / 32]}, powers of two (E8M0).
 */
final class MxFp4 {
  private static final int HALF = 16;

  private MxFp4() {}

  /** The stack {@code [E, N, K]} in blocks of {@link QuantFormat#MXFP4}. */
  static StoredTensor stack(String name, StoredTensor blocks, StoredTensor scales)
      throws ModelException {
    Numbers.expect(blocks, DType.U8, 4);
    Numbers.expect(scales, DType.U8, 3);
    if (Numbers.dim(blocks, 3) != HALF) {
      throw Numbers.refuse(blocks, "16 bytes a block", blocks.type().toString());
    }
    long count = blocks.elements() / HALF;
    Numbers.expectCount(scales, count);
    Shape shape =
        Shape.of(
            Numbers.dim(blocks, 0), Numbers.dim(blocks, 1), 2L * HALF * Numbers.dim(blocks, 2));
    TensorType type = TensorType.blocked(QuantFormat.MXFP4, shape);
    return StoredTensor.converted(
        name,
        type,
        QuantFormat.MXFP4.text(),
        blocks.storedBytes() + scales.storedBytes(),
        () -> joined(type, blocks.data(), scales.data(), count),
        blocks.origin());
  }

  /** Each block's scale before its codes, which are halves of bytes 16 columns apart. */
  private static MemorySegment joined(
      TensorType type, MemorySegment blocks, MemorySegment scales, long count) {
    MemorySegment to = Arena.ofAuto().allocate(type.byteSize(), 64);
    int size = QuantFormat.MXFP4.bytes();
    LongStream.range(0, count)
        .parallel()
        .forEach(b -> {
          long at = b * size;
          long from = b * HALF;
          to.set(ValueLayout.JAVA_BYTE, at, scales.get(ValueLayout.JAVA_BYTE, b));
          for (int i = 0; i < HALF; i++) {
            int low = nibble(blocks, from, i);
            int high = nibble(blocks, from, i + HALF);
            to.set(ValueLayout.JAVA_BYTE, at + 1 + i, (byte) (low | high << 4));
          }
        });
    return to.asReadOnly();
  }

  private static int nibble(MemorySegment blocks, long from, int column) {
    return blocks.get(ValueLayout.JAVA_BYTE, from + column / 2) >> 4 * (column % 2) & 15;
  }
}
