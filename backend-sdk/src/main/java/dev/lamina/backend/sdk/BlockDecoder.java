package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.BitField;
import dev.lamina.spi.ir.BlockSpec;
import dev.lamina.spi.ir.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
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
  private static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long TOPS = 0x8080808080808080L;
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
  private final Bits codes;
  private final Eights eights;
  private final @Nullable Bits scales;
  private final @Nullable Bits minima;
  private final float[] levels;

  /** The levels as bytes, null where they are the codes less a bias. */
  private final byte @Nullable [] numbers;

  private final long bias;

  private BlockDecoder(BlockSpec spec) {
    this.spec = spec;
    codes = new Bits(spec.codes());
    eights = new Eights(spec.codes());
    scales = bits(spec.scale());
    minima = spec.min() == null ? null : bits(spec.min());
    levels = levels(spec);
    numbers = spec.levels() instanceof BlockSpec.Levels.Table ? bytes(levels) : null;
    bias = spec.levels() instanceof BlockSpec.Levels.Biased(int b) ? b * Eights.ONES : 0;
    if (spec.elements() / spec.scale().groups() % GROUP != 0) {
      throw new AssertionError("block spec: expected factors of whole groups of " + GROUP);
    }
  }

  private static byte[] bytes(float[] levels) {
    byte[] bytes = new byte[levels.length];
    for (int i = 0; i < levels.length; i++) {
      bytes[i] = (byte) levels[i];
    }
    return bytes;
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
      int from = g * size;
      for (int i = from; i < from + size; i++) {
        out[to + i] = scale * levels[codes.get(data, at, i)];
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
    int n = blocks * spec.elements();
    eights.read(data, spec.bytes(), blocks, to.levels());
    if (numbers != null) {
      for (int i = 0; i < n; i++) {
        to.levels()[i] = numbers[to.levels()[i] & 255];
      }
    } else if (bias != 0) {
      lower(to.levels(), n);
    }
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

  /** Eight codes at a time less the bias; with the top bit set no byte borrows from the next. */
  private void lower(byte[] codes, int n) {
    for (int i = 0; i < n; i += 8) {
      LONGS.set(codes, i, (((long) LONGS.get(codes, i) | TOPS) - bias) ^ TOPS);
    }
  }

  private float minimum(BlockSpec.Factor low, MemorySegment data, long at, int group) {
    float min = factor(low, minima, data, at, group);
    return spec.subtracted() ? -min : min;
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
