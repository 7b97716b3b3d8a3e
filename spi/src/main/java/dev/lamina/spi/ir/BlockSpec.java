package dev.lamina.spi.ir;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How the bytes of a block stand for its elements: the normative decoding of a {@link QuantFormat}.
 *
 * <p>Element {@code i} of sub-block {@code s} is {@code scale[s] * level(codes[i])}, and where
 * there is a minimum {@code scale[s] * level(codes[i]) + min[s]}, or minus. Each product, sum and
 * difference is rounded to F32 by itself; a fused multiply-add is another number. Multi-byte
 * numbers are little-endian.
 *
 * @param elements decoded elements, a power of two
 * @param bytes size of the block
 * @param scale of the sub-blocks
 * @param min what is added to or subtracted from each element of a sub-block, null for nothing
 * @param subtracted whether min is subtracted
 * @param codes one an element
 * @param levels what the codes stand for
 */
public record BlockSpec(
    int elements,
    int bytes,
    Factor scale,
    @Nullable Factor min,
    boolean subtracted,
    BitField codes,
    Levels levels) {

  /** What a code stands for. */
  public sealed interface Levels {
    /**
     * {@code code - bias}.
     *
     * @param bias what is subtracted
     */
    record Biased(int bias) implements Levels {}

    /** A code of 8 bits as a two's complement. */
    record Signed() implements Levels {}

    /**
     * A number for each code.
     *
     * @param values integers, one a code
     */
    record Table(List<Integer> values) implements Levels {
      /** Copies the values. */
      public Table {
        values = List.copyOf(values);
      }
    }

    /** A code of 8 bits as {@link DType#F8E4M3}. */
    record Float8() implements Levels {}
  }

  /** How a number that factors are made of is written. */
  public enum Written {
    /** Two bytes, {@link DType#F16}. */
    F16(2),
    /** Four bytes, {@link DType#F32}. */
    F32(4),
    /** A byte e that stands for {@code 2^(e - 128)}, half of what it means as an OCP E8M0. */
    HALF_E8M0(1),
    /** A byte that stands for half of its {@link DType#F8E4M3} without its sign; NaN is zero. */
    HALF_E4M3(1);

    private final int bytes;

    Written(int bytes) {
      this.bytes = bytes;
    }

    /**
     * Size of a number.
     *
     * @return bytes
     */
    public int bytes() {
      return bytes;
    }
  }

  /**
   * A number for each sub-block: one that is written for the block (or for each sub-block), times a
   * small integer of the sub-block where there are such.
   *
   * @param written how the number is written
   * @param at its first byte
   * @param stride from one sub-block's number to the next, in bytes; 0 = one for all
   * @param groups sub-blocks, of as many elements each
   * @param integers one a sub-block, null for none
   * @param bias what is subtracted from the integers
   * @param signed whether the integers are two's complements of 8 bits
   */
  public record Factor(
      Written written,
      int at,
      int stride,
      int groups,
      @Nullable BitField integers,
      int bias,
      boolean signed) {
    /** Checks that there are as many integers as sub-blocks. */
    public Factor {
      if (integers != null && integers.count() != groups) {
        throw new GraphException(
            "block factor: expected %d integers, got %d".formatted(groups, integers.count()));
      }
    }

    static Factor of(Written written, int at) {
      return new Factor(written, at, 0, 1, null, 0, false);
    }

    static Factor each(Written written, int groups) {
      return new Factor(written, 0, written.bytes, groups, null, 0, false);
    }

    static Factor times(int at, BitField integers, int bias) {
      return new Factor(Written.F16, at, 0, integers.count(), integers, bias, false);
    }
  }

  /** Checks that codes and sub-blocks divide the block. */
  public BlockSpec {
    if (codes.count() != elements
        || elements % scale.groups() != 0
        || (min != null && min.groups() != scale.groups())) {
      throw new GraphException(
          "block spec: expected %d codes and as many minima as scales, got %d codes"
              .formatted(elements, codes.count()));
    }
  }

  static BlockSpec scaled(int bytes, Factor scale, BitField codes, Levels levels) {
    return new BlockSpec(codes.count(), bytes, scale, null, false, codes, levels);
  }

  static BlockSpec raised(int bytes, Factor scale, Factor min, BitField codes) {
    return new BlockSpec(codes.count(), bytes, scale, min, false, codes, new Levels.Biased(0));
  }

  static BlockSpec lowered(int bytes, Factor scale, Factor min, BitField codes) {
    return new BlockSpec(codes.count(), bytes, scale, min, true, codes, new Levels.Biased(0));
  }
}
