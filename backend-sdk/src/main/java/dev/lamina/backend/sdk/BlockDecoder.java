package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.BitField;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Decodes blocks of quantised weights to F32, bit for bit as {@link BlockSpec} says, for every
 * format alike: the places of a format's bits are laid out in tables once. Immutable and
 * thread-safe.
 */
public final class BlockDecoder {
  /** Elements that have a scale of their own in what {@link #unpack} gives. */
  public static final int GROUP = 16;

  private static final ValueLayout.OfShort I16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong I64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final Map<QuantFormat, BlockDecoder> ALL = new EnumMap<>(QuantFormat.class);

  static {
    for (QuantFormat f : QuantFormat.values()) {
      ALL.put(f, new BlockDecoder(f.spec()));
    }
  }

  /**
   * What blocks were taken apart into.
   *
   * @param levels one an element
   * @param scales one a {@link #GROUP}
   * @param minima one a {@link #GROUP}, left alone by formats without
   */
  public record Unpacked(byte[] levels, float[] scales, float[] minima) {
    /**
     * Room for so many elements.
     *
     * @param elements a multiple of {@link #GROUP}
     * @return arrays of that size
     */
    public static Unpacked of(int elements) {
      int groups = elements / GROUP;
      return new Unpacked(new byte[elements], new float[groups], new float[groups]);
    }
  }

  private final BlockSpec spec;
  private final LevelReader levels;
  private final @Nullable BitPlaces scales;
  private final @Nullable BitPlaces minima;

  private BlockDecoder(BlockSpec spec) {
    this.spec = spec;
    levels = LevelReader.of(spec);
    scales = places(spec.scale());
    minima = spec.min() == null ? null : places(spec.min());
    if (spec.elements() / spec.scale().groups() % GROUP != 0) {
      throw new AssertionError("block spec: expected factors of whole groups of " + GROUP);
    }
  }

  private static @Nullable BitPlaces places(BlockSpec.Factor factor) {
    BitField integers = factor.integers();
    return integers == null ? null : new BitPlaces(integers);
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
      int from = g * size;
      for (int i = from; i < from + size; i++) {
        out[to + i] = scale * levels.get(data, at, i);
      }
      if (spec.min() != null) {
        float add = minimum(spec.min(), data, at, g);
        for (int i = from; i < from + size; i++) {
          out[to + i] += add;
        }
      }
    }
  }

  /**
   * Whether the levels of the format are whole numbers, which {@link #unpack} gives, or else floats
   * of 8 bits, which it gives as they are.
   *
   * @return true for whole numbers
   */
  public boolean isWhole() {
    return !(spec.levels() instanceof BlockSpec.Levels.Float8);
  }

  /**
   * Whether the format adds a minimum to each product.
   *
   * @return false if its elements are products only
   */
  public boolean hasMinimum() {
    return spec.min() != null;
  }

  /**
   * Takes consecutive blocks apart: element {@code i} is {@code scales[i / GROUP] * levels[i]},
   * rounded, plus {@code minima[i / GROUP]} where the format has such, rounded again.
   *
   * @param data holds them, from its first byte on
   * @param blocks how many
   * @param to takes levels and factors, from index 0 on
   */
  public void unpack(byte[] data, int blocks, Unpacked to) {
    levels.read(data, spec.bytes(), blocks, to.levels());
    MemorySegment segment = MemorySegment.ofArray(data);
    for (int b = 0; b < blocks; b++) {
      factors(segment, (long) b * spec.bytes(), b * (spec.elements() / GROUP), to);
    }
  }

  private void factors(MemorySegment data, long at, int first, Unpacked to) {
    int groups = spec.scale().groups();
    int each = spec.elements() / groups / GROUP;
    for (int g = 0; g < groups; g++) {
      int i = first + g * each;
      Arrays.fill(to.scales(), i, i + each, factor(spec.scale(), scales, data, at, g));
      if (spec.min() != null) {
        Arrays.fill(to.minima(), i, i + each, minimum(spec.min(), data, at, g));
      }
    }
  }

  private float minimum(BlockSpec.Factor low, MemorySegment data, long at, int group) {
    float min = factor(low, minima, data, at, group);
    return spec.subtracted() ? -min : min;
  }

  private static float factor(
      BlockSpec.Factor f, @Nullable BitPlaces integers, MemorySegment data, long at, int group) {
    long p = at + f.at() + (long) group * f.stride();
    float written =
        switch (f.written()) {
          case F16 -> Float.float16ToFloat(data.get(I16, p));
          case QUARTER_F16 -> Float.float16ToFloat(data.get(I16, p)) * 0.25f;
          case EIGHTH_F16 -> Float.float16ToFloat(data.get(I16, p)) * 0.125f;
          case EIGHTH_F16_IN_HALVES -> Float.float16ToFloat(uppers(data.get(I64, p))) * 0.125f;
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

  /** The highest four of each 16 bits, next to one another. */
  private static short uppers(long bits) {
    return (short) Long.compress(bits, 0xF000F000F000F000L);
  }

  /** {@code 2^(e - 128)}; below 2 a subnormal number. */
  private static float halfPower(int e) {
    return Float.intBitsToFloat(e < 2 ? 0x00200000 << e : (e - 1) << 23);
  }

  private static float halfE4m3(int bits) {
    return bits == 127 ? 0 : Float8.e4m3ToFloat((byte) bits) * 0.5f;
  }
}
