package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.BitField;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Decodes blocks of quantised weights to F32, bit for bit as {@link BlockSpec} says, for every
 * format alike: the places of a format's bits are laid out in tables once. Immutable and
 * thread-safe.
 */
public final class BlockDecoder {
  private static final ValueLayout.OfShort I16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final Map<QuantFormat, BlockDecoder> ALL = new EnumMap<>(QuantFormat.class);

  static {
    for (QuantFormat f : QuantFormat.values()) {
      ALL.put(f, new BlockDecoder(f.spec()));
    }
  }

  private final BlockSpec spec;
  private final Bits codes;
  private final @Nullable Bits scales;
  private final @Nullable Bits minima;
  private final float[] levels;

  private BlockDecoder(BlockSpec spec) {
    this.spec = spec;
    codes = new Bits(spec.codes());
    scales = bits(spec.scale());
    minima = spec.min() == null ? null : bits(spec.min());
    levels = levels(spec);
  }

  private static @Nullable Bits bits(BlockSpec.Factor factor) {
    BitField integers = factor.integers();
    return integers == null ? null : new Bits(integers);
  }

  private static float[] levels(BlockSpec spec) {
    int bits = 0;
    for (BitField.Piece p : spec.codes().pieces()) {
      bits = Math.max(bits, p.to() + p.width());
    }
    float[] levels = new float[1 << bits];
    for (int c = 0; c < levels.length; c++) {
      levels[c] =
          switch (spec.levels()) {
            case BlockSpec.Levels.Biased b -> c - b.bias();
            case BlockSpec.Levels.Signed s -> (byte) c;
            case BlockSpec.Levels.Table t -> t.values().get(c);
            case BlockSpec.Levels.Float8 f -> Float8.e4m3ToFloat((byte) c);
          };
    }
    return levels;
  }

  /**
   * The decoder of a format.
   *
   * @param format of the blocks
   * @return the one instance
   */
  public static BlockDecoder of(QuantFormat format) {
    BlockDecoder decoder = ALL.get(format);
    if (decoder == null) {
      throw new AssertionError("no decoder of " + format);
    }
    return decoder;
  }

  /**
   * Decodes consecutive blocks.
   *
   * @param data holds them; any alignment
   * @param at first byte of the first one
   * @param blocks how many
   * @param out takes the elements
   * @param to index of the first element there
   */
  public void decode(MemorySegment data, long at, int blocks, float[] out, int to) {
    for (int b = 0; b < blocks; b++) {
      block(data, at + (long) b * spec.bytes(), out, to + b * spec.elements());
    }
  }

  private void block(MemorySegment data, long at, float[] out, int to) {
    int groups = spec.scale().groups();
    int size = spec.elements() / groups;
    for (int g = 0; g < groups; g++) {
      float scale = factor(spec.scale(), scales, data, at, g);
      BlockSpec.Factor low = spec.min();
      float min = low == null ? 0 : factor(low, minima, data, at, g);
      int from = g * size;
      for (int i = from; i < from + size; i++) {
        out[to + i] = scale * levels[codes.get(data, at, i)];
      }
      if (low != null) {
        float add = spec.subtracted() ? -min : min;
        for (int i = from; i < from + size; i++) {
          out[to + i] += add;
        }
      }
    }
  }

  private static float factor(
      BlockSpec.Factor f, @Nullable Bits integers, MemorySegment data, long at, int group) {
    long p = at + f.at() + (long) group * f.stride();
    float written =
        switch (f.written()) {
          case F16 -> Float.float16ToFloat(data.get(I16, p));
          case F32 -> data.get(F32, p);
          case HALF_E8M0 -> halfPower(data.get(ValueLayout.JAVA_BYTE, p) & 255);
          case HALF_E4M3 -> halfE4m3(data.get(ValueLayout.JAVA_BYTE, p) & 127);
        };
    if (integers == null) {
      return written;
    }
    int n = integers.get(data, at, group);
    return written * ((f.signed() ? (byte) n : n) - f.bias());
  }

  /** {@code 2^(e - 128)}; below 2 a subnormal number. */
  private static float halfPower(int e) {
    return Float.intBitsToFloat(e < 2 ? 0x00200000 << e : (e - 1) << 23);
  }

  private static float halfE4m3(int bits) {
    return bits == 127 ? 0 : Float8.e4m3ToFloat((byte) bits) * 0.5f;
  }

  /** The places of a field's integers: a byte, a shift and a mask a piece. */
  private static final class Bits {
    private final int[][] bytes;
    private final byte[][] shifts;
    private final int[] masks;
    private final int[] tos;

    Bits(BitField field) {
      int pieces = field.pieces().size();
      bytes = new int[pieces][field.count()];
      shifts = new byte[pieces][field.count()];
      masks = new int[pieces];
      tos = new int[pieces];
      for (int p = 0; p < pieces; p++) {
        BitField.Piece piece = field.pieces().get(p);
        masks[p] = (1 << piece.width()) - 1;
        tos[p] = piece.to();
        for (int i = 0; i < field.count(); i++) {
          bytes[p][i] = piece.byteOf(i);
          shifts[p][i] = (byte) piece.shiftOf(i);
        }
      }
    }

    int get(MemorySegment data, long at, int i) {
      int value = 0;
      for (int p = 0; p < masks.length; p++) {
        int b = data.get(ValueLayout.JAVA_BYTE, at + bytes[p][i]) & 255;
        value |= (b >> shifts[p][i] & masks[p]) << tos[p];
      }
      return value;
    }
  }
}
