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
 * @param codes one an element; of {@link Levels.Ternary}, one a byte
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

    /**
     * Coordinates of points. The low bits of a code pick a point of the book; element {@code i} has
     * its coordinate {@code i % dims}. The bits above say what becomes of it.
     *
     * @param book the points
     * @param above what the other bits of a code mean
     */
    record Points(Codebook book, Above above) implements Levels {
      /**
       * The number of the point.
       *
       * @param code of an element
       * @return 0 to the number of points less one
       */
      public int point(int code) {
        return code & book.points() - 1;
      }

      /**
       * The level of an element.
       *
       * @param code of the element
       * @param i index of the element
       * @return an integer of eight bits
       */
      public int level(int code, int i) {
        return above.apply(
            book.coordinate(point(code), i % book.dims()), code / book.points(), i % Byte.SIZE);
      }
    }

    /** What the bits of a code above the number of a point do to its coordinates. */
    enum Above {
      /** One bit: the coordinate is negative. */
      SIGN,
      /**
       * Seven bits, of the first seven of each eight elements whether they are negative; the eighth
       * is where that makes the number of negative ones even.
       */
      EVEN_SIGNS,
      /** One bit: eight times the coordinate, and 1 more, or 1 less where the bit is set. */
      EIGHTHS;

      private int apply(int coordinate, int bits, int eighth) {
        return switch (this) {
          case SIGN -> bits == 0 ? coordinate : -coordinate;
          case EVEN_SIGNS -> {
            int signs = bits | (Integer.bitCount(bits) & 1) << 7;
            yield (signs >> eighth & 1) == 0 ? coordinate : -coordinate;
          }
          case EIGHTHS -> 8 * coordinate + 1 - 2 * bits;
        };
      }
    }

    /**
     * Digits of base 3 less 1. A code of 8 bits is the fraction {@code code / 256}; its digit
     * behind the point, after multiplication by 3 to the power of the plane (modulo 1), is {@code
     * (code * 3^plane % 256) * 3 / 256}.
     *
     * @param runs of bytes, in their order
     */
    record Ternary(List<Planes> runs) implements Levels {
      /** Copies the runs. */
      public Ternary {
        runs = List.copyOf(runs);
      }

      /**
       * The level of a digit.
       *
       * @param code the byte
       * @param plane number of the digit
       * @return -1, 0 or 1
       */
      public static int level(int code, int plane) {
        int power = 1;
        for (int i = 0; i < plane; i++) {
          power *= 3;
        }
        return ((code * power & 255) * 3 >> 8) - 1;
      }
    }

    /**
     * Bytes that hold several elements each: the first digits of all of them come first.
     *
     * @param bytes how many
     * @param planes elements a byte
     */
    record Planes(int bytes, int planes) {}
  }

  /** How a number that factors are made of is written. */
  public enum Written {
    /** Two bytes, {@link DType#F16}. */
    F16(2),
    /** Two bytes that stand for a quarter of their {@link DType#F16}. */
    QUARTER_F16(2),
    /** Two bytes that stand for an eighth of their {@link DType#F16}. */
    EIGHTH_F16(2),
    /**
     * An eighth of an {@link DType#F16} whose four bits a piece, the lowest first, are the upper
     * halves of every second of eight bytes, the second one first.
     */
    EIGHTH_F16_IN_HALVES(8),
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

    /** An integer {@code n} stands for {@code 2 * n + 1}. */
    static Factor odd(Written written, int at, BitField integers) {
      List<BitField.Piece> doubled =
          integers.pieces().stream()
              .map(p -> new BitField.Piece(p.at(), p.shift(), p.width(), p.to() + 1, p.digits()))
              .toList();
      BitField field = new BitField(integers.count(), doubled);
      return new Factor(written, at, 0, integers.count(), field, -1, false);
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
    int coded = codes.count();
    if (levels instanceof Levels.Ternary(List<Levels.Planes> runs)) {
      coded = runs.stream().mapToInt(r -> r.bytes() * r.planes()).sum();
    }
    if (coded != elements
        || elements % scale.groups() != 0
        || (min != null && min.groups() != scale.groups())) {
      throw new GraphException(
          "block spec: expected %d codes and as many minima as scales, got %d codes"
              .formatted(elements, coded));
    }
  }

  static BlockSpec scaled(int bytes, Factor scale, BitField codes, Levels levels) {
    return new BlockSpec(codes.count(), bytes, scale, null, false, codes, levels);
  }

  static BlockSpec points(
      int bytes, Factor scale, BitField codes, Codebook book, Levels.Above above) {
    return scaled(bytes, scale, codes, new Levels.Points(book, above));
  }

  static BlockSpec raised(int bytes, Factor scale, Factor min, BitField codes) {
    return new BlockSpec(codes.count(), bytes, scale, min, false, codes, new Levels.Biased(0));
  }

  static BlockSpec lowered(int bytes, Factor scale, Factor min, BitField codes) {
    return new BlockSpec(codes.count(), bytes, scale, min, true, codes, new Levels.Biased(0));
  }
}
