package dev.lamina.models;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Blocks of quantised weights with random codes and one scale, a power of two that brings what they
 * decode to near the spread of plain random weights.
 */
final class RandomBlocks {
  private static final ValueLayout.OfShort I16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Exponents: 2^-5.5 over the root mean square of random levels times random integer scales. */
  private static final Map<QuantFormat, Integer> EXPONENTS =
      new EnumMap<>(
          Map.of(
              QuantFormat.Q8_0, -12,
              QuantFormat.Q4_0, -8,
              QuantFormat.Q4_K, -14,
              QuantFormat.Q6_K, -16,
              QuantFormat.MXFP4, -8,
              QuantFormat.F8E4M3_128, -13));

  /** Minima weigh the middle of the codes, eight, so that the weights have no common offset. */
  private static final int MIDDLE = 3;

  /** Blocks that a thread fills at a time. */
  private static final long BLOCKS = 4096;

  /** Sign and mantissa of an 8-bit float. */
  private static final int BESIDE_EXPONENT = 0x87;

  /** Exponent of the largest 8-bit floats that are drawn; those above hold the NaN. */
  private static final int TOP_EXPONENT = 14;

  private final QuantFormat format;
  private final BlockSpec spec;
  private final int exponent;

  RandomBlocks(QuantFormat format) throws ModelException {
    Integer known = EXPONENTS.get(format);
    if (known == null) {
      throw new ModelException(
          "random weights: expected blocks of one of %s, got %s; ask for one of these"
              .formatted(EXPONENTS.keySet(), format));
    }
    this.format = format;
    spec = format.spec();
    exponent = known;
  }

  /**
   * Fills memory with blocks.
   *
   * @param data takes whole blocks
   * @param word random bits of an index
   */
  void fill(MemorySegment data, LongUnaryOperator word) {
    long blocks = data.byteSize() / format.bytes();
    LongStream.range(0, (blocks + BLOCKS - 1) / BLOCKS)
        .parallel()
        .forEach(part -> {
          for (long b = part * BLOCKS; b < Math.min(blocks, (part + 1) * BLOCKS); b++) {
            block(data, b, word);
          }
        });
  }

  private void block(MemorySegment data, long block, LongUnaryOperator word) {
    long at = block * format.bytes();
    boolean floats = spec.levels() instanceof BlockSpec.Levels.Float8;
    long bits = 0;
    for (int i = 0; i < format.bytes(); i++) {
      boolean drawn = floats || i % 8 == 0;
      bits = drawn ? word.applyAsLong(block * format.bytes() + i) : bits >>> 8;
      data.set(ValueLayout.JAVA_BYTE, at + i, floats ? float8(bits) : (byte) bits);
    }
    factor(data, at, spec.scale(), exponent);
    factor(data, at, spec.min(), exponent + MIDDLE);
  }

  /**
   * An 8-bit float as matrices have them: half as many with each smaller exponent, so that next to
   * none is subnormal.
   */
  private static byte float8(long bits) {
    int below = Math.min(TOP_EXPONENT, Long.numberOfTrailingZeros(bits >>> 8));
    return (byte) (bits & BESIDE_EXPONENT | (TOP_EXPONENT - below) << 3);
  }

  private static void factor(
      MemorySegment data, long block, BlockSpec.@Nullable Factor factor, int exponent) {
    if (factor == null) {
      return;
    }
    float value = Math.scalb(1f, exponent);
    int numbers = factor.stride() == 0 ? 1 : factor.groups();
    for (int i = 0; i < numbers; i++) {
      long at = block + factor.at() + (long) i * factor.stride();
      switch (factor.written()) {
        case F16 -> data.set(I16, at, Float.floatToFloat16(value));
        case F32 -> data.set(F32, at, value);
        case HALF_E8M0 -> data.set(ValueLayout.JAVA_BYTE, at, (byte) (exponent + 128));
        case HALF_E4M3, QUARTER_F16, EIGHTH_F16, EIGHTH_F16_IN_HALVES ->
            throw new AssertionError("no random blocks with scales as " + factor.written());
      }
    }
  }
}
